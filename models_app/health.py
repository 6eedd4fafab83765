"""Whether this server can serve: for load balancers, scripts and `make run`."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
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
        return JsonResponse(
            {"status": "starting", "engine": error.code, "models": {}}, status=UNREADY
        )
    is_ready = any(status.state == "ready" for status in statuses)
    return JsonResponse(
        {
            "status": "ready" if is_ready else "starting",
            "engine": "running",
            "models": {status.name: _describe(status) for status in statuses},
        },
        status=200 if is_ready else UNREADY,
    )


def _describe(status: ModelStatus) -> dict[str, object]:
    return {
        "state": status.state,
        "precision": status.precision,
        "running": status.num_running,
        "waiting": status.num_waiting,
    }
