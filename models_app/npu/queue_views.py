"""The client's mode that is not deployed: data first, then a task that uses it."""

from __future__ import annotations

import re
from typing import Any, cast

from django.http import HttpResponse
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import rate_limits
from accounts.models import ApiToken
from models_app.errors import InvalidInput, NotSupported
from models_app.npu import tasks, uploads, utility_tasks
from models_app.npu.calls import read_queued_call, read_upload
from models_app.npu.door import PredictingView, caller_of
from models_app.npu.views import NOT_MADE_HERE
from models_app.utilities.table import utility_named

LONGEST_NAME = 200
# The client writes Python's truth into addresses.
TRUE = ("True", "true", "1")
OF_DATA = "1"
_MD5 = re.compile("[0-9a-f]{32}")


class HashView(PredictingView):
    """Whether the project has a file already: 204 if not."""

    def get(self, request: Request) -> Response:
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

    def post(self, request: Request) -> Response:
        api_token = cast("ApiToken", request.auth)
        rate_limits.check_request(api_token.user, api_token)
        fields, prompts = read_upload(request)
        if fields.get("chunked"):
            raise NotSupported(
                "This server takes data in one piece and no DataLoader of several "
                "batches. Give npu.predict or npu.upload_data a list instead."
            )
        data = uploads.keep(
            project=caller_of(request, str(fields.get("project") or "")).project,
            digest=_digest(fields.get("hash")),
            name=_name(fields.get("given_name")),
            prompts=prompts,
        )
        return Response(data.public_id, status=status.HTTP_201_CREATED)


class PredictView(PredictingView):
    """The client takes the body, plain text, for the id of the task."""

    def post(self, request: Request) -> HttpResponse:
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
    def get(self, request: Request, task_id: str) -> Response:
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


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _MD5.fullmatch(value):
        raise InvalidInput(
            "hash must be the MD5 of the file in hexadecimal.", param="hash"
        )
    return value


def _name(value: Any) -> str:
    name = value or ""
    if not isinstance(name, str) or len(name) > LONGEST_NAME or "\0" in name:
        raise InvalidInput(
            f"The name of data is a text of at most {LONGEST_NAME} characters.",
            param="given_name",
        )
    return name
