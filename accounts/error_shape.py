"""The one JSON shape of an error: OpenAI's object with `hint` and `request_id`."""

from __future__ import annotations

from accounts.errors import ApplicationError

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}


def error_type(status_code: int) -> str:
    """The coarse kind of an error, by its status."""
    fallback = "server_error" if status_code >= 500 else "invalid_request_error"
    return _TYPES.get(status_code, fallback)


def error_object(
    error: ApplicationError, *, request_id: str | None = None
) -> dict[str, object]:
    """Without `request_id` where no single request has failed."""
    of_request = {} if request_id is None else {"request_id": request_id}
    return {
        "message": error.message,
        "type": error_type(error.status_code),
        "param": error.param,
        "code": error.code,
        "hint": error.hint or None,
        **of_request,
        **error.details,
    }


def error_headers(error: ApplicationError) -> dict[str, str]:
    if error.retry_after is None:
        return dict(error.headers)
    return {**error.headers, "Retry-After": str(error.retry_after)}
