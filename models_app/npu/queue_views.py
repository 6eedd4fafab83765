"""The client's mode that is not deployed: data first, then a task that uses it."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import rate_limits
from accounts.models import ApiToken, Project
from models_app.api.parsers import read_flag
from models_app.errors import InvalidInput, NotSupported
from models_app.npu import loaders, schema, tasks, uploads, utility_tasks
from models_app.npu.calls import (
    Fields,
    file_part,
    read_fields,
    read_prompts_part,
    read_queued_call,
    read_text,
)
from models_app.npu.door import PredictingView, caller_of
from models_app.npu.models import UploadedData
from models_app.npu.views import NOT_MADE_HERE
from models_app.utilities.table import utility_named

# The client writes Python's truth into addresses.
TRUE = ("True", "true", "1")
OF_DATA = "1"


class HashView(PredictingView):
    """Whether the project has a file already: 204 if not."""

    @extend_schema(
        summary="Ask for uploaded data",
        operation_id="npu_hash",
        parameters=schema.HASH_QUERY,
        responses={
            200: schema.NpuHashOutput,
            204: OpenApiResponse(description="The project does not have it."),
            400: schema.NpuErrorOutput,
            **schema.NOT_MADE_HERE,
        },
    )
    def get(self, request: Request) -> Response:
        """Whether the project has a file of that MD5; its data's id, if so."""
        # The client says the shape of data once for each dimension.
        asked = request.query_params
        if asked.get("collection", OF_DATA) != OF_DATA:
            raise NotSupported(NOT_MADE_HERE)
        data = uploads.recall(
            project=caller_of(request, asked.get("project", "")).project,
            digest=_digest(asked.get("hash")),
            name=_name(asked.get("given_name")),
        )
        if data is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response({"message": "Data is here already.", "id": data.public_id})


class UploadDataView(PredictingView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        summary="Upload data",
        operation_id="npu_upload_data",
        request=schema.UPLOAD_BODY,
        responses={
            201: schema.ID,
            202: schema.NpuBatchOutput,
            429: schema.NpuErrorOutput,
        },
    )
    def post(self, request: Request) -> Response:
        """Its id; or 202 for a batch of a DataLoader that is not its last."""
        fields = read_fields(request)
        project = caller_of(request, read_text(fields, "project")).project
        is_batch = read_flag(fields, "chunked")
        data = (self.keep_batch if is_batch else self.keep)(request, fields, project)
        if data is None:
            message = {"message": "The batch is here; the next ones are awaited."}
            return Response(message, status=status.HTTP_202_ACCEPTED)
        return Response(data.public_id, status=status.HTTP_201_CREATED)

    def keep(self, request: Request, fields: Fields, project: Project) -> UploadedData:
        _count_request(request)
        return uploads.keep(
            project=project,
            digest=_digest(fields.get("hash")),
            name=_name(fields.get("given_name")),
            prompts=read_prompts_part(request, fields),
        )

    def keep_batch(
        self, request: Request, fields: Fields, project: Project
    ) -> UploadedData | None:
        """One of a DataLoader. All of them together count as one request."""
        digest, size = _digest(fields.get("hash")), _size(fields)
        name, is_last = _name(fields.get("given_name")), read_flag(fields, "is_last")
        if not loaders.has_begun(project=project, digest=digest):
            _count_request(request)
        content = file_part(request).read()
        loaders.add(project=project, digest=digest, content=content)
        if not is_last:
            return None
        return loaders.put_together(
            project=project, digest=digest, size=size, name=name
        )


class PredictView(PredictingView):
    """The client takes the body, plain text, for the id of the task."""

    @extend_schema(
        summary="Start a task",
        operation_id="npu_predict",
        request=schema.PREDICT_BODY,
        responses={(200, "text/plain"): schema.ID, **schema.CALL_ERRORS},
    )
    def post(self, request: Request) -> HttpResponse:
        """On data that was uploaded. The body is the id of the task, as plain text."""
        call = read_queued_call(request)
        caller, utility = (
            caller_of(request, call.project_id),
            utility_named(call.model_ref),
        )
        task_id = (
            utility_tasks.start(caller, call, utility)
            if utility
            else tasks.start(caller, call).prediction.public_id
        )
        return HttpResponse(task_id, content_type="text/plain")


class StatusView(PredictingView):
    @extend_schema(
        summary="Look at a task",
        operation_id="npu_status",
        parameters=[schema.INCLUDE_RESULT],
        responses={200: schema.NpuStatusOutput, **schema.CALL_ERRORS},
    )
    def get(self, request: Request, task_id: str) -> Response:
        """One of the account's, in whichever project."""
        caller = caller_of(request, "")
        asked = request.query_params.get("include_result", "") in TRUE
        if utility_task := utility_tasks.find(caller.user, task_id):
            status_json = utility_tasks.status_json(
                caller, utility_task, include_result=asked
            )
        else:
            task = tasks.find(caller.user, task_id)
            status_json = tasks.status_json(task, include_result=asked)
        return Response(status_json)


def _count_request(request: Request) -> None:
    api_token = cast("ApiToken", request.auth)
    rate_limits.check_request(api_token.user, api_token)


def _size(fields: Fields) -> int:
    size = fields.get("size")
    if type(size) is int and size > 0:
        return size
    raise InvalidInput("size must be that of all batches in bytes.", param="size")


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not schema.MD5.fullmatch(value):
        raise InvalidInput(
            "hash must be the MD5 of the file in hexadecimal.", param="hash"
        )
    return value


def _name(value: Any) -> str:
    name = value or ""
    if not isinstance(name, str) or len(name) > schema.LONGEST_NAME or "\0" in name:
        raise InvalidInput(
            f"The name of data is a text of at most {schema.LONGEST_NAME} characters.",
            param="given_name",
        )
    return name
