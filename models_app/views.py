from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.tiers import Tier
from models_app.cards import Card, read_card
from models_app.chat import has_chat_template
from models_app.errors import ModelNotFound
from models_app.models import LanguageModel
from models_app.parity import parity_of_model, verify_command
from models_app.readiness import Readiness, readiness_of
from models_app.search import CatalogueSearch
from models_app.utilities.table import UTILITIES, Utility, utility_named
from models_app.weights import weights_state


@dataclass(frozen=True, slots=True)
class Listing:
    """One entry of the catalogue page."""

    language_model: LanguageModel
    card: Card
    readiness: Readiness
    is_open: bool


@login_not_required
@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    entries = list(LanguageModel.objects.enabled())
    search = CatalogueSearch.from_query(request.GET)
    context = {
        "listings": _listings(search.apply(entries), request),
        "utilities": [utility for utility in UTILITIES if search.finds(*utility.texts)],
        "search": search,
        "tags": sorted({tag for entry in entries for tag in entry.tags}),
        "tiers": Tier,
    }
    template = "_model_results.html" if _is_fragment(request) else "model_list.html"
    response = render(request, f"models_app/{template}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@login_not_required
@require_safe
def model_detail(request: HttpRequest, ref: str) -> HttpResponse:
    """The page of a language model; its id and other spellings lead to its slug."""
    if utility := utility_named(ref):
        return _utility(request, utility, ref)
    try:
        language_model = LanguageModel.objects.resolve(ref)
    except ModelNotFound as error:
        return _not_found(request, error)
    if ref != language_model.slug:
        return redirect(language_model)
    card = read_card(language_model.slug)
    context = {
        "language_model": language_model,
        "card": card,
        "readiness": readiness_of([card])[language_model.slug],
        "weights": weights_state(card),
        "parity": parity_of_model(language_model.slug),
        "verify_command": verify_command(language_model.slug),
        "is_open": language_model.is_open_to(request.user),
        "has_chat_template": has_chat_template(language_model.slug),
        "examples": [
            (example, example.query(language_model.slug))
            for example in card.facts.examples
        ],
        "base_url": request.build_absolute_uri("/"),
    }
    return render(request, "models_app/model_detail.html", context)


def _utility(request: HttpRequest, utility: Utility, ref: str) -> HttpResponse:
    if ref != utility.slug:
        return redirect(utility)
    context = {"utility": utility, "base_url": request.build_absolute_uri("/")}
    return render(request, "models_app/utility_detail.html", context)


def _not_found(request: HttpRequest, error: ModelNotFound) -> HttpResponse:
    context = {"error": error}
    return render(request, "models_app/model_not_found.html", context, status=404)


def _is_fragment(request: HttpRequest) -> bool:
    """htmx asks for the whole page when it restores one from the history."""
    return (
        "HX-Request" in request.headers
        and "HX-History-Restore-Request" not in request.headers
    )


def _listings(entries: Iterable[LanguageModel], request: HttpRequest) -> list[Listing]:
    found = [(entry, read_card(entry.slug)) for entry in entries]
    states = readiness_of([card for _, card in found])
    return [
        Listing(entry, card, states[entry.slug], entry.is_open_to(request.user))
        for entry, card in found
    ]
