"""The routes of the public npu client, at the root of the site.

Every error carries a readable `error` string: the client prints it.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_scope
from accounts.authentication import authenticate_request
from accounts.models import ApiToken, Project, Scope
from accounts.projects import select_project
from models_app.api.parsers import JsonObjectParser
from models_app.errors import InvalidInput, NotSupported
from models_app.npu import schema
from models_app.npu.calls import Call, read_call, read_text
from models_app.npu.door import NpuView, caller_of
from models_app.npu.keyword_arguments import translate
from models_app.npu.rendering import result_json
from models_app.services import predict
from models_app.timing_headers import timing_headers
from models_app.utilities.service import run_utility
from models_app.utilities.table import utility_named

NOT_MADE_HERE = (
    "This server runs the models of its catalogue; it does not train, compile or "
    "export models. Call npu.predict with a model of the catalogue instead."
)


class TokenView(NpuView):
    """Checks an API token, selects a project; the client keeps the project's id."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        summary="Select a project",
        operation_id="npu_token",
        auth=[],
        request=schema.TOKEN_BODY,
        responses={200: schema.ID, **schema.NO_ACCESS},
    )
    def post(self, request: Request) -> Response:
        """What `npu.api` calls: the id of the account's project of that name, which is
        made where there is none."""
        api_token = authenticate_request(request, read_text(request.data, "token"))
        require_scope(api_token, Scope.PREDICT)
        name = read_text(request.data, "project_name")
        project = _project_named(api_token, name)
        return Response(project.public_id)


class SyncPredictView(NpuView):
    parser_classes = [JsonObjectParser, MultiPartParser]

    @extend_schema(
        summary="Predict, and wait for the result",
        operation_id="npu_sync_predict",
        request=schema.SYNC_PREDICT_BODY,
        parameters=[schema.INCLUDE_RESULT],
        responses={
            200: schema.NpuSyncOutput,
            **schema.CALL_ERRORS,
            504: schema.NpuErrorOutput,
        },
    )
    def post(self, request: Request) -> Response:
        """A language model or a utility, such as the token encoder
        `61bcad385829fb7b6a1faca2`, on data that comes along. The client sends it so in
        deployment mode."""
        call, prompts = read_call(request)
        if utility := utility_named(call.model_ref):
            result = run_utility(
                caller=caller_of(request, call.project_id),
                utility=utility,
                items=prompts,
                parameters=call.keyword_arguments,
            )
            return Response({"state": "COMPLETE", "result": result})
        return self.predict(request, call, prompts)

    def predict(self, request: Request, call: Call, prompts: list[Any]) -> Response:
        arguments = translate(call.keyword_arguments)
        prediction = predict(
            caller=caller_of(request, call.project_id),
            language_model=call.model_ref,
            prompts=prompts,
            parameters=arguments.parameters,
        )
        result = result_json(prediction, removes_input=arguments.removes_input)
        return Response(
            {"state": "COMPLETE", "result": result}, headers=timing_headers(prediction)
        )


class UnsupportedView(NpuView):
    """Answers what this service does not do with a sentence that says what to do."""

    @extend_schema(
        summary="Not done here", request=None, responses=schema.NOT_MADE_HERE
    )
    def get(self, request: Request) -> NoReturn:
        """Models are neither trained, compiled nor exported here."""
        raise NotSupported(NOT_MADE_HERE)

    post = get


def _project_named(api_token: ApiToken, name: str) -> Project:
    """The account's project of that name; a new one where there is none."""
    if not name or name == api_token.project.name:
        return api_token.project
    try:
        return select_project(user=api_token.user, name=name)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), param="project_name") from error
