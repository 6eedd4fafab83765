"""The native API's asynchronous predictions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from models_app.api.asynchronous_rendering import (
    async_prediction_json,
    event_bytes,
    summary_json,
)
from models_app.api.asynchronous_serializers import (
    AsyncListOutput,
    AsyncPredictionOutput,
    CreateInput,
    ListQuery,
)
from models_app.api.dry_runs import dry_run_json
from models_app.api.preferences import (
    read_cancel_after,
    read_last_event_id,
    read_wait,
)
from models_app.api.project_view import ProjectView
from models_app.api.serializers import DryRunOutput, ErrorOutput
from models_app.asynchronous import service
from models_app.asynchronous.models import AsyncPrediction
from models_app.asynchronous.replay import count_events, replay
from models_app.asynchronous.waiting import wait_for_end
from models_app.callers import api_caller
from models_app.dry_run import dry_run
from models_app.errors import InvalidInput
from models_app.idempotency.once import answered_once, remember_created
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.models import PredictionSource
from models_app.sse import HEADERS
from models_app.webhooks.calls import webhook_of_call

POLL_SECONDS = 1
_ERRORS: dict[int, type[ErrorOutput]] = dict.fromkeys((401, 403), ErrorOutput)
_ONE_ERRORS = _ERRORS | {404: ErrorOutput}
_CREATE_ERRORS = _ONE_ERRORS | dict.fromkeys(
    (400, 409, 413, 415, 429, 500, 503), ErrorOutput
)


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description
    )


class PredictionsView(ProjectView):
    @extend_schema(
        summary="List asynchronous predictions",
        operation_id="list_predictions",
        parameters=[ListQuery],
        responses={200: AsyncListOutput, 400: ErrorOutput, 404: ErrorOutput, **_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """Those of the API token's project, the newest first, without their texts."""
        rows = service.of_project(self.project)
        page, next_cursor = ListQuery.page_of(rows, request)
        summaries = [summary_json(one, request) for one in page]
        return Response({"predictions": summaries, "next_cursor": next_cursor})

    @extend_schema(
        summary="Create an asynchronous prediction",
        operation_id="create_prediction",
        request=CreateInput,
        parameters=[
            _header(
                "Prefer",
                "`wait=n`: answer as soon as it ends, after n seconds at "
                "the latest (60 at most); `respond-async`: answer at once.",
            ),
            _header("Cancel-After", "End it after so long: `90s`, `2m`, `1h`."),
            IDEMPOTENCY_KEY,
        ],
        responses={
            200: PolymorphicProxySerializer(
                "CreationAnswer",
                [AsyncPredictionOutput, DryRunOutput],
                resource_type_field_name=None,
            ),
            202: AsyncPredictionOutput,
            **_CREATE_ERRORS,
        },
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """It is carried out even if nobody waits for it. 200 if it has ended, else 202
        with its address in `Location`."""
        body = CreateInput.read(request.data)
        seconds = read_wait(request.headers.get("Prefer", ""))
        cancel_after = read_cancel_after(request.headers.get("Cancel-After", ""))
        call = {
            "caller": api_caller(request, source=PredictionSource.API),
            "language_model": body["model"],
            "prompts": body["inputs"],
            "parameters": body["parameters"],
        }
        if body["dry_run"]:
            return Response(dry_run_json(dry_run(**call)))
        webhook = webhook_of_call(
            self.project,
            body.get("webhook"),
            body.get("webhook_events_filter"),
        )
        with remember_created(request) as created:
            prediction = service.create(
                **call, cancel_after=cancel_after, webhook=webhook
            )
            created(lambda: _answer(prediction, request))
        if seconds:
            wait_for_end(prediction, seconds)
        return _answer(prediction, request)


class PredictionView(ProjectView):
    @extend_schema(
        summary="Read an asynchronous prediction",
        operation_id="get_prediction",
        responses={200: AsyncPredictionOutput, **_ONE_ERRORS},
    )
    def get(self, request: Request, prediction_id: str) -> Response:
        """With its prompts, and once it has ended with what it brought."""
        prediction = service.find(self.project, prediction_id)
        return Response(async_prediction_json(prediction, request))


class PredictionCancelView(ProjectView):
    @extend_schema(
        summary="Cancel an asynchronous prediction",
        operation_id="cancel_prediction",
        request=None,
        responses={200: AsyncPredictionOutput, **_ONE_ERRORS},
    )
    def post(self, request: Request, prediction_id: str) -> Response:
        """One that runs ends within a moment and keeps what it has; one that has ended
        stays as it is."""
        prediction = service.find(self.project, prediction_id)
        return Response(async_prediction_json(service.cancel(prediction), request))


class PredictionStreamView(ProjectView):
    @extend_schema(
        summary="Follow an asynchronous prediction",
        operation_id="stream_prediction",
        parameters=[_header("Last-Event-ID", "Go on after this event.")],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR,
                "The events `started`, `delta`, `finished`, and at the end `completed`, "
                "`error`, `canceled` or `aborted`.",
            ),
            204: OpenApiResponse(None, "`Last-Event-ID` was the last event."),
            400: ErrorOutput,
            **_ONE_ERRORS,
        },
    )
    def get(self, request: Request, prediction_id: str) -> HttpResponseBase:
        """Its events as server-sent events: those that have passed, then the others as
        they come."""
        prediction = service.find(self.project, prediction_id)
        after = read_last_event_id(request.headers.get("Last-Event-ID", ""))
        _require_sent(prediction, after)
        if prediction.is_finished and after == count_events(prediction):
            return Response(status=status.HTTP_204_NO_CONTENT)
        return StreamingHttpResponse(
            _write(prediction, after, request),
            content_type="text/event-stream; charset=utf-8",
            headers=HEADERS,
        )


def _answer(prediction: AsyncPrediction, request: Request) -> Response:
    body = async_prediction_json(prediction, request)
    headers = {"Location": body["urls"]["get"]}
    if prediction.is_finished:
        return Response(body, headers=headers)
    headers["Retry-After"] = str(POLL_SECONDS)
    return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


async def _write(
    prediction: AsyncPrediction, after: int, request: Request
) -> AsyncGenerator[bytes]:
    async with aclosing(replay(prediction, after=after)) as events:
        async for numbered in events:
            yield event_bytes(numbered, request)


def _require_sent(prediction: AsyncPrediction, after: int) -> None:
    if after > count_events(prediction):
        raise InvalidInput(
            f"This stream has had no event {after} yet.",
            hint="Leave Last-Event-ID out to read the stream from its beginning.",
            param="Last-Event-ID",
        )
