"""`InferenceClient.chat_completion`: OpenAI's answer at an address of the model's own."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.errors import ApplicationError
from models_app.huggingface import schema
from models_app.huggingface.errors import as_sentence
from models_app.idempotency.once import answered_once
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.models import PredictionSource
from models_app.openai import schemas as openai_schemas
from models_app.openai.views import ChatCompletionView


class ChatView(ChatCompletionView):
    """The address names the model, whatever the body says: the client fills in
    "dummy" there."""

    source = PredictionSource.HUGGING_FACE

    @classmethod
    def render_error(cls, error: ApplicationError, request_id: str) -> dict[str, Any]:
        return as_sentence(super().render_error(error, request_id)["error"], error)

    @extend_schema(
        summary="Answer a conversation",
        operation_id="hugging_face_chat",
        request={"application/json": openai_schemas.chat_schema_without_model()},
        parameters=[IDEMPOTENCY_KEY],
        responses=openai_schemas.prediction_responses(
            openai_schemas.ChatCompletionOutput
        )
        | schema.CALL_ERRORS
        | {404: schema.TgiErrorOutput},
    )
    @answered_once
    def post(self, request: Request, ref: str = "") -> HttpResponseBase:
        """OpenAI's `chat/completions` with this model, if it has a chat template."""
        return self.complete(request, request.data | {"model": ref})
