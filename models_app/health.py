"""Whether this server can serve: for load balancers, scripts and `make run`."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.errors import ApplicationError
from models_app.backends import get_backend
from models_app.backends.base import ModelStatus

UNREADY = 503


@login_not_required
@never_cache
@require_safe
async def health(request: HttpRequest) -> JsonResponse:
    """503 until the engine serves some model, 200 from then on."""
    try:
        statuses = await get_backend().health()
    except ApplicationError as error:
        return _not_yet(request, error.code, [])
    if any(status.state == "ready" for status in statuses):
        return JsonResponse(_report("ready", "running", statuses))
    return _not_yet(request, "running", statuses)


def _not_yet(
    request: HttpRequest, engine: str, statuses: list[ModelStatus]
) -> JsonResponse:
    response = JsonResponse(_report("starting", engine, statuses), status=UNREADY)
    # Django would call it an error; every start begins so.
    log_response(
        "not ready: engine %s", engine, response=response, request=request, level="info"
    )
    return response


def _report(status: str, engine: str, statuses: list[ModelStatus]) -> dict[str, object]:
    return {
        "status": status,
        "engine": engine,
        "models": {one.name: _describe(one) for one in statuses},
    }


def _describe(status: ModelStatus) -> dict[str, object]:
    return {
        "state": status.state,
        "precision": status.precision,
        "running": status.num_running,
        "waiting": status.num_waiting,
    }
