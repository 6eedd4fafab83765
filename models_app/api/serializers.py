"""What the native API takes and gives, as drf-spectacular documents it."""

from __future__ import annotations

import functools
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api import strict
from models_app.errors import InvalidInput
from models_app.nearest import did_you_mean
from models_app.parameters import parameters_schema
from models_app.parameters.kinds import KINDS
from models_app.readiness import Readiness

_TEXT = {"type": "string", "minLength": 1}
_TOKEN_IDS = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 1,
}
PROMPTS_SCHEMA = {
    "oneOf": [
        _TEXT,
        {"type": "array", "items": {"oneOf": [_TEXT, _TOKEN_IDS]}, "minItems": 1},
    ]
}


@extend_schema_field(PROMPTS_SCHEMA)
class PromptsField(serializers.Field[list[object], object, Any, Any]):
    """One text, or a list of texts and lists of token ids; always a list from here on."""

    def to_internal_value(self, data: object) -> list[object]:
        if isinstance(data, str):
            return [data]
        if isinstance(data, list):
            return data
        raise InvalidInput("inputs must be a text or a list of texts.", param="inputs")


@extend_schema_field(parameters_schema())
class ParametersField(serializers.Field[dict[str, object], object, Any, Any]):
    """Left as it came: `models_app.parameters` validates it for every door."""

    def to_internal_value(self, data: object) -> dict[str, object]:
        if isinstance(data, dict):
            return data
        raise InvalidInput("parameters must be an object.", param="parameters")


class StrictSerializer(strict.StrictSerializer):
    """Names the field that was probably meant."""

    @classmethod
    def read(cls, data: object) -> dict[str, Any]:
        """The validated fields, or `ValidationError`."""
        return cast("dict[str, Any]", _only(cls).run_validation(data))

    def unknown_field(self, name: str) -> Exception:
        return _unknown_field(name, list(self.fields))


class CallInput(StrictSerializer):
    inputs = PromptsField(help_text="The prompt, or a list of prompts run at once.")
    parameters = ParametersField(
        default=dict, help_text="Generation parameters, each with its own default."
    )
    dry_run = serializers.BooleanField(
        default=False,
        help_text="Only tell what the call would need and whether it would be let in.",
    )


class PredictInput(CallInput):
    stream = serializers.BooleanField(
        default=False, help_text="Send the text as it is made, as server-sent events."
    )


@functools.cache
def _only(kind: type[StrictSerializer]) -> StrictSerializer:
    """One for all calls: each has copies of all fields, and keeps nothing of a call."""
    return kind()


def _unknown_field(name: str, known: list[str]) -> InvalidInput:
    hint = f"Its fields: {', '.join(known)}."
    if "parameters" in known:
        hint = f"Generation parameters go into parameters; fields: {', '.join(known)}."
    return InvalidInput(
        f'The call has no field "{name[:100]}".',
        hint=did_you_mean(name, known, otherwise=hint),
        param=name[:100],
    )


class UsageOutput(serializers.Serializer[Any]):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()


FINISH_REASONS = ["stop", "length", "abort"]


class AlternativeOutput(serializers.Serializer[Any]):
    token_id = serializers.IntegerField()
    text = serializers.CharField()
    logprob = serializers.FloatField()


class TokenOutput(serializers.Serializer[Any]):
    token_id = serializers.IntegerField()
    text = serializers.CharField(help_text="What the token stands for.")
    logprob = serializers.FloatField(
        help_text="Natural logarithm of the probability that the model itself gave it."
    )
    rank = serializers.IntegerField(help_text="1 for the model's likeliest token.")
    alternatives = AlternativeOutput(many=True, help_text="The likeliest, best first.")


@extend_schema_field(
    {
        "type": "array",
        "items": {
            "oneOf": [{"$ref": "#/components/schemas/TokenOutput"}, {"type": "null"}]
        },
    }
)
class PromptLogprobsField(serializers.ListField):
    """For the document alone: the first token of a prompt has no probability."""


class CompletionOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField(
        help_text="Counts the completions of the call, prompt by prompt."
    )
    prompt_index = serializers.IntegerField(help_text="Which prompt it completes.")
    sequence_index = serializers.IntegerField(
        help_text="Which of the prompt's sequences it is; with beams, the best is 0."
    )
    text = serializers.CharField(help_text="The completion, without the prompt.")
    finish_reason = serializers.ChoiceField(choices=FINISH_REASONS)
    stop_sequence = serializers.CharField(
        allow_null=True, help_text="The stop sequence that ended it, where one did."
    )
    seed = serializers.IntegerField(help_text="Gives this completion again.")
    usage = UsageOutput()
    score = serializers.FloatField(required=False, help_text="With beams.")
    token_ids = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="With `return_token_ids`.",
    )
    logprobs = TokenOutput(many=True, required=False, help_text="With `logprobs`.")
    prompt_logprobs = PromptLogprobsField(
        required=False,
        help_text="With `prompt_logprobs`, on the first sequence of each prompt; "
        "the first token of a prompt has none.",
    )


