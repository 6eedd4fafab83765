"""Usage, for API tokens that may read it."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiToken, Scope
from accounts.permissions import HasScope
from models_app.api.query import read_query
from models_app.api.serializers import ErrorOutput
from models_app.errors import InvalidInput
from models_app.models import PredictionSource
from models_app.parameters.json_schema import Schema
from models_app.usage import DIMENSIONS, Line, read_usage, total_of
from models_app.usage_csv import usage_file
from models_app.usage_filters import LONGEST_DAYS, USUAL_DAYS, UsageFilters

FORMATS = ("json", "csv")
_TEXT: Schema = {"type": "string", "minLength": 1}
_DIMENSION = f"({'|'.join(DIMENSIONS)})"
# Of each, its values and its meaning.
_PARAMETERS: dict[str, tuple[Schema, str]] = {
    "days": (
        {"type": "integer", "minimum": 1, "maximum": LONGEST_DAYS},
        f"How many days, up to {LONGEST_DAYS}; {USUAL_DAYS} by default.",
    ),
    "end": (
        {"type": "string", "format": "date"},
        "The last of them, such as 2026-01-31; today by default.",
    ),
    "model": (_TEXT, "Of this model alone, by slug."),
    "project": (_TEXT, "Of this project alone, by id."),
    "api_token": (_TEXT, "Of this API token alone, by id."),
    "source": (
        {"type": "string", "enum": PredictionSource.values},
        "Of this door alone, such as api, openai or batch.",
    ),
    "group_by": (
        {"type": "string", "pattern": f"^{_DIMENSION}(,{_DIMENSION})*$"},
        f"One or more of {', '.join(DIMENSIONS)}, with commas; day by default.",
    ),
    "format": (
        {"type": "string", "enum": list(FORMATS)},
        "json or csv; by default what the header Accept prefers.",
    ),
}


class SumsOutput(serializers.Serializer[Any]):
    requests = serializers.IntegerField(help_text="Predictions that have ended.")
    failed = serializers.IntegerField(help_text="How many of them failed.")
    refused = serializers.IntegerField(
        help_text="Calls that a limit refused, beside them."
    )
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    charged_tokens = serializers.IntegerField(help_text="What your quota paid.")


class NamedOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class UsageLineOutput(SumsOutput):
    day = serializers.DateField(required=False)
    model = serializers.CharField(required=False, help_text="Its slug.")
    project = NamedOutput(required=False)
    api_token = NamedOutput(
        required=False, allow_null=True, help_text="`null` where none was used."
    )
    source = serializers.CharField(required=False)  # type: ignore[assignment]


class UsageReportOutput(serializers.Serializer[Any]):
    time_zone = serializers.CharField(help_text="Where the days begin.")
    start = serializers.DateField()
    end = serializers.DateField()
    group_by = serializers.ListField(child=serializers.CharField())
    usage = UsageLineOutput(many=True, help_text="Groups without usage are left out.")
    total = SumsOutput()


class UsageView(APIView):
    permission_classes = [HasScope]
    required_scope = Scope.READ_USAGE

    @extend_schema(
        summary="Read the usage",
        operation_id="read_usage",
        parameters=[
            OpenApiParameter(name, schema, description=meaning)
            for name, (schema, meaning) in _PARAMETERS.items()
        ],
        responses={
            (200, "application/json"): UsageReportOutput,
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, "With `format=csv`: one row for each group."
            ),
            **dict.fromkeys((400, 401, 403), ErrorOutput),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """What the account used, by day and whatever else is asked for."""
        api_token = cast("ApiToken", request.auth)
        query = _read_query(request)
        filters = _filters(query, api_token)
        group_by = _group_by(query.get("group_by", "day"))
        if _format(query, request) == "csv":
            return usage_file(filters, group_by)
        lines = read_usage(filters, group_by)
        return Response(
            {
                "time_zone": str(filters.zone),
                "start": filters.start,
                "end": filters.cleaned_data["end"],
                "group_by": group_by,
                "usage": [_line_json(line, filters) for line in lines],
                "total": total_of(lines).as_json(),
            }
        )


def _read_query(request: Request) -> dict[str, str]:
    query = read_query(request)
    for name, value in query.items():
        if name not in _PARAMETERS:
            raise InvalidInput(
                f"There is no filter {name[:100]}; there are {', '.join(_PARAMETERS)}.",
                param=name[:100],
            )
        if not value:
            raise InvalidInput(
                f"{name} is empty.", hint="Give it a value or leave it out.", param=name
            )
    return query


def _filters(query: dict[str, str], api_token: ApiToken) -> UsageFilters:
    filters = UsageFilters(query, user=api_token.user)
    for name, messages in filters.errors.items():
        raise InvalidInput(" ".join(str(one) for one in messages), param=name)
    return filters


def _format(query: dict[str, str], request: Request) -> str:
    asked = query.get("format", "")
    if asked not in ("", *FORMATS):
        raise InvalidInput("The format is json or csv.", param="format")
    # The first that is named is meant; a browser names neither.
    wants_csv = request.headers.get("Accept", "").lstrip().startswith("text/csv")
    return asked or ("csv" if wants_csv else "json")


def _group_by(written: str) -> list[str]:
    names = list(dict.fromkeys(written.split(",")))
    for name in names:
        if name not in DIMENSIONS:
            raise InvalidInput(
                f"Usage cannot be grouped by {name[:100]!r}, only by "
                f"{', '.join(DIMENSIONS)}.",
                param="group_by",
            )
    return names


def _line_json(line: Line, filters: UsageFilters) -> dict[str, object]:
    keys = {name: _key_json(name, key, filters) for name, key in line.keys.items()}
    return {**keys, **line.sums.as_json()}


def _key_json(name: str, key: Any, filters: UsageFilters) -> object:
    if name not in ("project", "api_token"):
        return key
    # An API token that is gone has no name any more.
    return {"id": key, "name": filters.names[name].get(key, "")} if key else None
