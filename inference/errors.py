"""What the engine refuses, as values that cross the process boundary by code."""

from __future__ import annotations


class EngineError(Exception):
    """Base of everything the engine raises on purpose; `code` names it on the wire."""

    code = "engine_error"


class InvalidRequest(EngineError):
    """The request can never run: an empty prompt, ids outside the vocabulary."""

    code = "invalid_request"


class ContextLengthExceeded(InvalidRequest):
    """Prompt and `max_new_tokens` together do not fit the model's context."""

    code = "context_length_exceeded"


class ModelNotLoaded(EngineError):
    """The engine has no weights under this name."""

    code = "model_not_loaded"


class Overloaded(EngineError):
    """The waiting queue is full; try again later."""

    code = "overloaded"


class EngineUnavailable(EngineError):
    """The engine process is not running or did not answer."""

    code = "engine_unavailable"


class CheckpointInvalid(EngineError):
    """The folder is not a checkpoint that this engine can serve."""

    code = "checkpoint_invalid"


class DeadlineExceeded(EngineError):
    """The request did not finish within the time its caller gave it."""

    code = "deadline_exceeded"


class EngineFailed(EngineError):
    """A step went wrong inside the engine; what was running is lost."""

    code = "engine_failed"


class InvalidPrecision(EngineError):
    """This machine cannot compute in the precision asked for."""

    code = "invalid_precision"
