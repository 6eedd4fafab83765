"""Errors as the playground shows them: what happened, and where to go next."""

from __future__ import annotations

from typing import TypedDict

from django.http import JsonResponse
from django.urls import reverse

from accounts.errors import ApplicationError
from models_app.parameters import PARAMETERS_BY_NAME

_LINKS = {
    "tier_required": ("tiers", "Compare the tiers"),
    "tier_limit_exceeded": ("tiers", "Compare the tiers"),
    "rate_limit_exceeded": ("tiers", "Compare the tiers"),
    "insufficient_quota": ("tiers", "Compare the tiers"),
    "model_not_found": ("playground", "Choose another model"),
}


class ShownError(TypedDict):
    code: str
    message: str
    hint: str
    param: str
    link: str
    link_label: str


def show(error: ApplicationError) -> ShownError:
    url_name, label = _LINKS.get(error.code, ("", ""))
    return {
        "code": error.code,
        "message": _in_words_of_page(error),
        "hint": error.hint_on_page,
        "param": error.param or "",
        "link": reverse(url_name) if url_name else "",
        "link_label": label,
    }


def _in_words_of_page(error: ApplicationError) -> str:
    """A parameter by the name that its field has, not by the one that APIs give it."""
    parameter = PARAMETERS_BY_NAME.get(error.param or "")
    if parameter is None:
        return error.message
    return error.message.replace(parameter.name, parameter.label, 1)


def respond(error: ApplicationError) -> JsonResponse:
    return JsonResponse({"error": show(error)}, status=error.status_code)
