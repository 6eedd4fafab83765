"""What these routes take and give, as drf-spectacular documents it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import serializers

from models_app.api.serializers import ErrorObject, StrictSerializer
from models_app.huggingface.parameters import OWN, SAID_BY, UNSUPPORTED
from models_app.parameters import PARAMETERS, PARAMETERS_BY_NAME, parameters_schema
from models_app.parameters.json_schema import foreign_schemas, schema_of

TAKEN = (*OWN, *(one for one in PARAMETERS if one.name not in SAID_BY))


@extend_schema_field(
    parameters_schema(
        TAKEN,
        {
            "stop_sequences": schema_of(PARAMETERS_BY_NAME["stop"])
            | {"description": "An older name of stop."},
            **foreign_schemas(UNSUPPORTED),
            **{
                name: {"type": "null", "description": f"Here it is {own_name}."}
                for name, own_name in SAID_BY.items()
            },
        },
    )
)
class ParametersField(serializers.Field[Any, Any, Any, Any]):
    """For the document alone: `models_app.huggingface.parameters` reads them."""


class TgiGenerateInput(StrictSerializer):
    inputs = serializers.CharField(help_text="The prompt.")
    parameters = ParametersField(required=False, allow_null=True)
    options = serializers.JSONField(required=False, help_text="Taken and not used.")
    model = serializers.JSONField(required=False, help_text="Taken and not used.")
    stream = serializers.BooleanField(
        required=False, allow_null=True, help_text="Not used: the address says it."
    )


class TgiCallInput(TgiGenerateInput):
    stream = serializers.BooleanField(default=False, allow_null=True)


class TgiTokenizeInput(serializers.Serializer[Any]):
    inputs = serializers.CharField()
    parameters = serializers.JSONField(required=False, help_text="Not used.")
    add_special_tokens = serializers.JSONField(required=False, help_text="Not used.")


class TgiTokenOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    logprob = serializers.FloatField(allow_null=True)
    special = serializers.BooleanField()


class TgiPrefillOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    logprob = serializers.FloatField(allow_null=True)


class TgiDetailsOutput(serializers.Serializer[Any]):
    finish_reason = serializers.ChoiceField(
        choices=["length", "eos_token", "stop_sequence", "abort"]
    )
    generated_tokens = serializers.IntegerField()
    seed = serializers.IntegerField()
    prefill = TgiPrefillOutput(many=True)
    tokens = TgiTokenOutput(many=True)
    top_tokens = serializers.ListField(child=TgiTokenOutput(many=True), required=False)
    best_of_sequences = serializers.ListField(
        child=serializers.DictField(), required=False
    )


class TgiGenerateOutput(serializers.Serializer[Any]):
    generated_text = serializers.CharField()
    details = TgiDetailsOutput(required=False)


class TgiTextTokenOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    start = serializers.IntegerField()
    stop = serializers.IntegerField()


class TgiInfoOutput(serializers.Serializer[Any]):
    model_id = serializers.CharField()
    model_sha = serializers.CharField(allow_null=True)
    model_pipeline_tag = serializers.CharField()
    max_concurrent_requests = serializers.IntegerField()
    max_best_of = serializers.IntegerField()
    max_stop_sequences = serializers.IntegerField()
    max_input_tokens = serializers.IntegerField()
    max_total_tokens = serializers.IntegerField()
    max_new_tokens = serializers.IntegerField()
    max_client_batch_size = serializers.IntegerField()
    max_batch_size = serializers.IntegerField()
    router = serializers.CharField()
    version = serializers.CharField()


class TgiErrorOutput(ErrorObject):
    error = serializers.CharField(help_text="One sentence for people.")
    error_type = serializers.CharField(
        required=False, help_text="`validation`, `generation` or `overloaded`."
    )


STREAM = OpenApiResponse(
    OpenApiTypes.STR, "One `data:` for each token; the last has the whole text."
)
TOKENIZE_ERRORS: dict[Any, Any] = dict.fromkeys((429, 503), TgiErrorOutput)
CALL_ERRORS = TOKENIZE_ERRORS | {504: TgiErrorOutput}
