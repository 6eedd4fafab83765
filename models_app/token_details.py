"""What a call may learn about single tokens, with their texts."""

from __future__ import annotations

from collections.abc import Iterable

from models_app.backends.base import Spell, TokenLogprob
from models_app.parameters import GenerationParameters
from models_app.predictions import Alternative, TokenDetail, TokenDetails

# More digits than the engine's own arithmetic has would only look exact.
DIGITS = 6


class DetailWriter:
    """Gives details that the call asked for, and None for the others."""

    def __init__(self, parameters: GenerationParameters, spell: Spell) -> None:
        self._parameters = parameters
        self._spell = spell
        self._texts: dict[int, str] = {}

    @property
    def is_wanted_in_deltas(self) -> bool:
        wanted = self._parameters
        return wanted.return_token_ids or wanted.logprobs is not None

    def token_ids(self, token_ids: Iterable[int]) -> tuple[int, ...] | None:
        return tuple(token_ids) if self._parameters.return_token_ids else None

    def logprobs(self, logprobs: Iterable[TokenLogprob]) -> TokenDetails | None:
        if self._parameters.logprobs is None:
            return None
        return tuple(self._detail(one) for one in logprobs)

    def prompt_logprobs(
        self, logprobs: Iterable[TokenLogprob | None]
    ) -> tuple[TokenDetail | None, ...] | None:
        if self._parameters.prompt_logprobs is None:
            return None
        return tuple(None if one is None else self._detail(one) for one in logprobs)

    def _detail(self, logprob: TokenLogprob) -> TokenDetail:
        return TokenDetail(
            token_id=logprob.token_id,
            text=self._text(logprob.token_id),
            logprob=round(logprob.logprob, DIGITS),
            rank=logprob.rank,
            alternatives=tuple(
                Alternative(
                    token_id=token_id,
                    text=self._text(token_id),
                    logprob=round(value, DIGITS),
                )
                for token_id, value in logprob.alternatives
            ),
        )

    def _text(self, token_id: int) -> str:
        if token_id not in self._texts:
            self._texts[token_id] = self._spell(token_id)
        return self._texts[token_id]
