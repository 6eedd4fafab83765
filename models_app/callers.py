"""Who calls, read from an API request."""

from __future__ import annotations

from typing import cast

from rest_framework.request import Request

from accounts.models import ApiToken
from models_app.models import PredictionSource
from models_app.services import Caller


def api_caller(request: Request, *, source: PredictionSource) -> Caller:
    """The account and project behind the request's API token."""
    api_token = cast("ApiToken", request.auth)
    return Caller(
        user=api_token.user,
        project=api_token.project,
        source=source,
        api_token=api_token,
    )
