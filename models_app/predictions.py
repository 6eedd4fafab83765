"""What a prediction is while it runs and when it is done: values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from accounts.errors import ApplicationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, counted as every door reports them."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def as_json(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds; of several prompts, the first token and the longest wait count."""

    queue_ms: float | None
    ttft_ms: float | None
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A token that could have stood there, and its probability's natural logarithm."""

    token_id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDetail:
    """How likely the model found a token; `rank` is 1 for the likeliest."""

    token_id: int
    text: str
    logprob: float
    rank: int
    alternatives: tuple[Alternative, ...]


TokenDetails = tuple[TokenDetail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first event: the call was accepted."""

    prediction_id: str
    model: str
    seed: int
    prompts: int
    num_return_sequences: int
    prompt_tokens: int


class TextDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More text of one completion; `token_count` counts its tokens so far.

    `index` counts the completions of the call, prompt by prompt. `is_last` says that
    nothing but its `Finished` follows. `token_ids` and `logprobs` are None unless the
    call asked for them; so are `prompt_logprobs`, which
    stand on the first delta of the prompt's first sequence.
    """

    index: int
    text: str
    token_count: int
    is_last: bool = False
    token_ids: tuple[int, ...] | None = None
    logprobs: TokenDetails | None = None
    prompt_logprobs: tuple[TokenDetail | None, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One completion is done; `text` is the whole of it, without the prompt.

    `score` is that of beams. The details are None unless the call asked for them;
    those of the prompt stand on its first sequence.
    """

    index: int
    prompt_index: int
    sequence_index: int
    prompt: str
    text: str
    finish_reason: str
    stop_sequence: str | None
    seed: int
    usage: Usage
    score: float | None = None
    token_ids: tuple[int, ...] | None = None
    logprobs: TokenDetails | None = None
    prompt_logprobs: tuple[TokenDetail | None, ...] | None = None


def in_one_piece(finished: Finished) -> tuple[TextDelta, Finished]:
    """What a stream says of a completion whose text did not come bit by bit: whoever
    only joins deltas gets it, too."""
    delta = TextDelta(
        index=finished.index,
        text=finished.text,
        token_count=finished.usage.completion_tokens,
        is_last=True,
        token_ids=finished.token_ids,
        logprobs=finished.logprobs,
        prompt_logprobs=finished.prompt_logprobs,
    )
    return delta, finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A finished call, its completions in the order of its prompts and sequences.

    `charged_tokens` is more than `usage` says where beams did work that is not shown.
    """

    id: str
    model: str
    seed: int
    completions: Sequence[Finished]
    usage: Usage
    charged_tokens: int
    timings: Timings


@dataclass(frozen=True, slots=True)
class Completed:
    """The last event of a call that ended well; usage is settled by then."""

    prediction: Prediction


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a call that did not; nothing was charged."""

    error: ApplicationError


PredictEvent = Started | TextDelta | Finished | Completed | Failed
