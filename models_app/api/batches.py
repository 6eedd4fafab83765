"""The native API's batches: files of many calls, run without anybody waiting."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from models_app.api.batch_files import (
    MEDIA_TYPES,
    PARSERS,
    WebhookFields,
    read_file,
    read_webhook,
)
from models_app.api.pages import PageQuery
from models_app.api.project_view import ProjectView
from models_app.api.serializers import ErrorObject, ErrorOutput
from models_app.batches import service
from models_app.batches.models import Batch, BatchStatus
from models_app.batches.rendering import batch_json
from models_app.batches.results import results_response
from models_app.callers import api_caller
from models_app.idempotency.once import answered_once, remember_created
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.models import PredictionSource
from models_app.webhooks.calls import webhook_of_call

_ERRORS: dict[int, type[ErrorOutput]] = dict.fromkeys((401, 403), ErrorOutput)
_ONE_ERRORS = _ERRORS | {404: ErrorOutput}


class ListQuery(PageQuery):
    salt = "neuro.batches"
    lookups = {"status": "status"}

    status = serializers.ChoiceField(choices=BatchStatus.choices, required=False)


class LinesOutput(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    canceled = serializers.IntegerField()
    expired = serializers.IntegerField()


class BatchUrlsOutput(serializers.Serializer[Any]):
    get = serializers.CharField()
    results = serializers.CharField()
    cancel = serializers.CharField()


class BatchOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField(help_text="The name of the file, where one was sent.")
    project = serializers.CharField()
    status = serializers.ChoiceField(choices=BatchStatus.choices)
    lines = LinesOutput(help_text="How many lines there are, and how many are how far.")
    waits_for = serializers.CharField(
        allow_null=True, help_text="Why no line runs now, such as a limit."
    )
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(help_text="No line begins after that.")
    finished_at = serializers.DateTimeField(allow_null=True)
    kept_until = serializers.DateTimeField(
        allow_null=True, help_text="When it is deleted, results and all."
    )
    urls = BatchUrlsOutput()


class BatchListOutput(serializers.Serializer[Any]):
    batches = BatchOutput(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class LineErrorOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Counted from 1.")
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    hint = serializers.CharField(allow_null=True)


class BatchErrorObject(ErrorObject):
    lines = LineErrorOutput(
        many=True, required=False, help_text="With `invalid_batch`: the first 20."
    )


class BatchErrorOutput(ErrorOutput):
    error = BatchErrorObject()


class BatchesView(ProjectView):
    parser_classes = PARSERS

    @extend_schema(
        summary="List batches",
        operation_id="list_batches",
        parameters=[ListQuery],
        responses={200: BatchListOutput, 400: ErrorOutput, **_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """Those of the API token's project, the newest first."""
        rows = service.of_project(self.project)
        page, next_cursor = ListQuery.page_of(rows, request)
        batches = _all_json(page, request)
        return Response({"batches": batches, "next_cursor": next_cursor})

    @extend_schema(
        summary="Create a batch",
        operation_id="create_batch",
        request=dict.fromkeys(MEDIA_TYPES[:1], OpenApiTypes.BINARY)
        | {
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "webhook": {"type": "string"},
                    "webhook_events_filter": {"type": "string"},
                },
                "required": ["file"],
            }
        },
        parameters=[WebhookFields, IDEMPOTENCY_KEY],
        responses={
            201: BatchOutput,
            400: BatchErrorOutput,
            **_ERRORS,
            **dict.fromkeys((409, 413, 415, 429, 503), ErrorOutput),
        },
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """One call a line, each with a `custom_id`, a `model`, `inputs`, and perhaps
        `parameters`. A file with a line that can never run is refused whole."""
        caller = api_caller(request, source=PredictionSource.BATCH)
        service.require_tier(caller.user)
        file = read_file(request)
        webhook = webhook_of_call(caller.project, *read_webhook(request))
        with remember_created(request) as created:
            batch = service.create(
                caller=caller, file=file.content, name=file.name, webhook=webhook
            )
            body = _one_json(batch, request)
            answer = Response(
                body,
                status=status.HTTP_201_CREATED,
                headers={"Location": body["urls"]["get"]},
            )
            created(lambda: answer)
        return answer


class BatchView(ProjectView):
    @extend_schema(
        summary="Read a batch",
        operation_id="get_batch",
        responses={200: BatchOutput, **_ONE_ERRORS},
    )
    def get(self, request: Request, batch_id: str) -> Response:
        """How far it is."""
        batch = service.find(self.project, batch_id)
        return Response(_one_json(batch, request))


class BatchCancelView(ProjectView):
    @extend_schema(
        summary="Cancel a batch",
        operation_id="cancel_batch",
        request=None,
        responses={200: BatchOutput, **_ONE_ERRORS},
    )
    def post(self, request: Request, batch_id: str) -> Response:
        """No further line begins, and those that run end within a moment. What has
        ended stays, and one that has ended altogether stays as it is."""
        batch = service.cancel(service.find(self.project, batch_id))
        return Response(_one_json(batch, request))


class BatchResultsView(ProjectView):
    @extend_schema(
        summary="Read the results of a batch",
        operation_id="get_batch_results",
        responses={
            (200, "application/jsonl"): OpenApiResponse(
                OpenApiTypes.STR,
                "A JSON object for each line that has ended, in their order: "
                "`custom_id`, `line`, `status`, `prediction` and `error`.",
            ),
            **_ONE_ERRORS,
        },
    )
    def get(self, request: Request, batch_id: str) -> HttpResponseBase:
        """Those there are, also while others still run."""
        return results_response(service.find(self.project, batch_id))


def _one_json(batch: Batch, request: Request) -> dict[str, Any]:
    (only,) = _all_json([batch], request)
    return only


def _all_json(batches: list[Batch], request: Request) -> list[dict[str, Any]]:
    counts = service.counts(batches)
    return [
        {**batch_json(one, counts[one.pk]), "urls": _urls(one, request)}
        for one in batches
    ]


def _urls(batch: Batch, request: Request) -> dict[str, str]:
    return {
        "get": _url("api_batch", batch, request),
        "results": _url("api_batch_results", batch, request),
        "cancel": _url("api_batch_cancel", batch, request),
    }


def _url(name: str, batch: Batch, request: Request) -> str:
    return request.build_absolute_uri(reverse(name, args=[batch.public_id]))
