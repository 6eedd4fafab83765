from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.context import RequestContext

from accounts.tiers import Tier
from models_app.models import LanguageModel
from models_app.parity import is_served
from models_app.snippets import build

register = template.Library()


@register.inclusion_tag("models_app/_snippets.html", takes_context=True)
def call_snippets(
    context: RequestContext, language_model: LanguageModel, api_token: str = ""
) -> dict[str, Any]:
    """Programs that call the language model on this very server."""
    request: HttpRequest = context["request"]
    return {
        "language_model": language_model,
        "api_token": api_token,
        "snippets": build(
            language_model,
            base_url=request.build_absolute_uri("/"),
            api_token=api_token,
        ),
    }


@register.simple_tag(takes_context=True)
def default_language_model(context: RequestContext) -> LanguageModel | None:
    """The one to try first: served here and open to the visitor, if there is one."""
    user = context["request"].user
    ranked = sorted(
        LanguageModel.objects.enabled(),
        key=lambda entry: (not is_served(entry.slug), not entry.is_open_to(user)),
    )
    return next(iter(ranked), None)


@register.simple_tag
def language_models_of_tiers(tiers: Sequence[Tier]) -> QuerySet[LanguageModel]:
    """The ones that these tiers, and not those below them, open."""
    return LanguageModel.objects.enabled().filter(minimum_tier__in=tiers)


@register.filter
def short_count(number: int) -> str:
    """125,198,592 as "125M"."""
    for size, letter in ((10**9, "B"), (10**6, "M")):
        if number >= size:
            rounded = number / size
            return (
                f"{rounded:.1f}{letter}" if rounded < 10 else f"{rounded:.0f}{letter}"
            )
    return str(number)
