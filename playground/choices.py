"""The language models that the playground offers, and what keeps one from running."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import User
from models_app.cards import Example, read_card
from models_app.models import LanguageModel
from models_app.parity import Parity, parity_of_model, verify_command
from models_app.weights import install_command
from playground.forms import query_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    language_model: LanguageModel
    is_open: bool
    parity: Parity | None
    """None where the weights are not installed."""

    @property
    def can_run(self) -> bool:
        return self.is_open and self.parity is Parity.MATCHES

    @property
    def command(self) -> str:
        """What the operator types to change that."""
        to_run = install_command if self.parity is None else verify_command
        return to_run(self.language_model.slug)

    @property
    def label(self) -> str:
        """The option's text: the name, and what is in the way."""
        name = self.language_model.name
        if not self.is_open:
            return f"{name} (needs {self.language_model.get_minimum_tier_display()})"
        if self.parity is None:
            return f"{name} (not installed)"
        return name if self.can_run else f"{name} (not served)"

    @property
    def examples(self) -> list[tuple[str, str]]:
        """Each example of the card: its title, and the address that fills it in."""
        slug = self.language_model.slug
        return [
            (example.title, _address(slug, example))
            for example in read_card(slug).facts.examples
        ]


def model_choices(user: User) -> list[ModelChoice]:
    """Every language model, in the catalogue's order."""
    return [
        ModelChoice(
            language_model=language_model,
            is_open=language_model.is_open_to(user),
            parity=parity_of_model(language_model.slug),
        )
        for language_model in LanguageModel.objects.enabled()
    ]


def first_choice(choices: list[ModelChoice]) -> ModelChoice | None:
    """The one to start with: the first that runs, else the first of all."""
    return next((one for one in choices if one.can_run), next(iter(choices), None))


def _address(slug: str, example: Example) -> str:
    pairs = [
        ("model", slug),
        ("prompt", example.prompt),
        *query_of(example.parameters),
    ]
    return f"{reverse('playground')}?{urlencode(pairs)}"
