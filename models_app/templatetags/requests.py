"""What the pages about requests say in words, or as the API would."""

from __future__ import annotations

import json

from django import template

register = template.Library()

ENDINGS = {
    "stop": "the model or a stop sequence",
    "length": "the limit on its length",
    "abort": "an abort",
    "error": "an error",
}


@register.filter
def as_json(value: object) -> str:
    """A parameter's value as a caller would write it: true, not True."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def ending(finish_reason: str) -> str:
    return ENDINGS.get(finish_reason, finish_reason)
