"""Where an account is signed in, and how to end that."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from accounts.browsers import name_of
from accounts.http import AuthenticatedHttpRequest


@require_safe
def sessions(request: AuthenticatedHttpRequest) -> HttpResponse:
    found = UserSession.objects.purge_and_list(request.user)
    newest_first = sorted(found, key=lambda one: one.last_seen_at, reverse=True)
    mine = [one for one in newest_first if one.is_current()]
    others = [one for one in newest_first if not one.is_current()]
    context = {"sessions": mine + others, "has_others": bool(others)}
    return render(request, "accounts/area/sessions.html", context)


@require_POST
def end(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(UserSession, user=request.user, pk=pk)
    if session.is_current():
        return redirect("account_logout")
    browser = name_of(session.user_agent)
    session.end()
    audit.record(
        user=request.user, kind="session.ended", request=request, browser=browser
    )
    messages.success(request, f"{browser} is signed out.")
    return redirect("account_sessions")


@require_POST
def end_others(request: AuthenticatedHttpRequest) -> HttpResponse:
    others = UserSession.objects.filter(user=request.user).exclude(
        session_key=request.session.session_key
    )
    for session in others:
        session.end()
    audit.record(user=request.user, kind="sessions.ended", request=request)
    messages.success(request, "You are signed out everywhere else.")
    return redirect("account_sessions")
