"""What these routes take and give, as drf-spectacular documents it."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from models_app.api.serializers import ErrorObject, UsageOutput
from models_app.npu.calls import MOST_PLACES
from models_app.npu.keyword_arguments import ALIASES, FOREIGN
from models_app.parameters import PARAMETERS, PARAMETERS_BY_NAME, parameters_schema
from models_app.parameters.json_schema import (
    Schema,
    foreign_schemas,
    nullable,
    schema_of,
)

LONGEST_NAME = 200
MD5 = re.compile("^[0-9a-f]{32}$")
STATES = ["PENDING", "COMPLETE", "FAILURE", "STOPPED"]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL = nullable(_TEXT)
_ID_OR_NAME = _TEXT_OR_NULL | {"description": "An id or a name."}
_NO_SCRIPTS = nullable({"type": "array", "maxItems": 0})
_TOKEN_IDS: Schema = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_PLACE = nullable(
    {
        "type": "integer",
        "minimum": -MOST_PLACES,
        "maximum": MOST_PLACES,
        "description": "Where a part of the data begins or ends, as in a slice of "
        "Python.",
    }
)
_NO_EFFECT: Schema = {"description": "Of no effect here."}
_KEYWORD_ARGUMENTS = nullable(
    parameters_schema(
        PARAMETERS,
        {
            **{
                alias: schema_of(PARAMETERS_BY_NAME[name])
                | {"description": f"The client's name for {name}."}
                for alias, name in ALIASES.items()
            },
            **foreign_schemas(FOREIGN),
            "remove_input": nullable({"type": "boolean", "default": False}),
            "return_full_text": nullable({"type": "boolean"}),
        },
    )
)


_NAMES_A_MODEL: list[Schema] = [
    {"properties": {name: _TEXT | {"minLength": 1}}, "required": [name]}
    for name in ("modelId", "model_name")
]


def _body(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


def _multipart(what: str) -> Schema:
    return _body(
        ["file", "json"],
        file={"type": "string", "format": "binary", "description": what},
        json=_TEXT | {"description": "A JSON object that says what the file is."},
    )


TOKEN_BODY = {
    "application/json": _body(
        ["token"], token=_TEXT, project_name=_TEXT_OR_NULL | {"default": "Default"}
    )
}
SYNC_PREDICT_BODY = {
    "application/json": _body(
        ["data"],
        modelId=_ID_OR_NAME,
        model_name=_ID_OR_NAME,
        data={
            "anyOf": [
                _TEXT,
                {"type": "array", "items": {"oneOf": [_TEXT, _TOKEN_IDS]}},
                _TOKEN_IDS,
            ],
            "description": "A prompt or several; token ids for a decoder.",
        },
        input_kwargs=_KEYWORD_ARGUMENTS,
        project=_TEXT_OR_NULL,
        scripts=_NO_SCRIPTS,
    )
    | {"anyOf": _NAMES_A_MODEL},
    "multipart/form-data": _multipart("The prompts, as `numpy.savez` writes them."),
}
UPLOAD_BODY = {"multipart/form-data": _multipart("The prompts, or a batch of them.")}
PREDICT_BODY = {
    "application/json": _body(
        [],
        modelId=_ID_OR_NAME,
        model_name=_ID_OR_NAME,
        dataId=_TEXT_OR_NULL | {"description": "Of data that was uploaded."},
        data_name=_TEXT_OR_NULL | {"description": "The name that it was given."},
        data_start=_PLACE,
        data_end=_PLACE,
        data_hub_ds=nullable({"type": "boolean", "enum": [False]}),
        input_kwargs=_KEYWORD_ARGUMENTS,
        project=_TEXT_OR_NULL,
        scripts=_NO_SCRIPTS,
        task_id=_NO_EFFECT,
        model_attr=_NO_EFFECT,
    )
    | {"anyOf": _NAMES_A_MODEL, "additionalProperties": False}
}


def _query(
    name: str, meaning: str, schema: Schema = _TEXT, **more: Any
) -> OpenApiParameter:
    return OpenApiParameter(name, schema, description=meaning, **more)


INCLUDE_RESULT = _query("include_result", "Whether to tell the result.")
HASH_QUERY = [
    _query(
        "hash",
        "The MD5 of the file in hexadecimal.",
        _TEXT | {"pattern": MD5.pattern},
        required=True,
    ),
    _query("collection", "1 for data; models have 2.", _TEXT | {"enum": ["1"]}),
    _query(
        "given_name",
        "A name to find the data by.",
        _TEXT | {"maxLength": LONGEST_NAME},
    ),
    _query("project", "The id of a project; by default, the API token's."),
]


class NpuErrorOutput(ErrorObject):
    error = serializers.CharField(help_text="One sentence for people.")


class NpuSyncOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=STATES)
    result = serializers.ListField(
        child=serializers.JSONField(),
        help_text="Of each prompt, an object with `generated_text`; of a utility, what "
        "it gives for each item.",
    )


class NpuHashOutput(serializers.Serializer[Any]):
    message = serializers.CharField()
    id = serializers.CharField()


class NpuBatchOutput(serializers.Serializer[Any]):
    message = serializers.CharField()


class NpuMetricsOutput(UsageOutput):
    charged_tokens = serializers.IntegerField()
    seed = serializers.IntegerField()
    queue_ms = serializers.FloatField(allow_null=True)
    ttft_ms = serializers.FloatField(allow_null=True)
    duration_ms = serializers.FloatField()


class NpuStatusOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=STATES)
    taskType = serializers.CharField()
    progress = serializers.FloatField(help_text="From 0 to 1.")
    print = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Lines that the client shows, each told once.",
    )
    metrics = NpuMetricsOutput(required=False)
    result = serializers.JSONField(
        required=False, help_text="What `SyncPredict` answers, or why the task failed."
    )


ID = OpenApiResponse(OpenApiTypes.STR, "An id of 24 hexadecimal digits.")
NO_ACCESS: dict[Any, Any] = dict.fromkeys((401, 403), NpuErrorOutput)
CALL_ERRORS: dict[Any, Any] = dict.fromkeys((404, 429, 503), NpuErrorOutput)
NOT_MADE_HERE: dict[Any, Any] = {
    501: OpenApiResponse(NpuErrorOutput, "What to do instead.")
}
