"""What can go wrong between a prompt and its completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import status

from accounts.errors import WAIT, ApplicationError, Conflict


class ModelNotFound(ApplicationError):
    """`nearest` is the slug of the model whose name is most like it, if one's is."""

    nearest: str | None = None
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "model_not_found"
    default_detail = "There is no such model here."
    default_hint = "The catalogue lists every model with its id."


class ModelNotInstalled(ApplicationError):
    """The catalogue has the model, but its weights are not on this server."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "model_not_installed"
    default_detail = "The weights of this model are not installed on this server."


class UtilityNotInstalled(ApplicationError):
    """The files that a utility works with are not on this server."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "utility_not_installed"


class ModelNotVerified(ApplicationError):
    """The weights are there, and nothing says that the engine computes them rightly."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "model_not_verified"
    default_detail = "This model was not found to match its reference."


class ModelLoading(ApplicationError):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "model_loading"
    default_detail = "This model is being loaded."
    default_hint = f"{WAIT}, then try again."


class ModelLoadFailed(ApplicationError):
    """The weights are there and the engine could not load them."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "model_load_failed"
    default_detail = "This model could not be loaded."
    default_hint = "Whoever runs this server finds the reason in its log."


class EngineUnavailable(ApplicationError):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "engine_unavailable"
    default_detail = "The engine is not running at the moment; it is being restarted."
    default_hint = f"{WAIT}, then try again."


class ServerStopping(ApplicationError):
    """The web process was told to stop: it finishes what runs and begins nothing."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "server_stopping"
    default_detail = "This server is stopping."
    default_hint = f"{WAIT}, then try again."


class Overloaded(ApplicationError):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "overloaded"
    default_detail = "Too many predictions are waiting already."
    default_hint = f"{WAIT}, then try again."


class QueueFull(ApplicationError):
    """The account has as many asynchronous predictions waiting as it may."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "queue_full"
    default_hint = "Wait until some of them have ended, or cancel some."


class PredictionNotFound(ApplicationError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "prediction_not_found"
    default_detail = "Your project has no asynchronous prediction with this id."
    default_hint = "They are deleted some time after they have ended."


class IdempotencyKeyReuse(Conflict):
    default_code = "idempotency_key_reuse"
    default_detail = "Another call was made with this Idempotency-Key."
    default_hint = "Give each call a key of its own; a repeated one keeps its body."


class IdempotencyKeyInUse(Conflict):
    default_code = "idempotency_key_in_use"
    default_detail = "The call with this Idempotency-Key is still being carried out."
    default_hint = f"{WAIT}, then try again."


class WebhookSecretMissing(Conflict):
    """A call names a webhook, and its project has nothing to sign it with."""

    default_code = "webhook_secret_missing"
    default_detail = "Your project has no secret yet that would sign its webhooks."
    default_hint = (
        "Make one on the project's page of webhooks, or with "
        "POST /api/v1/webhooks/secret."
    )


class WebhookNotFound(ApplicationError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "webhook_not_found"
    default_detail = "Your project has no such webhook, or no such delivery of one."


class DataNotFound(ApplicationError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "data_not_found"
    default_hint = (
        "It is deleted when it was not used for a while: give npu.predict the data "
        "itself, and it is sent again."
    )


class UploadsFull(ApplicationError):
    """A project keeps as much uploaded data as it may."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "uploads_full"
    default_hint = "What is not used for a while is deleted; then there is room again."


class BatchNotFound(ApplicationError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "batch_not_found"
    default_detail = "Your project has no batch with this id."
    default_hint = "They are deleted some days after they have ended."


class InvalidBatch(ApplicationError):
    """An uploaded file with lines that can never run, none of which is taken.

    `problems` are the errors of its lines as JSON, each with the number of its `line`.
    """

    default_code = "invalid_batch"
    default_hint = "Nothing of the file was taken: correct it and send all of it again."

    def __init__(self, problems: Sequence[dict[str, Any]]) -> None:
        first = problems[0]
        super().__init__(f"Line {first['line']}: {first['message']}", param="file")
        self.problems = problems

    @property
    def details(self) -> dict[str, object]:
        return {"lines": self.problems}


class DeadlineExceeded(ApplicationError):
    """What the engine had to do took longer than `NEURO_REQUEST_SECONDS`."""

    status_code = status.HTTP_504_GATEWAY_TIMEOUT
    default_code = "deadline_exceeded"
    default_detail = "The prediction took longer than this server allows."
    default_hint = "Ask for fewer new tokens, or stream and keep what has come."


class GenerationFailed(ApplicationError):
    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "generation_failed"
    default_detail = "The engine could not finish this prediction; nothing was charged."


class Interrupted(ApplicationError):
    """Of the ledger: nobody is left who could be told."""

    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "interrupted"
    default_detail = "The server stopped in the middle; nothing was charged."


class InvalidInput(ApplicationError):
    """The call's own fields are wrong: no prompt, a prompt that is not text."""

    default_code = "invalid_input"


class InvalidParameter(ApplicationError):
    """A generation parameter is unknown, of the wrong type or out of range."""

    default_code = "invalid_parameter"


class UnsupportedParameter(InvalidParameter):
    """A parameter that exists elsewhere and that this service cannot honour."""

    default_code = "unsupported_parameter"


class ChatNotSupported(ApplicationError):
    """A conversation for a language model that was not taught any."""

    default_code = "chat_not_supported"
    default_detail = "This model takes no conversations."
    default_hint = "Send the text that it shall continue to /v1/completions."


class ContextLengthExceeded(ApplicationError):
    default_code = "context_length_exceeded"
    default_detail = "Prompt and completion do not fit the model's context."


class NotSupported(ApplicationError):
    """A route of another service that this one answers honestly instead of never."""

    status_code = status.HTTP_501_NOT_IMPLEMENTED
    default_code = "not_supported"


def is_temporary(error: ApplicationError) -> bool:
    """Whether the same call may succeed as soon as the engine can take it."""
    return isinstance(error, EngineUnavailable | ModelLoading | Overloaded)
