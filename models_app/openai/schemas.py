"""What the routes take and give, as drf-spectacular documents it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from models_app.api.serializers import (
    FINISH_REASONS,
    PREDICT_ERRORS,
    STATUSES,
    ErrorOutput,
    UsageOutput,
)
from models_app.openai.messages import EMPTY, ROLES, TEXT_PARTS
from models_app.openai.parameters import CHAT, COMPLETION, Dialect
from models_app.parameters.json_schema import (
    Schema,
    foreign_schemas,
    nullable,
    parameters_schema,
)

_TEXT: Schema = {"type": "string"}
_TOKEN_IDS: Schema = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 1,
}
_SOME_TEXT = _TEXT | {"minLength": 1}
_PROMPT: Schema = {
    "oneOf": [
        _SOME_TEXT,
        _TOKEN_IDS,
        {
            "type": "array",
            "items": {"oneOf": [_SOME_TEXT, _TOKEN_IDS]},
            "minItems": 1,
        },
    ],
    "description": "One prompt or several, as texts or as token ids.",
}
_CONTENT: Schema = {
    "oneOf": [
        _TEXT,
        {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {"type": {"enum": [kind]}, text: _TEXT},
                        "required": ["type", text],
                    }
                    for kind, text in TEXT_PARTS.items()
                ]
            },
        },
    ]
}
_MESSAGES: Schema = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "role": {"enum": list(ROLES)},
            "content": nullable(_CONTENT),
            "refusal": nullable(_CONTENT),
            "name": nullable(_TEXT),
        },
        "required": ["role"],
        "anyOf": [
            {"properties": {name: _CONTENT}, "required": [name]}
            for name in ("content", "refusal")
        ],
        "additionalProperties": {"enum": list(EMPTY)},
    },
}
_FIELDS: dict[str, Schema] = {
    "model": _SOME_TEXT | {"description": "The id, slug or hub name of a model."},
    "prompt": _PROMPT,
    "messages": _MESSAGES,
    "stream": nullable(
        {
            "type": "boolean",
            "default": False,
            "description": "Send chunks as they are made, then `[DONE]`.",
        }
    ),
    "stream_options": nullable(
        {
            "type": "object",
            "properties": {
                "include_usage": nullable({"type": "boolean", "default": False}),
                "include_obfuscation": {"description": "Of no effect here."},
            },
            "additionalProperties": False,
        }
    ),
}
_MODEL_OF_ADDRESS: Schema = {"description": "Not used: the address names the model."}


def completion_schema() -> Schema:
    return _body_schema(COMPLETION, required=["model", "prompt"])


def chat_schema() -> Schema:
    return _body_schema(CHAT, required=["model", "messages"])


def chat_schema_without_model() -> Schema:
    """Where the address names it."""
    schema = _body_schema(CHAT, required=["messages"])
    schema["properties"]["model"] = _MODEL_OF_ADDRESS
    return schema


def prediction_responses(output: type[serializers.Serializer[Any]]) -> dict[Any, Any]:
    return {
        (200, "application/json"): output,
        (200, "text/event-stream"): OpenApiResponse(
            OpenApiTypes.STR,
            "With `stream`: chunks without event names, and `[DONE]` or an error.",
        ),
        # The model is named in the body.
        404: ErrorOutput,
        **PREDICT_ERRORS,
    }


def _body_schema(dialect: Dialect, *, required: list[str]) -> Schema:
    fields = {name: _FIELDS[name] for name in dialect.fields}
    more = fields | foreign_schemas(dialect.foreign)
    schema = parameters_schema(dialect.parameters.values(), more)
    return schema | {"required": required}


class OpenAiModelOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.ChoiceField(choices=["model"])
    created = serializers.IntegerField(
        help_text="When its weights came to this server, in seconds since 1970; or 0."
    )
    owned_by = serializers.CharField(help_text="Who published it.")
    name = serializers.CharField()
    context_length = serializers.IntegerField()
    has_chat_template = serializers.BooleanField(
        help_text="Whether it takes conversations here."
    )
    status = serializers.ChoiceField(choices=STATUSES)


class OpenAiModelListOutput(serializers.Serializer[Any]):
    object = serializers.ChoiceField(choices=["list"])
    data = OpenAiModelOutput(many=True)  # type: ignore[assignment]


class _AnswerOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    created = serializers.IntegerField()
    model = serializers.CharField()
    system_fingerprint = serializers.CharField(
        allow_null=True,
        help_text="Changes with the model's files and the precision served in.",
    )
    seed = serializers.IntegerField(help_text="Gives the same choices again.")
    usage = UsageOutput(help_text="Of everything that was computed.")


class LogprobColumnsOutput(serializers.Serializer[Any]):
    tokens = serializers.ListField(child=serializers.CharField())
    token_logprobs = serializers.ListField(
        child=serializers.FloatField(allow_null=True)
    )
    top_logprobs = serializers.ListField(
        child=serializers.DictField(child=serializers.FloatField(), allow_null=True)
    )
    text_offset = serializers.ListField(child=serializers.IntegerField())


class TextChoiceOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    text = serializers.CharField()
    logprobs = LogprobColumnsOutput(allow_null=True)
    finish_reason = serializers.ChoiceField(choices=FINISH_REASONS)


class TextCompletionOutput(_AnswerOutput):
    object = serializers.ChoiceField(choices=["text_completion"])
    choices = TextChoiceOutput(many=True)


class TopLogprobOutput(serializers.Serializer[Any]):
    token = serializers.CharField()
    logprob = serializers.FloatField()
    bytes = serializers.ListField(child=serializers.IntegerField())


class ChatLogprobOutput(TopLogprobOutput):
    top_logprobs = TopLogprobOutput(many=True)


class ChatLogprobsOutput(serializers.Serializer[Any]):
    content = ChatLogprobOutput(many=True)
    refusal = serializers.CharField(allow_null=True, help_text="Always null.")


class ChatMessageOutput(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=["assistant"])
    content = serializers.CharField()
    refusal = serializers.CharField(allow_null=True, help_text="Always null.")


class ChatChoiceOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    message = ChatMessageOutput()
    logprobs = ChatLogprobsOutput(allow_null=True)
    finish_reason = serializers.ChoiceField(choices=FINISH_REASONS)


class ChatCompletionOutput(_AnswerOutput):
    object = serializers.ChoiceField(choices=["chat.completion"])
    choices = ChatChoiceOutput(many=True)
