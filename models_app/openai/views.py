"""The routes of OpenAI's API that this server has, below `/v1/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, cast

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import require_scope
from accounts.errors import ApplicationError
from accounts.models import ApiToken, Scope
from models_app.api.refusing import refusing
from models_app.callers import api_caller
from models_app.chat import chat_prompt
from models_app.idempotency.once import answered_once, settling, settling_stream
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.models import LanguageModel, PredictionSource
from models_app.openai import schemas
from models_app.openai.answers import Writer
from models_app.openai.calls import (
    Call,
    read_chat_call,
    read_completion_call,
)
from models_app.openai.catalogue import describe
from models_app.openai.chat_completions import ChatWriter
from models_app.openai.completions import CompletionWriter
from models_app.openai.errors import error_json
from models_app.openai.parameters import (
    CHAT,
    COMPLETION,
    DEFAULT_CHAT_TOKENS,
    DEFAULT_COMPLETION_TOKENS,
)
from models_app.services import Admission, admit, run_to_end
from models_app.sse import Render, event_stream_response
from models_app.timing_headers import timing_headers

AnyCall = TypeVar("AnyCall", bound=Call)


class OpenAiView(APIView):
    """Says errors in the names of its own route."""

    own_names: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def render_error(cls, error: ApplicationError, request_id: str) -> dict[str, Any]:
        return error_json(error, request_id=request_id, names=cls.own_names)

    def answer(
        self,
        request: Request,
        call: AnyCall,
        admission: Admission,
        writer_of: Callable[[Admission, AnyCall], Writer[AnyCall]],
    ) -> HttpResponseBase:
        if not call.is_streamed:
            writer = writer_of(admission, call)
            settle = settling(request, writer.answer, timing_headers)
            prediction = run_to_end(admission, settle)
            headers = timing_headers(prediction)
            return Response(writer.answer(prediction), headers=headers)
        request_id = request.headers["X-Request-Id"]

        def renderer_of(admission: Admission) -> Render:
            anew = writer_of(admission, call)
            return anew.renderer(lambda e: self.render_error(e.error, request_id))

        settle = settling_stream(request, renderer_of)
        render = renderer_of(admission)
        return event_stream_response(admission, render, refusing(request), settle)


class ModelListView(OpenAiView):
    @extend_schema(
        summary="List the models",
        operation_id="openai_list_models",
        responses={200: schemas.OpenAiModelListOutput},
    )
    def get(self, request: Request) -> Response:
        """Every model that your tier includes and your API token allows."""
        api_token = cast("ApiToken", request.auth)
        entries = [
            entry
            for entry in LanguageModel.objects.open_to(api_token.user)
            if api_token.allows_model(entry.slug)
        ]
        return Response({"object": "list", "data": describe(entries)})


class ModelView(OpenAiView):
    @extend_schema(
        summary="Describe a model",
        operation_id="openai_get_model",
        responses={200: schemas.OpenAiModelOutput},
    )
    def get(self, request: Request, ref: str) -> Response:
        """One model, by id, slug or its name on the hub."""
        (model,) = describe([LanguageModel.objects.resolve(ref)])
        return Response(model)


class CompletionView(OpenAiView):
    own_names = COMPLETION.own_names

    @extend_schema(
        summary="Complete a text",
        operation_id="openai_complete",
        request={"application/json": schemas.completion_schema()},
        parameters=[IDEMPOTENCY_KEY],
        responses=schemas.prediction_responses(schemas.TextCompletionOutput),
    )
    @answered_once
    def post(self, request: Request) -> HttpResponseBase:
        """Continue one prompt or several, as `/v1/completions` of OpenAI does."""
        call = read_completion_call(request.data)
        admission = admit(
            caller=api_caller(request, source=PredictionSource.OPENAI),
            language_model=call.model,
            prompts=call.prompts,
            parameters=call.parameters,
            default_new_tokens=DEFAULT_COMPLETION_TOKENS,
        )
        return self.answer(request, call, admission, CompletionWriter)


class ChatCompletionView(OpenAiView):
    own_names = CHAT.own_names
    source = PredictionSource.OPENAI

    @extend_schema(
        summary="Answer a conversation",
        operation_id="openai_chat",
        request={"application/json": schemas.chat_schema()},
        parameters=[IDEMPOTENCY_KEY],
        responses=schemas.prediction_responses(schemas.ChatCompletionOutput),
    )
    @answered_once
    def post(self, request: Request) -> HttpResponseBase:
        """The next message of a conversation, by a model with a chat template."""
        return self.complete(request, request.data)

    def complete(self, request: Request, body: Mapping[str, Any]) -> HttpResponseBase:
        # Nobody's template is filled in for who may run nothing.
        require_scope(cast("ApiToken", request.auth), Scope.PREDICT)
        call = read_chat_call(body)
        entry = LanguageModel.objects.resolve(call.model)
        prompt = chat_prompt(entry.slug, call.messages)
        admission = admit(
            caller=api_caller(request, source=self.source),
            language_model=entry.slug,
            prompts=[prompt.text],
            parameters=call.with_stop_tokens(prompt.stop_token_ids),
            default_new_tokens=DEFAULT_CHAT_TOKENS,
        )
        return self.answer(request, call, admission, ChatWriter)
