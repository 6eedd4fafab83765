"""The pages of batches: upload a file, watch it run, take the results."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.errors import ApplicationError, TierRequired
from accounts.http import AuthenticatedHttpRequest
from accounts.models import User
from models_app.batch_forms import UploadForm
from models_app.batches import service
from models_app.batches.models import Batch, BatchStatus, LineStatus
from models_app.batches.results import results_response
from models_app.calls import Caller
from models_app.models import PredictionSource
from models_app.webhooks.calls import address_of_call, webhook_of_call

SHOWN = 50
SHOWN_ERRORS = 10
# How each status looks, beside those that are quiet.
_BADGES = {
    BatchStatus.COMPLETED: "ok",
    BatchStatus.PROCESSING: "",
    BatchStatus.CANCELING: "warn",
    BatchStatus.EXPIRED: "warn",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A batch as its pages show it."""

    batch: Batch
    counts: dict[str, int]

    @property
    def ended(self) -> int:
        return self.batch.total - self.counts["waiting"] - self.counts["running"]

    @property
    def badge(self) -> str:
        return _BADGES.get(BatchStatus(self.batch.status), "off")

    @property
    def can_be_canceled(self) -> bool:
        return not self.batch.is_finished and not self.batch.cancel_requested_at


@dataclass(frozen=True, slots=True)
class FailedLine:
    number: int
    custom_id: str
    message: str


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def batches(request: AuthenticatedHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _render(request, UploadForm(user=request.user))
    form = UploadForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        return _render(request, form, status=400)
    try:
        batch = _upload(request.user, form)
    except ApplicationError as error:
        return _render(request, form, error, status=error.status_code)
    return redirect("batch", batch.public_id)


@never_cache
@require_safe
def batch(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    found = _find(request, public_id)
    context = {
        "shown": _shown([found])[0],
        "failed": _failed(found),
        "webhook": address_of_call(found.project, found.webhook),
    }
    return render(request, "models_app/batch.html", context)


@require_safe
def batch_results(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    return results_response(_find(request, public_id))


@require_POST
def batch_cancel(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    service.cancel(_find(request, public_id))
    return redirect("batch", public_id)


def _upload(user: User, form: UploadForm) -> Batch:
    project = form.project_of_batch
    caller = Caller(user=user, project=project, source=PredictionSource.BATCH)
    webhook = webhook_of_call(project, form.cleaned_data.get("webhook"), None)
    file: UploadedFile = form.cleaned_data["file"]
    return service.create(
        caller=caller, file=file, name=file.name or "", webhook=webhook
    )


def _render(
    request: AuthenticatedHttpRequest,
    form: UploadForm,
    error: ApplicationError | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    mine = request.user.batches.select_related("project").order_by("-pk")[:SHOWN]
    context = {
        "form": form,
        "error": error,
        "obstacle": _obstacle(request.user),
        "most": request.user.limits.lines_per_batch,
        "batches": _shown(list(mine)),
    }
    return render(request, "models_app/batches.html", context, status=status)


def _obstacle(user: User) -> str:
    """Why this account takes no batches, or nothing."""
    try:
        service.require_tier(user)
    except TierRequired as refusal:
        return refusal.message
    return ""


def _shown(found: list[Batch]) -> list[Shown]:
    counts = service.counts(found)
    return [Shown(one, counts[one.pk]) for one in found]


def _failed(found: Batch) -> list[FailedLine]:
    """The first of them: who wants all takes the results."""
    failed = found.lines.filter(status=LineStatus.FAILED).order_by("number")
    rows = failed.values_list("number", "custom_id", "error")[:SHOWN_ERRORS]
    return [
        FailedLine(number, custom_id, msgspec.json.decode(error or "{}")["message"])
        for number, custom_id, error in rows
    ]


def _find(request: AuthenticatedHttpRequest, public_id: str) -> Batch:
    mine = Batch.objects.filter(user=request.user).select_related("project")
    return get_object_or_404(mine, public_id=public_id)
