"""The routes of the public npu client, at the root of the site.

Every error carries a readable `error` string: the client prints it.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_scope
from accounts.authentication import authenticate_request
from accounts.models import ApiToken, Project, Scope
from accounts.projects import select_project
from models_app.api.parsers import JsonObjectParser
from models_app.errors import InvalidInput, NotSupported
from models_app.npu.calls import Call, read_call
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

    def post(self, request: Request) -> Response:
        plaintext = str(request.data.get("token") or "")
        api_token = authenticate_request(request, plaintext)
        require_scope(api_token, Scope.PREDICT)
        project = _project_named(api_token, request.data.get("project_name"))
        return Response(project.public_id)


class SyncPredictView(NpuView):
    parser_classes = [JsonObjectParser, MultiPartParser]

    def post(self, request: Request) -> Response:
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

    def get(self, request: Request) -> NoReturn:
        raise NotSupported(NOT_MADE_HERE)

    post = put = delete = get


def _project_named(api_token: ApiToken, name: object) -> Project:
    """The account's project of that name; a new one where there is none."""
    if not name or name == api_token.project.name:
        return api_token.project
    try:
        return select_project(user=api_token.user, name=str(name))
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), param="project_name") from error
