"""What the dashboard's API tokens can be told: create, change, rotate, revoke."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import api_tokens, fresh_sign_in, show_once
from accounts.dashboard import render_dashboard
from accounts.errors import Conflict
from accounts.http import AuthenticatedHttpRequest, is_htmx
from accounts.models import ApiToken
from accounts.token_forms import (
    CreateApiTokenForm,
    EditApiTokenForm,
    RotateApiTokenForm,
)


@require_POST
@never_cache
@fresh_sign_in.required
def api_token_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = CreateApiTokenForm(
        request.POST, user=request.user, project=request.user.default_project
    )
    if not form.is_valid():
        return render_dashboard(request, form=form)
    try:
        _, plaintext = api_tokens.issue_api_token(
            project=form.cleaned_data["project"],
            name=form.cleaned_data["name"],
            options=form.options(),
        )
    except Conflict as error:
        form.add_error("name", error.message)
        return render_dashboard(request, form=form)
    return _show(request, plaintext)


@require_POST
@never_cache
@fresh_sign_in.required
def api_token_rotate(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    api_token = _find(request, public_id)
    form = RotateApiTokenForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose when the old value ends.")
        return redirect("dashboard")
    try:
        plaintext = api_tokens.rotate_api_token(api_token=api_token, grace=form.period)
    except Conflict as error:
        messages.error(request, error.message)
        return redirect("dashboard")
    return _show(request, plaintext)


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_edit(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    """Only what lets the API token do more asks for a fresh sign-in."""
    api_token = _find(request, public_id)
    if api_token.is_revoked or api_token.is_expired:
        messages.error(request, "This API token works no more; create a new one.")
        return redirect("dashboard")
    form = EditApiTokenForm(
        request.POST if request.method == "POST" else None, api_token=api_token
    )
    if not form.is_valid():
        context = {"form": form, "api_token": api_token}
        return render(request, "accounts/edit_api_token.html", context)
    save = fresh_sign_in.required(_save) if form.widens else _save
    return save(request, form)


@require_POST
@never_cache
def api_token_revoke(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    api_token = _find(request, public_id)
    api_tokens.revoke_api_token(api_token=api_token)
    messages.success(request, f"“{api_token.name}” is revoked and refused from now on.")
    return redirect("dashboard")


def _save(request: AuthenticatedHttpRequest, form: EditApiTokenForm) -> HttpResponse:
    name = form.cleaned_data["name"]
    try:
        is_changed = api_tokens.update_api_token(
            api_token=form.api_token, name=name, options=form.options()
        )
    except Conflict as error:
        messages.error(request, error.message)
    else:
        done = "is changed from now on" if is_changed else "is as it was"
        messages.success(request, f"“{name}” {done}.")
    return redirect("dashboard")


def _find(request: AuthenticatedHttpRequest, public_id: str) -> ApiToken:
    return get_object_or_404(ApiToken, project__user=request.user, public_id=public_id)


def _show(request: AuthenticatedHttpRequest, plaintext: str) -> HttpResponse:
    if is_htmx(request):
        return render_dashboard(request, plaintext=plaintext)
    response = redirect("dashboard")
    show_once.hand_over(response, plaintext)
    return response
