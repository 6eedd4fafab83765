"""Language models in the words of the native API."""

from __future__ import annotations

import dataclasses
from typing import cast

from rest_framework.request import Request

from accounts.models import User
from models_app.cards import read_card
from models_app.chat import has_chat_template
from models_app.models import LanguageModel
from models_app.parameters import PARAMETERS, Parameter
from models_app.readiness import Readiness, readiness_of
from models_app.speed import load_seconds_of, speed_of

_LIMITS = (
    "requests_per_minute",
    "tokens_per_minute",
    "tokens_per_day",
    "concurrent_requests",
    "max_new_tokens",
    "prompts_per_call",
    "completions_per_call",
    "queued_predictions",
)


def describe_models(
    entries: list[LanguageModel], request: Request
) -> list[dict[str, object]]:
    states = readiness_of([read_card(entry.slug) for entry in entries])
    return [_describe(entry, states[entry.slug], request) for entry in entries]


def describe_model(entry: LanguageModel, request: Request) -> dict[str, object]:
    (description,) = describe_models([entry], request)
    limits = dataclasses.asdict(cast("User", request.user).limits)
    return description | {
        "has_chat_template": has_chat_template(entry.slug),
        "load_seconds": load_seconds_of(entry),
        "speed": dataclasses.asdict(speed_of(entry)),
        "limits": {name: limits[name] for name in _LIMITS},
        "parameters": [_describe_parameter(parameter) for parameter in PARAMETERS],
    }


def _describe(
    entry: LanguageModel, readiness: Readiness, request: Request
) -> dict[str, object]:
    return {
        "id": entry.public_id,
        "slug": entry.slug,
        "name": entry.name,
        "summary": entry.summary,
        "task": entry.task,
        "tags": entry.tags,
        "license": entry.license,
        "num_parameters": entry.num_parameters,
        "context_length": entry.context_length,
        "minimum_tier": entry.minimum_tier,
        "is_open_to_you": entry.is_open_to(request.user),
        "status": readiness.name.lower(),
        "has_chat_template": has_chat_template(entry.slug),
        "url": request.build_absolute_uri(entry.get_absolute_url()),
    }


def _describe_parameter(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "kind": parameter.kind,
        "title": parameter.label,
        "description": parameter.help_text,
        "allowed": parameter.allowed,
        "default_value": parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
    }
