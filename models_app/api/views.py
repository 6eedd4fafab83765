"""The native API: what models there are, and predictions of them."""

from __future__ import annotations

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_app.api.catalogue import describe_model, describe_models
from models_app.api.dry_runs import dry_run_json
from models_app.api.refusing import refusing
from models_app.api.rendering import event_renderer, prediction_json
from models_app.api.serializers import (
    PREDICT_ERRORS,
    DryRunOutput,
    ModelDetailOutput,
    ModelListOutput,
    PredictInput,
    PredictionOutput,
)
from models_app.callers import api_caller
from models_app.dry_run import dry_run
from models_app.idempotency.once import answered_once, settling, settling_stream
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.models import LanguageModel, PredictionSource
from models_app.services import admit, predict
from models_app.sse import event_stream_response
from models_app.timing_headers import timing_headers


class ModelListView(APIView):
    @extend_schema(
        summary="List the models",
        operation_id="list_models",
        responses={200: ModelListOutput},
    )
    def get(self, request: Request) -> Response:
        """Every model of the catalogue, those that your tier does not include too."""
        entries = LanguageModel.objects.enabled()
        return Response({"models": describe_models(list(entries), request)})


class ModelDetailView(APIView):
    @extend_schema(
        summary="Describe a model",
        operation_id="get_model",
        responses={200: ModelDetailOutput},
    )
    def get(self, request: Request, ref: str) -> Response:
        """One model, by id or slug, with your limits, its generation parameters, and how
        fast it was seen to be here."""
        return Response(describe_model(LanguageModel.objects.resolve(ref), request))


class PredictView(APIView):
    @extend_schema(
        summary="Predict",
        operation_id="predict",
        request=PredictInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            (200, "application/json"): PolymorphicProxySerializer(
                "PredictAnswer",
                [PredictionOutput, DryRunOutput],
                resource_type_field_name=None,
            ),
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR,
                "With `stream`: the events `started`, `delta`, `finished`, "
                "and `completed` or `error`.",
            ),
            **PREDICT_ERRORS,
        },
    )
    @answered_once
    def post(self, request: Request, ref: str) -> HttpResponseBase:
        """Complete one prompt or several."""
        body = PredictInput.read(request.data)
        call = {
            "caller": api_caller(request, source=PredictionSource.API),
            "language_model": ref,
            "prompts": body["inputs"],
            "parameters": body["parameters"],
        }
        if body["dry_run"]:
            return Response(dry_run_json(dry_run(**call)))
        if body["stream"]:
            render = event_renderer(request.headers["X-Request-Id"])
            settle = settling_stream(request, lambda _: render)
            refuse = refusing(request)
            return event_stream_response(admit(**call), render, refuse, settle)
        settle = settling(request, prediction_json, timing_headers)
        prediction = predict(**call, settle=settle)
        return Response(prediction_json(prediction), headers=timing_headers(prediction))
