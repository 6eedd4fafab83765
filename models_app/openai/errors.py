"""Errors in the words of a caller who never saw the native API."""

from __future__ import annotations

import re
from collections.abc import Mapping

from accounts.error_shape import error_object
from accounts.errors import ApplicationError
from models_app.errors import InvalidParameter

Names = Mapping[str, str]


class UnknownParameter(InvalidParameter):
    """Speaks of a name as the caller wrote it."""


def error_json(
    error: ApplicationError, *, request_id: str, names: Names
) -> dict[str, object]:
    """The one error object, in which our names of parameters are the caller's. The hint
    follows the message, since OpenAI's packages show nothing else."""
    if isinstance(error, UnknownParameter):
        names = {}
    message, hint = _renamed(error.message, names), _renamed(error.hint, names)
    return {
        "error": error_object(error, request_id=request_id)
        | {
            "message": f"{message} {hint}".strip(),
            "hint": hint or None,
            "param": names.get(error.param or "", error.param),
        }
    }


def _renamed(text: str, names: Names) -> str:
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)
