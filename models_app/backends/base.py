"""The seam between Neuro and whatever runs the models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.messages import (
    GeneratedSequence,
    ModelStatus,
    TokenEvent,
    TokenLogprob,
)
from inference.sampling_params import BeamParams, SamplingParams

__all__ = [
    "Backend",
    "BeamParams",
    "GeneratedSequence",
    "Generation",
    "IsSpecial",
    "ModelStatus",
    "SamplingParams",
    "Spell",
    "TokenBytes",
    "TokenEvent",
    "TokenLogprob",
]

# The text of one token; safe to call anywhere.
Spell = Callable[[int], str]
# The same in bytes, of which a token may hold half a character.
TokenBytes = Callable[[int], bytes]
IsSpecial = Callable[[int], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One prompt to run, as every backend understands it.

    `cache_scope` names those among whom work on equal prompts may be shared: what one
    of them sent must not be felt by another. `deadline_seconds` counts from `generate`.
    """

    request_id: str
    model: str
    prompt_token_ids: list[int]
    sampling: SamplingParams
    priority: int = 0
    cache_scope: str = ""
    deadline_seconds: float | None = None


class Backend(Protocol):
    """Runs generations. Models are known by their catalogue slug.

    Whatever goes wrong is raised as one of `models_app.errors`, before the first event
    or after it. The synchronous methods must not be called from an event loop.
    """

    async def start(self) -> None:
        """Make the backend reachable; called once when the web process starts."""

    async def attach(self) -> None:
        """In place of `start`, in a process that uses the backend of another one: what
        runs on this event loop shares what leads there."""

    async def interrupt(self) -> None:
        """End what this process still runs, and what comes, with `ServerStopping`."""

    async def stop(self) -> None:
        """Interrupt, and let what other processes run end within the grace time."""

    def require_installed(self, model: str) -> None:
        """Return if the model can run once an engine is there.

        Else raises `ModelNotInstalled` or `ModelNotVerified`.
        """

    def require_ready(self, model: str) -> None:
        """Return if the model can run now, loading it if it can be loaded soon.

        Else raises `ModelNotInstalled`, `ModelNotVerified`, `ModelLoading`,
        `ModelLoadFailed` or `EngineUnavailable`.
        """

    def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        """Submit and stream. The first event, which may be empty, says that the
        generation is taken in; closing the iterator early aborts it."""

    def abort(self, request_ids: Sequence[str]) -> None:
        """End these generations, whichever process asked for them.

        Their streams end with `finish_reason="abort"`; unknown ids are passed over.
        """

    async def health(self) -> list[ModelStatus]:
        """Every model the backend serves or is loading; raises if unreachable."""

    def encode(self, model: str, text: str) -> list[int]:
        """Token ids of `text`; raises `ModelNotInstalled` without a tokenizer."""

    def context_length(self, model: str) -> int:
        """Tokens that prompt and completion may have together."""

    def max_beams(self) -> int:
        """How many beams one generation may search with."""

    def vocabulary_size(self, model: str) -> int:
        """Token ids are below it."""

    def speller(self, model: str) -> Spell:
        """What tells each token's text, that of special tokens too."""

    def token_bytes(self, model: str) -> TokenBytes:
        """What tells each token's bytes, those of special tokens too."""

    def special_tokens(self, model: str) -> IsSpecial:
        """What tells the tokens that stand for no text."""
