"""A model without weights and a tokenizer without training, for the engine's logic."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from inference.config import EngineConfig
from inference.engine import Engine
from inference.kv_cache import SlotCopy
from inference.messages import Submit, TokenEvent
from inference.sampling_params import SamplingParams
from inference.scheduler import ScheduledRequest

END_OF_TEXT = 256
VOCAB_SIZE = 257


class ByteTokenizer:
    """One token for each byte, and one that ends the text."""

    pieces = [bytes([value]) for value in range(256)] + [b""]

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, token_ids: Sequence[int]) -> str:
        return b"".join(self.pieces[n] for n in token_ids).decode(errors="replace")


class ToyModel:
    """Each next token follows from all tokens before it, so a mixed-up cache shows.

    It keeps per slot what it was given, as a KV cache would, and answers from that.
    """

    def __init__(self, num_slots: int, script: str | None = None) -> None:
        self.slots: list[list[int]] = [[] for _ in range(num_slots)]
        self.script = script.encode() if script is not None else None
        self.batch_sizes: list[int] = []

    def copy(self, copies: Sequence[SlotCopy]) -> None:
        for source, target, start, stop in copies:
            self.slots[target][start:] = self.slots[source][start:stop]

    def run(self, scheduled: Sequence[ScheduledRequest]) -> Tensor:
        self.batch_sizes.append(len(scheduled))
        rows = [row for item in scheduled for row in self._advance(item)]
        return torch.stack(rows) if rows else torch.empty(0, VOCAB_SIZE)

    def _advance(self, item: ScheduledRequest) -> list[Tensor]:
        request, start = item.request, item.request.num_computed_tokens
        seen = self.slots[request.slot]
        del seen[start:]
        seen += request.token_ids[start : start + item.num_tokens]
        ends = range(len(seen) - item.num_logits + 1, len(seen) + 1)
        return [self.logits(seen[:end], request.num_completion_tokens) for end in ends]

    def logits(self, seen: Sequence[int], num_completion_tokens: int) -> Tensor:
        if self.script is not None:
            script = [*self.script, END_OF_TEXT]
            following = script[min(num_completion_tokens, len(script) - 1)]
            return (
                torch.nn.functional.one_hot(torch.tensor(following), VOCAB_SIZE) * 50.0
            )
        number = 7
        for token_id in seen:
            number = (number * 31 + token_id + 1) % 1_000_003
        generator = torch.Generator().manual_seed(number)
        return torch.randn(VOCAB_SIZE, generator=generator) * 3


def engine_config(**options: object) -> EngineConfig:
    """One thread: tests share the machine, and waiting for a busy core is slow."""
    settings: dict[str, object] = {"num_threads": 1, "num_slots": 4} | options
    return EngineConfig(**settings)  # type: ignore[arg-type]


def toy_engine(
    script: str | None = None,
    *,
    context_length: int = 512,
    timer: Callable[[], float] = time.monotonic,
    **config: int,
) -> Engine:
    settings = engine_config(**{"max_prefill_tokens": 8} | config)
    return Engine(
        ToyModel(settings.num_slots, script),
        settings,
        vocab_size=VOCAB_SIZE,
        context_length=context_length,
        pieces=ByteTokenizer.pieces,
        end_of_text_ids=frozenset([END_OF_TEXT]),
        timer=timer,
    )


def submit(request_id: str, prompt: str | list[int], **options: object) -> Submit:
    """A greedy request of eight tokens, unless the options say otherwise."""
    fields = set(Submit.__struct_fields__) & options.keys()
    outer = {name: options.pop(name) for name in fields}
    sampling: dict[str, object] = {"max_new_tokens": 8, "temperature": 0.0} | options
    ids = list(prompt.encode()) if isinstance(prompt, str) else prompt
    return Submit(
        request_id=request_id,
        model="toy",
        prompt_token_ids=ids,
        sampling=SamplingParams(**sampling),  # type: ignore[arg-type]
        **outer,  # type: ignore[arg-type]
    )


def run_to_end(engine: Engine) -> dict[str, list[TokenEvent]]:
    """Step until nothing is left; the events of each request."""
    events: dict[str, list[TokenEvent]] = {}
    while engine.has_work:
        for event in engine.step():
            events.setdefault(event.request_id, []).append(event)
    return events


def token_ids(events: Sequence[TokenEvent]) -> list[int]:
    return [token_id for event in events for token_id in event.token_ids]


def text(events: Sequence[TokenEvent]) -> str:
    return "".join(event.text for event in events)
