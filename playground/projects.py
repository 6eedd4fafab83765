"""Which project the playground's calls belong to; the session remembers the choice."""

from __future__ import annotations

from accounts.http import AuthenticatedHttpRequest
from accounts.models import Project
from models_app.callers import find_project

REMEMBERED = "playground_project"


def project_of_call(request: AuthenticatedHttpRequest) -> Project:
    """The one that the form names, or "Default". Raises `InvalidInput`."""
    public_id = request.POST.get("project", "")
    if not public_id:
        return request.user.default_project
    project = find_project(request.user, public_id)
    _remember(request, project)
    return project


def offered_projects(
    request: AuthenticatedHttpRequest,
) -> tuple[list[Project], Project | None]:
    """What the page offers, and which of it is chosen; nothing where there is no choice."""
    projects = list(request.user.projects.active().order_by("created_at", "pk"))
    if len(projects) < 2:
        return [], None
    wanted = request.POST.get("project") or request.session.get(REMEMBERED)
    remembered = [one for one in projects if one.public_id == wanted]
    usual = [one for one in projects if one.is_default]
    return projects, (remembered + usual + projects)[0]


def _remember(request: AuthenticatedHttpRequest, project: Project) -> None:
    wanted = None if project.is_default else project.public_id
    if request.session.get(REMEMBERED) != wanted:
        request.session[REMEMBERED] = wanted
