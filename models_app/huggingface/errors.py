"""Errors as text-generation-inference (TGI) says them, with our own fields beside.

huggingface_hub raises by `error_type`; without one it raises by status.
"""

from __future__ import annotations

from accounts.error_shape import error_object
from accounts.errors import ApplicationError, LimitReached
from models_app.errors import EngineUnavailable, ModelLoading, Overloaded

# Waiting helps.
_OVERLOADED = (LimitReached, Overloaded, EngineUnavailable, ModelLoading)
_TYPES = {
    400: "validation",
    413: "validation",
    415: "validation",
    500: "generation",
    504: "generation",
}


def error_type(error: ApplicationError) -> str | None:
    """TGI's word for it, where it has one."""
    if isinstance(error, _OVERLOADED):
        return "overloaded"
    return _TYPES.get(error.status_code)


def error_json(error: ApplicationError, request_id: str) -> dict[str, object]:
    return as_sentence(error_object(error, request_id=request_id), error)


def as_sentence(
    fields: dict[str, object], error: ApplicationError
) -> dict[str, object]:
    """The error object with what these clients print and raise by."""
    message, hint = str(fields["message"]), str(fields["hint"] or "")
    # OpenAI's message ends with the hint already.
    sentence = message if message.endswith(hint) else f"{message} {hint}"
    known = error_type(error)
    return fields | {"error": sentence} | ({"error_type": known} if known else {})
