"""The routes of the public npu client, at the root of the site.

Every error carries a readable `error` string: the client prints it.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import require_scope
from accounts.authentication import authenticate_request
from accounts.error_shape import error_object
from accounts.errors import ApplicationError
from accounts.models import ApiToken, Project, Scope
from accounts.projects import select_project
from models_app.api.parsers import JsonObjectParser
from models_app.api.rendering import details_json
from models_app.callers import api_caller
from models_app.errors import InvalidInput, NotSupported
from models_app.models import PredictionSource
from models_app.npu.calls import read_call
from models_app.npu.keyword_arguments import translate
from models_app.predictions import Prediction
from models_app.services import predict
from models_app.timing_headers import timing_headers


class NpuView(APIView):
    """Says errors as the client wants them; not part of the native API's document."""

    schema = None

    @staticmethod
    def render_error(error: ApplicationError, request_id: str) -> dict[str, Any]:
        sentence = " ".join(part for part in (error.message, error.hint) if part)
        return error_object(error, request_id=request_id) | {"error": sentence}


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
        call = read_call(request)
        arguments = translate(call.keyword_arguments)
        prediction = predict(
            caller=api_caller(
                request, source=PredictionSource.NPU, project_id=call.project_id
            ),
            language_model=call.model_ref,
            prompts=call.prompts,
            parameters=arguments.parameters,
        )
        result = _result(prediction, removes_input=arguments.removes_input)
        return Response(
            {"state": "COMPLETE", "result": result}, headers=timing_headers(prediction)
        )


class UnsupportedView(NpuView):
    """Answers what this service does not do with a sentence that says what to do."""

    explanation = (
        "This server runs the models of its catalogue; it does not train, compile or "
        "export models. Call npu.predict with a model of the catalogue instead."
    )

    def get(self, request: Request) -> NoReturn:
        raise NotSupported(self.explanation)

    post = put = delete = get


class UndeployedView(UnsupportedView):
    explanation = (
        "This server answers predictions at once and keeps no uploaded data: "
        "call npu.api(..., deployed=True)."
    )

    def get(self, request: Request, task_id: str = "") -> NoReturn:
        raise NotSupported(self.explanation)

    post = put = delete = get


def _project_named(api_token: ApiToken, name: object) -> Project:
    """The account's project of that name; a new one where there is none."""
    if not name or name == api_token.project.name:
        return api_token.project
    try:
        return select_project(user=api_token.user, name=str(name))
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), param="project_name") from error


def _result(prediction: Prediction, *, removes_input: bool) -> list[dict[str, object]]:
    """One list whatever was asked: prompt by prompt, and each with its sequences."""
    return [
        {
            "generated_text": completion.text
            if removes_input
            else completion.prompt + completion.text,
            **details_json(completion),
        }
        for completion in prediction.completions
    ]
