"""The page of projects, and what can be done to one."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import AuthenticatedHttpRequest
from accounts.models import Project
from accounts.projects import (
    archive_project,
    create_project,
    rename_project,
    restore_project,
)
from accounts.token_forms import ProjectForm


@require_http_methods(["GET", "HEAD", "POST"])
def projects(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            project = create_project(user=request.user, name=form.cleaned_data["name"])
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, f"The project “{project.name}” is ready.")
            return redirect("projects")
    unrevoked = Count("api_tokens", filter=Q(api_tokens__revoked_at=None))
    found = request.user.projects.annotate(api_token_count=unrevoked)
    found = found.prefetch_related("webhooks")
    context = {
        "form": form,
        "active": found.filter(archived_at=None).order_by("created_at", "pk"),
        "archived": found.exclude(archived_at=None).order_by("-archived_at"),
    }
    return render(request, "accounts/projects.html", context)


@require_POST
def rename(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    try:
        rename_project(project=project, name=request.POST.get("name", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"The project is called “{project.name}” now.")
    return redirect("projects")


@require_POST
def archive(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    try:
        archive_project(project=project)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(
            request, f"“{project.name}” is archived and its API tokens are refused."
        )
    return redirect("projects")


@require_POST
def restore(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    restore_project(project=project)
    messages.success(request, f"“{project.name}” is back and its API tokens work.")
    return redirect("projects")


def _find(request: AuthenticatedHttpRequest, public_id: str) -> Project:
    return get_object_or_404(Project, user=request.user, public_id=public_id)
