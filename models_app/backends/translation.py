"""The engine's error codes as the errors that callers see."""

from __future__ import annotations

from accounts.errors import ApplicationError
from inference import errors as engine_errors
from inference.messages import TokenEvent
from models_app.errors import (
    ContextLengthExceeded,
    DeadlineExceeded,
    EngineUnavailable,
    GenerationFailed,
    ModelLoading,
    Overloaded,
)

RETRY_SECONDS = 2


def translate(event: TokenEvent) -> ApplicationError:
    """The error that the last event of a failed generation stands for."""
    if event.error_code == engine_errors.ContextLengthExceeded.code:
        return ContextLengthExceeded(event.error, param="inputs")
    if event.error_code == engine_errors.DeadlineExceeded.code:
        return DeadlineExceeded()
    for engine_error, error in _TEMPORARY.items():
        if event.error_code == engine_error.code:
            return error(retry_after=RETRY_SECONDS)
    return GenerationFailed(f"{GenerationFailed.default_detail} ({event.error_code})")


_TEMPORARY: dict[type[engine_errors.EngineError], type[ApplicationError]] = {
    engine_errors.EngineUnavailable: EngineUnavailable,
    engine_errors.ModelNotLoaded: ModelLoading,
    engine_errors.Overloaded: Overloaded,
}
