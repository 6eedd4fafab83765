"""The one tree of errors that callers see: a code, a status and a text in one class.

Any layer raises; `neuro_site.error_handler` renders, each door in its own dialect.
docs/errors.md lists every code.
"""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException


class ApplicationError(APIException):
    """An error on purpose. `hint` says what to do next, `param` which field is wrong."""

    status_code: int = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_request"
    default_detail = "The request cannot be carried out."
    default_hint = ""

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail=message)
        self.code = self.default_code
        self.message = message or str(self.default_detail)
        self.hint = self.default_hint if hint is None else hint
        self.param = param
        self.retry_after = retry_after


class InvalidApiToken(ApplicationError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "invalid_api_token"
    default_detail = "This API token is not valid."
    default_hint = "Create an API token on the dashboard and send it as a Bearer token."


class TierRequired(ApplicationError):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "tier_required"
    default_detail = "Your tier does not include this model."
    default_hint = "Change your tier on the Tiers page."


class RateLimited(ApplicationError):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "rate_limit_exceeded"
    default_detail = "Too many requests in the last minute."
    default_hint = "Wait as long as the Retry-After header says, then try again."


class QuotaExceeded(ApplicationError):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "insufficient_quota"
    default_detail = "Today's token quota is used up."
    default_hint = "Wait for the reset or choose a tier with a larger quota."
