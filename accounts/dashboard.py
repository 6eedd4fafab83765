"""The dashboard: the page, and for htmx the part of it that a new API token changes."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from accounts import quota
from accounts.http import AuthenticatedHttpRequest, is_htmx
from accounts.models import ApiToken, Project
from accounts.next_steps import next_steps_of
from accounts.tier_cards import describe
from accounts.token_forms import CreateApiTokenForm, RotateApiTokenForm


def render_dashboard(
    request: AuthenticatedHttpRequest,
    *,
    form: CreateApiTokenForm | None = None,
    plaintext: str | None = None,
) -> HttpResponse:
    user = request.user
    default = user.default_project
    projects = list(user.projects.active().order_by("created_at", "pk"))
    chosen = _chosen(request, projects)
    found = ApiToken.objects.active().select_related("project")
    context: dict[str, Any] = {
        "form": form or CreateApiTokenForm(user=user, project=chosen or default),
        "rotate_form": RotateApiTokenForm(),
        "new_api_token": plaintext,
        "project": chosen,
        "projects": projects,
        "api_tokens": found.filter(project=chosen)
        if chosen
        else found.filter(project__user=user),
        "next_steps": next_steps_of(user),
        "quota": quota.status(user),
        "limit_lines": describe(user.limits),
    }
    page = "accounts/_dashboard.html" if is_htmx(request) else "accounts/dashboard.html"
    return render(request, page, context)


def _chosen(
    request: AuthenticatedHttpRequest, projects: list[Project]
) -> Project | None:
    """The project that the address names; none shows the API tokens of all."""
    wanted = request.GET.get("project", "")
    if not wanted:
        return None
    for project in projects:
        if project.public_id == wanted:
            return project
    raise Http404
