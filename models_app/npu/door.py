"""What every view of the npu door has in common."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.access import require_scope
from accounts.error_shape import error_object
from accounts.errors import ApplicationError
from accounts.models import ApiToken, Scope
from models_app.callers import api_caller
from models_app.models import PredictionSource
from models_app.services import Caller


class NpuView(APIView):
    """Says errors as the client wants them."""

    @staticmethod
    def render_error(error: ApplicationError, request_id: str) -> dict[str, Any]:
        body = error_object(error, request_id=request_id)
        return body | {"error": sentence_of(error)}


class PredictingView(NpuView):
    """For API tokens that may predict."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_scope(cast("ApiToken", request.auth), Scope.PREDICT)


def sentence_of(error: ApplicationError) -> str:
    """The client prints one string."""
    return " ".join(part for part in (error.message, error.hint) if part)


def caller_of(request: Request, project_id: str) -> Caller:
    return api_caller(request, source=PredictionSource.NPU, project_id=project_id)
