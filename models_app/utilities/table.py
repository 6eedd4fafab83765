"""The utilities: what the catalogue has beside language models, free of quota.

Each is an entry of `UTILITIES` and a function that does the work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from models_app.utilities import gpt2


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """`run` gives one result for each item, in their order, or raises `InvalidInput`.

    `example` is an item and `example_result` what it gives, for pages and tests.
    """

    public_id: str
    slug: str
    name: str
    summary: str
    takes: str
    gives: str
    example: Any
    example_result: Any
    run: Callable[[Sequence[object]], list[Any]]

    @property
    def texts(self) -> tuple[str, ...]:
        """What a search looks at."""
        return (self.name, self.slug, self.public_id, self.summary)

    @property
    def example_json(self) -> str:
        return json.dumps(self.example)

    @property
    def example_result_json(self) -> str:
        return json.dumps([self.example_result])

    def get_absolute_url(self) -> str:
        return reverse("model_detail", args=[self.slug])


_TEXT = "I met a traveller from an antique land, who said"
_TOKEN_IDS = [40, 1138, 257, 49130, 422, 281, 38504, 1956, 11, 508, 531]

UTILITIES = (
    Utility(
        public_id="61bcad385829fb7b6a1faca2",
        slug="gpt-2-token-encoder",
        name="GPT-2 token encoder",
        summary="Turns texts into the token ids of GPT-2, which GPT-Neo shares.",
        takes="Texts",
        gives="A list of token ids for each",
        example=_TEXT,
        example_result=_TOKEN_IDS,
        run=gpt2.encode,
    ),
    Utility(
        public_id="61bcb317de464dfa00e0a2a7",
        slug="gpt-2-token-decoder",
        name="GPT-2 token decoder",
        summary="Turns token ids of GPT-2, which GPT-Neo shares, back into texts.",
        takes="Lists of token ids",
        gives="A text for each",
        example=_TOKEN_IDS,
        example_result=_TEXT,
        run=gpt2.decode,
    ),
)


def utility_named(reference: str) -> Utility | None:
    """The utility of that id or slug, whatever the case."""
    wanted = reference.strip().lower()
    return next((one for one in UTILITIES if wanted in (one.public_id, one.slug)), None)
