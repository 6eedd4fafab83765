"""The page of one project on which its owner decides about texts of calls."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import AuthenticatedHttpRequest
from accounts.models import Project
from models_app.models import PredictionTexts
from models_app.text_content import MAX_CHARACTERS
from models_app.texts import LONGEST_DAYS, USUAL_DAYS, drop_texts, keep_texts


class KeepTextsForm(forms.Form):
    days = forms.IntegerField(
        label="Days",
        min_value=1,
        max_value=LONGEST_DAYS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=f"From 1 to {LONGEST_DAYS}. After that they are deleted.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def project_texts(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    form = KeepTextsForm(
        request.POST if request.method == "POST" else None,
        initial={"days": project.text_retention_days or USUAL_DAYS},
    )
    if form.is_valid():
        days = form.cleaned_data["days"]
        keep_texts(project=project, days=days)
        messages.success(
            request,
            f"Texts of calls in “{project.name}” are kept for {days} "
            f"day{'' if days == 1 else 's'} from now on.",
        )
        return redirect("project_texts", public_id)
    context = {
        "project": project,
        "form": form,
        "kept": PredictionTexts.objects.filter(project=project).count(),
        "max_characters": MAX_CHARACTERS,
    }
    return render(request, "models_app/project_texts.html", context)


@require_POST
def drop(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    deleted = drop_texts(project=project)
    messages.success(
        request,
        f"“{project.name}” keeps no texts any more; those of {deleted:,} "
        f"prediction{'' if deleted == 1 else 's'} are deleted.",
    )
    return redirect("project_texts", public_id)


def _find(request: AuthenticatedHttpRequest, public_id: str) -> Project:
    return get_object_or_404(Project, user=request.user, public_id=public_id)
