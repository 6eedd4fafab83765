"""A backend whose every event a test decides, for what a real engine cannot show."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest import mock

from django.urls import get_resolver

from accounts.errors import ApplicationError
from models_app.backends.base import (
    GeneratedSequence,
    Generation,
    IsSpecial,
    ModelStatus,
    Spell,
    TokenBytes,
    TokenEvent,
    TokenLogprob,
)

Scripted = TokenEvent | Exception


class FakeBackend:
    """Plays the script for each generation; a token id is a character's code."""

    def __init__(
        self,
        *script: Scripted,
        unready: ApplicationError | None = None,
        context_length: int = 64,
    ) -> None:
        self.script: Sequence[Scripted] = script
        self.unready = unready
        self.length = context_length
        self.generations: list[Generation] = []
        self.aborted: list[str] = []
        self.closed = 0

    async def start(self) -> None: ...

    async def attach(self) -> None: ...

    async def stop(self) -> None: ...

    def require_installed(self, model: str) -> None: ...

    def require_ready(self, model: str) -> None:
        if self.unready:
            raise self.unready

    async def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        self.generations.append(generation)
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                await asyncio.sleep(0)
                yield step
        finally:
            self.closed += 1

    def abort(self, request_ids: Sequence[str]) -> None:
        self.aborted += request_ids

    async def health(self) -> list[ModelStatus]:
        return []

    def encode(self, model: str, text: str) -> list[int]:
        return [ord(character) for character in text]

    def context_length(self, model: str) -> int:
        return self.length

    def max_beams(self) -> int:
        return 8

    def vocabulary_size(self, model: str) -> int:
        return sys.maxunicode + 1

    def speller(self, model: str) -> Spell:
        return chr

    def token_bytes(self, model: str) -> TokenBytes:
        return lambda token_id: chr(token_id).encode()

    def special_tokens(self, model: str) -> IsSpecial:
        return lambda token_id: False


def token(text: str, **fields: object) -> TokenEvent:
    """One step's event that brought `text`, a token for each character."""
    ids = [ord(character) for character in text]
    return TokenEvent(request_id="r", token_ids=ids, text=text, **fields)  # type: ignore[arg-type]


def logprob(letter: str, *others: str) -> TokenLogprob:
    """What the engine says of a token: certain of it, and of each other one less."""
    alternatives = [(ord(other), -1.0 - n) for n, other in enumerate(others)]
    return TokenLogprob(ord(letter), -0.5, 1, alternatives)


def sequence(text: str, score: float, **fields: object) -> GeneratedSequence:
    return GeneratedSequence(
        token_ids=[ord(letter) for letter in text],
        text=text,
        score=score,
        **{"finish_reason": "stop", **fields},  # type: ignore[arg-type]
    )


# Two steps of four beams, then the best two of them.
BEAMS = (
    TokenEvent(request_id="r", num_hidden_tokens=4, queue_seconds=0.002),
    TokenEvent(request_id="r", num_hidden_tokens=4),
    TokenEvent(
        request_id="r",
        finish_reason="stop",
        sequences=[sequence("Hi", -0.25), sequence("Ho", -0.5)],
    ),
)
HELLO = (
    token("Hel", queue_seconds=0.002),
    token("lo"),
    token("", finish_reason="stop"),
)


@contextmanager
def use_backend(backend: FakeBackend) -> Iterator[FakeBackend]:
    """In every module of the site that asks for the backend."""
    # Doors are imported with the routes, when the first request comes.
    get_resolver().url_patterns  # noqa: B018
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            is_ours = name.startswith(("models_app.", "playground."))
            if is_ours and ".backends" not in name and hasattr(module, "get_backend"):
                patch = mock.patch.object(module, "get_backend", return_value=backend)
                stack.enter_context(patch)
        yield backend
