from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import fresh_sign_in, quota, services, show_once
from accounts.forms import ApiTokenForm
from accounts.http import AuthenticatedHttpRequest, is_htmx
from accounts.models import ApiToken
from accounts.next_steps import next_steps_of
from accounts.tier_cards import describe, tier_cards


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("dashboard")
    return render(request, "accounts/home.html", {"tier_cards": tier_cards(None)})


@login_not_required
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    context = {"has_mail_server": settings.MAIL_IS_CONFIGURED}
    return render(request, "account/waiting.html", context)


@require_safe
@never_cache
def dashboard(request: AuthenticatedHttpRequest) -> HttpResponse:
    plaintext = show_once.receive(request, owner=request.user)
    response = _render_dashboard(request, ApiTokenForm(), plaintext)
    if show_once.COOKIE in request.COOKIES:
        show_once.forget(response)
    return response


@require_POST
@never_cache
@fresh_sign_in.required
def api_token_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = ApiTokenForm(request.POST)
    if not form.is_valid():
        return _render_dashboard(request, form, None)
    _, plaintext = services.issue_api_token(
        project=request.user.default_project, name=form.cleaned_data["name"]
    )
    if is_htmx(request):
        return _render_dashboard(request, ApiTokenForm(), plaintext)
    response = redirect("dashboard")
    show_once.hand_over(response, plaintext)
    return response


@require_POST
@never_cache
def api_token_revoke(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    api_token = get_object_or_404(
        ApiToken, project__user=request.user, public_id=public_id
    )
    services.revoke_api_token(api_token=api_token)
    messages.success(request, f"“{api_token.name}” is revoked and refused from now on.")
    return redirect("dashboard")


def _render_dashboard(
    request: AuthenticatedHttpRequest, form: ApiTokenForm, plaintext: str | None
) -> HttpResponse:
    """The page, or for htmx the part of it that a new API token changes."""
    project = request.user.default_project
    context: dict[str, Any] = {
        "form": form,
        "new_api_token": plaintext,
        "project": project,
        "api_tokens": project.api_tokens.active(),
        "next_steps": next_steps_of(request.user),
        "quota": quota.status(request.user),
        "limit_lines": describe(request.user.limits),
    }
    page = "accounts/_dashboard.html" if is_htmx(request) else "accounts/dashboard.html"
    return render(request, page, context)
