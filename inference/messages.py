"""The frames between the web process and the engine process.

Both sides speak msgpack frames over one Unix socket, each with a 4-byte big-endian
length in front. Nothing here imports torch: the web process reads this module.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from inference.errors import EngineError
from inference.sampling_params import SamplingParams

FinishReason = Literal["stop", "length", "abort", "error"]
ModelState = Literal["loading", "ready", "failed"]


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """Run one prompt. `request_id` is the caller's and unique among live requests.

    `resume_token_ids` are tokens that this request has already generated elsewhere:
    the stream continues after them as if it had never stopped, and they count towards
    `max_new_tokens`. Their text is not sent again.

    Of requests that wait, one of higher `priority` goes first. The keys and values of a
    prompt are shared with requests of the same `cache_scope` alone. Beyond
    `deadline_seconds` after its arrival a request ends with `deadline_exceeded`.
    """

    request_id: str
    model: str
    prompt_token_ids: list[int]
    sampling: SamplingParams
    priority: int = 0
    resume_token_ids: list[int] = []
    cache_scope: str = ""
    deadline_seconds: float | None = None


class Abort(msgspec.Struct, frozen=True, tag="abort"):
    """End a request early; its last event says `finish_reason="abort"`."""

    request_id: str


class GetHealth(msgspec.Struct, frozen=True, tag="get_health"):
    """Ask for a `Health` frame."""


class LoadModel(msgspec.Struct, frozen=True, tag="load_model"):
    """Load the checkpoint folder `path` under `name` beside what is being served.

    `Health` tells how it went. Asking again for one that failed tries again, once some
    seconds have passed, more of them after each failure.
    """

    name: str
    path: str


class UnloadModel(msgspec.Struct, frozen=True, tag="unload_model"):
    """Forget a model; its running requests end with an error."""

    name: str


ClientMessage = Submit | Abort | GetHealth | LoadModel | UnloadModel


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True):
    """How likely the model itself found a token, as a natural logarithm.

    `rank` is 1 for its best token. `alternatives` are its best tokens and theirs, best
    first, whether the chosen one is among them or not.
    """

    token_id: int
    logprob: float
    rank: int
    alternatives: list[tuple[int, float]] = []


class GeneratedSequence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One completion that beams have found, and its `score` (see `BeamParams`)."""

    token_ids: list[int]
    text: str
    finish_reason: FinishReason
    score: float
    stop_sequence: str | None = None
    logprobs: list[TokenLogprob] = []


class TokenEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one step produced for one request.

    The very first event of a request is empty and says that the engine has taken it in.
    `text` is held back until it is certain: it never holds part of a stop sequence or
    of a UTF-8 character, so it may be empty while `token_ids` is not. The last event
    of a request carries `finish_reason`, and `error_code` with `error` when that is
    "error". `stop_sequence` is the one that ended the request, `None` for the
    end-of-text token. On the first event with a token stand `queue_seconds`, the time between arrival
    and first prefill step, and `num_cached_tokens`, how much of the prompt was there.

    `logprobs` is parallel to `token_ids` and `prompt_logprobs`, on the first event, to
    the prompt, whose first token has none; both are empty unless asked for. With beams
    the last event holds the `sequences`, best first, and no event holds tokens or text:
    `num_hidden_tokens` counts what the beams have computed.
    """

    request_id: str
    token_ids: list[int] = []
    text: str = ""
    finish_reason: FinishReason | None = None
    stop_sequence: str | None = None
    logprobs: list[TokenLogprob] = []
    prompt_logprobs: list[TokenLogprob | None] = []
    sequences: list[GeneratedSequence] = []
    num_hidden_tokens: int = 0
    num_cached_tokens: int = 0
    queue_seconds: float | None = None
    error_code: str | None = None
    error: str | None = None


def merge_events(earlier: TokenEvent, later: TokenEvent) -> TokenEvent:
    """Both as one, for a reader that was too slow to take them apart."""
    return msgspec.structs.replace(
        later,
        token_ids=earlier.token_ids + later.token_ids,
        text=earlier.text + later.text,
        logprobs=earlier.logprobs + later.logprobs,
        prompt_logprobs=earlier.prompt_logprobs + later.prompt_logprobs,
        num_hidden_tokens=earlier.num_hidden_tokens + later.num_hidden_tokens,
        num_cached_tokens=earlier.num_cached_tokens + later.num_cached_tokens,
        queue_seconds=_first(earlier.queue_seconds, later.queue_seconds),
    )


def _first(earlier: float | None, later: float | None) -> float | None:
    return later if earlier is None else earlier


def error_event(request_id: str, error: EngineError) -> TokenEvent:
    """The last event of a request that failed."""
    return TokenEvent(
        request_id=request_id,
        finish_reason="error",
        error_code=error.code,
        error=str(error),
    )


class StepEvents(msgspec.Struct, frozen=True, tag="events"):
    """One engine step: one event for each stream that moved."""

    events: list[TokenEvent]


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One model that the engine serves, or tried to. Of the `num_prompt_tokens` that
    its requests brought, `num_cached_tokens` did not have to be computed."""

    name: str
    state: ModelState
    precision: str = ""
    device: str = ""
    context_length: int = 0
    num_parameters: int = 0
    num_slots: int = 0
    num_running: int = 0
    num_waiting: int = 0
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    load_seconds: float = 0.0
    error: str = ""


class Health(msgspec.Struct, frozen=True, tag="health"):
    """The engine's answer to `GetHealth`."""

    models: list[ModelStatus]
    pid: int


EngineMessage = StepEvents | Health
