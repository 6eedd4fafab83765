"""The one tree of errors that callers see: a code, a status and a text in one class.

Any layer raises; `neuro_site.error_handler` renders, each door in its own dialect.
docs/errors.md lists every code.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException

from accounts.durations import in_words

# How hints begin where the answer has the header.
WAIT = "Wait as long as the Retry-After header says"


class ApplicationError(APIException):
    """An error on purpose. `hint` says what to do next, `param` which field is wrong."""

    status_code: int = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_request"
    default_detail = "The request cannot be carried out."
    default_hint = ""
    headers: Mapping[str, str] = {}

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

    @property
    def hint_on_page(self) -> str:
        """The hint for who sees no headers."""
        seconds = self.retry_after
        wait = f"Wait {in_words(seconds)}" if seconds else "Wait a moment"
        return self.hint.replace(WAIT, wait)

    @property
    def details(self) -> dict[str, object]:
        """What the error's JSON has besides, by name."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReport:
    """Which limit refused a call, who set it, and how far it is used."""

    name: str
    set_by: str
    allowed: int
    used: int
    requested: int
    resets_at: datetime.datetime | None

    def as_json(self) -> dict[str, object]:
        resets_at = self.resets_at.isoformat() if self.resets_at else None
        return {
            "name": self.name,
            "set_by": self.set_by,
            "allowed": self.allowed,
            "used": self.used,
            "requested": self.requested,
            "resets_at": resets_at,
        }

    @property
    def retry_after(self) -> int:
        """Whole seconds to wait, at least one."""
        if self.resets_at is None:
            return 1
        seconds = (self.resets_at - timezone.now()).total_seconds()
        return max(1, math.floor(seconds) + 1)


class InvalidApiToken(ApplicationError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "invalid_api_token"
    default_detail = "This API token is not valid."
    default_hint = "Create an API token on the dashboard and send it as a Bearer token."


class ExpiredApiToken(InvalidApiToken):
    default_code = "expired_api_token"
    default_detail = "This API token has expired."


class Conflict(ApplicationError):
    """The call fits what is no more as it was."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class RefusedByLimit(ApplicationError):
    """Something that can be raised refuses the call; the request log tells which.

    `limit` is the name of a limit of `accounts.tiers`, or one of `OTHER_LIMITS`;
    `set_by` is a `SetBy`, or empty for whoever set the account's.
    """

    limit = ""
    set_by = ""


# What refuses like a limit and is none of a tier's numbers, in words.
OTHER_LIMITS = {
    "minimum_tier": "Models of your tier",
    "allowed_models": "Models of the API token",
}


class TierRequired(RefusedByLimit):
    limit, set_by = "minimum_tier", "tier"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "tier_required"
    default_detail = "Your tier does not include this model."
    default_hint = "Change your tier on the Tiers page."


class TierLimitExceeded(RefusedByLimit):
    """A value that is valid but beyond what the caller may ask for in one call."""

    status_code = status.HTTP_403_FORBIDDEN
    default_code = "tier_limit_exceeded"
    default_hint = "The Tiers page compares the limits of each tier."

    def __init__(
        self,
        message: str,
        *,
        limit: str,
        set_by: str = "",
        hint: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, param=param)
        self.limit, self.set_by = limit, set_by


class InsufficientScope(ApplicationError):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "insufficient_scope"
    default_hint = "Use an API token with this scope; the dashboard creates them."


class ExceedsApiToken(InsufficientScope):
    """An API token manages none that may do more than itself."""

    default_hint = "Use an API token that may do as much, or the dashboard."


class ModelNotAllowed(RefusedByLimit):
    limit, set_by = "allowed_models", "api_token"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "model_not_allowed"
    default_hint = "Use another API token, or one that allows every model."


class LimitReached(RefusedByLimit):
    """A limit refuses the call for now; `report` says which in numbers."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "rate_limit_exceeded"

    def __init__(self, message: str, *, hint: str, report: LimitReport) -> None:
        super().__init__(message, hint=hint, retry_after=report.retry_after)
        self.report = report
        self.limit, self.set_by = report.name, report.set_by

    @property
    def details(self) -> dict[str, object]:
        return {"limit": self.report.as_json()}


class RateLimited(LimitReached):
    """Requests or tokens a minute, or requests at once."""


class QuotaExceeded(LimitReached):
    """Tokens a day."""

    default_code = "insufficient_quota"
