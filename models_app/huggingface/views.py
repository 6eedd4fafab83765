"""text-generation-inference's routes below the address of each language model.

`InferenceClient(model="http://host/models/<slug>")` posts to that address itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import ApplicationError
from accounts.models import User
from models_app.api.refusing import refusing
from models_app.backends import get_backend
from models_app.callers import api_caller
from models_app.huggingface import schema
from models_app.huggingface.calls import Call, admit_call, read_call, read_prompt
from models_app.huggingface.errors import error_json
from models_app.huggingface.info import describe
from models_app.huggingface.rendering import StreamRenderer
from models_app.idempotency.once import answered_once, settling, settling_stream
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.models import LanguageModel, PredictionSource
from models_app.predictions import Prediction
from models_app.services import Admission, Caller, run_to_end
from models_app.sse import Render, event_stream_response
from models_app.timing_headers import timing_headers
from models_app.tokenization import tokenize


class HuggingFaceView(APIView):
    """Says errors as huggingface_hub reads them."""

    @staticmethod
    def render_error(error: ApplicationError, request_id: str) -> dict[str, Any]:
        return error_json(error, request_id)


class CallView(HuggingFaceView):
    """The address of a model: what is posted there is a call."""

    @extend_schema(
        summary="Generate text",
        operation_id="hugging_face_call",
        request=schema.TgiCallInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            (200, "application/json"): schema.TgiGenerateOutput(many=True),
            (200, "text/event-stream"): schema.STREAM,
            **schema.CALL_ERRORS,
        },
    )
    @answered_once
    def post(self, request: Request, ref: str) -> HttpResponseBase:
        """As `huggingface_hub.InferenceClient` sends it; `stream` chooses the answer."""
        call = read_call(request.data)
        if call.streams:
            return _stream(request, ref, call)
        # A list: Hugging Face's own service answers so, and clients of either take it.
        return _answer(request, ref, call, lambda generated: [generated])


class GenerateView(HuggingFaceView):
    @extend_schema(
        summary="Generate text in one piece",
        operation_id="hugging_face_generate",
        request=schema.TgiGenerateInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={200: schema.TgiGenerateOutput, **schema.CALL_ERRORS},
    )
    @answered_once
    def post(self, request: Request, ref: str) -> Response:
        """TGI's `generate`."""
        call = read_call(request.data, streams=False)
        return _answer(request, ref, call, lambda generated: generated)


class GenerateStreamView(HuggingFaceView):
    @extend_schema(
        summary="Generate text as a stream",
        operation_id="hugging_face_generate_stream",
        request=schema.TgiGenerateInput,
        responses={(200, "text/event-stream"): schema.STREAM, **schema.CALL_ERRORS},
    )
    @answered_once
    def post(self, request: Request, ref: str) -> HttpResponseBase:
        """TGI's `generate_stream`."""
        return _stream(request, ref, read_call(request.data, streams=True))


class TokenizeView(HuggingFaceView):
    @extend_schema(
        summary="Tokenize a text",
        operation_id="hugging_face_tokenize",
        request=schema.TgiTokenizeInput,
        responses={
            200: schema.TgiTextTokenOutput(many=True),
            **schema.TOKENIZE_ERRORS,
        },
    )
    def post(self, request: Request, ref: str) -> Response:
        """TGI's `tokenize`; free of quota."""
        _, (tokens,) = tokenize(
            caller=_caller(request),
            language_model=ref,
            texts=[read_prompt(request.data)],
        )
        return Response(
            [
                {
                    "id": token.token_id,
                    "text": token.text,
                    "start": token.start,
                    "stop": token.end,
                }
                for token in tokens
            ]
        )


class InfoView(HuggingFaceView):
    @extend_schema(
        summary="Describe a model as TGI does",
        operation_id="hugging_face_info",
        responses={200: schema.TgiInfoOutput},
    )
    def get(self, request: Request, ref: str) -> Response:
        """TGI's `info`, with the limits of your account."""
        entry = LanguageModel.objects.resolve(ref)
        return Response(describe(entry, cast("User", request.user)))


class HealthView(HuggingFaceView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(
        summary="Whether a model answers",
        operation_id="hugging_face_health",
        auth=[],
        responses={200: None, 503: schema.TgiErrorOutput},
    )
    def get(self, request: Request, ref: str) -> Response:
        """200 with no body if a call would be taken now; wants no API token."""
        get_backend().require_ready(LanguageModel.objects.resolve(ref).slug)
        return Response()


def _answer(
    request: Request, ref: str, call: Call, wrap: Callable[[object], object]
) -> Response:
    admission, writer = admit_call(call, caller=_caller(request), language_model=ref)

    def render(prediction: Prediction) -> object:
        return wrap(writer.answer(prediction))

    settle = settling(request, render, timing_headers)
    prediction = run_to_end(admission, settle)
    return Response(render(prediction), headers=timing_headers(prediction))


def _stream(request: Request, ref: str, call: Call) -> HttpResponseBase:
    admission, writer = admit_call(call, caller=_caller(request), language_model=ref)

    def renderer_of(_: Admission) -> Render:
        return StreamRenderer(writer, request_id=request.headers["X-Request-Id"])

    settle = settling_stream(request, renderer_of)
    render = renderer_of(admission)
    return event_stream_response(admission, render, refusing(request), settle)


def _caller(request: Request) -> Caller:
    return api_caller(request, source=PredictionSource.HUGGING_FACE)