class TimingsOutput(serializers.Serializer[Any]):
    queue_ms = serializers.FloatField(allow_null=True)
    ttft_ms = serializers.FloatField(
        allow_null=True, help_text="From the call's admission to its first token."
    )
    duration_ms = serializers.FloatField()


class PredictionOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    model = serializers.CharField()
    predictions = CompletionOutput(many=True)
    usage = UsageOutput(help_text="Of the whole call; each prompt counts once.")
    charged_tokens = serializers.IntegerField(help_text="What your quota pays.")
    seed = serializers.IntegerField()
    timings = TimingsOutput()


STATUSES = [state.name.lower() for state in Readiness]


class ModelOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()
    task = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    license = serializers.CharField()
    num_parameters = serializers.IntegerField()
    context_length = serializers.IntegerField()
    minimum_tier = serializers.CharField()
    is_open_to_you = serializers.BooleanField()
    status = serializers.ChoiceField(choices=STATUSES)
    has_chat_template = serializers.BooleanField(
        help_text="Whether it is here and takes conversations."
    )
    url = serializers.CharField()


class ModelListOutput(serializers.Serializer[Any]):
    models = ModelOutput(many=True)


class LimitsOutput(serializers.Serializer[Any]):
    requests_per_minute = serializers.IntegerField()
    tokens_per_minute = serializers.IntegerField()
    tokens_per_day = serializers.IntegerField()
    concurrent_requests = serializers.IntegerField()
    max_new_tokens = serializers.IntegerField()
    prompts_per_call = serializers.IntegerField()
    completions_per_call = serializers.IntegerField(
        help_text="Prompts times sequences; with beams, prompts times beams."
    )
    queued_predictions = serializers.IntegerField()


class ParameterOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(KINDS))
    title = serializers.CharField()
    description = serializers.CharField()
    allowed = serializers.CharField(help_text="The accepted values in words.")
    default_value = serializers.JSONField(help_text="May be `null`.")
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)


class SpeedOutput(serializers.Serializer[Any]):
    tokens_per_second = serializers.FloatField(
        allow_null=True,
        help_text="New tokens a second, from leaving the queue to the end.",
    )
    predictions = serializers.IntegerField(
        help_text="How many recent predictions of one completion it is the average of."
    )


class ModelDetailOutput(ModelOutput):
    has_chat_template = serializers.BooleanField()
    load_seconds = serializers.FloatField(
        allow_null=True, help_text="What loading it took; null unless it is loaded."
    )
    speed = SpeedOutput(help_text="As measured on this server.")
    limits = LimitsOutput(help_text="What your tier allows.")
    parameters = ParameterOutput(many=True)


class PromptFitOutput(serializers.Serializer[Any]):
    prompt_tokens = serializers.IntegerField()
    fits = serializers.BooleanField()
    max_new_tokens = serializers.IntegerField(
        allow_null=True, help_text="The longest completion; null if it does not fit."
    )
    problem = serializers.CharField(allow_null=True, help_text="Why it does not fit.")


class VerdictOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    set_by = serializers.CharField()
    allowed = serializers.IntegerField()
    used = serializers.IntegerField()
    requested = serializers.IntegerField(help_text="What the call would add at most.")
    allows = serializers.BooleanField()
    resets_at = serializers.DateTimeField(allow_null=True)


class DryRunOutput(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(help_text="Always true.")
    model = serializers.CharField()
    would_run = serializers.BooleanField(
        help_text="Whether all prompts fit and every limit allows the call now."
    )
    context_length = serializers.IntegerField()
    prompts = PromptFitOutput(many=True)
    prompt_tokens = serializers.IntegerField()
    most_charged_tokens = serializers.IntegerField(
        help_text="The charge if every completion becomes as long as it may."
    )
    limits = VerdictOutput(many=True)


class LimitReportOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    set_by = serializers.ChoiceField(choices=["tier", "staff", "api_token"])
    allowed = serializers.IntegerField()
    used = serializers.IntegerField()
    requested = serializers.IntegerField()
    resets_at = serializers.CharField(allow_null=True)


class ErrorObject(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    hint = serializers.CharField(allow_null=True)
    request_id = serializers.CharField()
    limit = LimitReportOutput(
        required=False, help_text="With status 429: which limit refused the call."
    )


class ErrorOutput(serializers.Serializer[Any]):
    error = ErrorObject()


# Of a call to a language model. Those that any operation of its kind may answer are
# added to the document, see `neuro_site.api_document`.
TOKENIZE_ERRORS = dict.fromkeys((429, 503), ErrorOutput)
PREDICT_ERRORS = TOKENIZE_ERRORS | {504: ErrorOutput}
