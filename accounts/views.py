from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import show_once
from accounts.dashboard import render_dashboard
from accounts.http import AuthenticatedHttpRequest
from accounts.tier_cards import tier_cards


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
    response = render_dashboard(request, plaintext=plaintext)
    if show_once.COOKIE in request.COOKIES:
        show_once.forget(response)
    return response
