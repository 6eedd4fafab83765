"""Carries a new secret over the redirect to the page that shows it, once.

In a short-lived cookie of the owner's own browser, as `accounts.show_once` does it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import Project

_COOKIE = "new_webhook_secret"
_LIFETIME_SECONDS = 60


def hand_over(response: HttpResponse, secret: str, project: Project) -> None:
    response.set_signed_cookie(
        _COOKIE,
        secret,
        salt=_salt(project),
        max_age=_LIFETIME_SECONDS,
        path=_path(project),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def receive(request: HttpRequest, project: Project) -> str | None:
    return request.get_signed_cookie(
        _COOKIE, None, salt=_salt(project), max_age=_LIFETIME_SECONDS
    )


def forget(response: HttpResponse, project: Project) -> None:
    response.delete_cookie(_COOKIE, path=_path(project), samesite="Strict")


def _salt(project: Project) -> str:
    return f"models_app.webhooks.{project.public_id}"


def _path(project: Project) -> str:
    return reverse("project_webhooks", args=[project.public_id])
