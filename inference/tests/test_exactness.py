"""A request's logits are the same bits alone and among neighbours that come and go."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inference.engine import Engine, Runner, load_engine
from inference.errors import InvalidPrecision
from inference.kv_cache import SlotCopy
from inference.layers import RepackedLinear
from inference.loader import resolve_precision
from inference.scheduler import ScheduledRequest
from inference.tests.fakes import engine_config, submit
from inference.weights import DTYPES


class Recorder:
    """Passes steps on and keeps one request's logits."""

    def __init__(self, inner: Runner, request_id: str) -> None:
        self.inner, self.request_id = inner, request_id
        self.rows: list[Tensor] = []

    def copy(self, copies: Sequence[SlotCopy]) -> None:
        self.inner.copy(copies)

    def run(self, scheduled: Sequence[ScheduledRequest]) -> Tensor:
        logits = self.inner.run(scheduled)
        sampling = [item.request.request_id for item in scheduled if item.samples]
        if self.request_id in sampling:
            self.rows.append(logits[sampling.index(self.request_id)].clone())
        return logits


def record(
    engine: Engine, prompt: list[int], neighbours: int, **options: object
) -> Tensor:
    """Run one request among random others; its logits at every position."""
    recorder = Recorder(engine._runner, "watched")
    engine._runner = recorder
    chosen = random.Random(neighbours)  # noqa: S311 - a test draws the same each time
    engine.add(submit("watched", prompt, max_new_tokens=40, ignore_eos=True, **options))
    for number in range(neighbours):
        length = chosen.choice([1, 3, 20, 90, 200])
        ids = [chosen.randrange(1, 300) for _ in range(length)]
        engine.add(submit(f"n{number}", ids, max_new_tokens=chosen.randint(1, 40)))
        for _ in range(chosen.randint(0, 3)):
            engine.step()
        if chosen.random() < 0.2:
            engine.abort(f"n{number - 1}")
    while engine.has_work:
        engine.step()
    engine._runner = recorder.inner
    return torch.stack(recorder.rows)


@pytest.fixture(params=["tiny_gpt_neo", "tiny_llama"])
def checkpoint(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture(params=["fp32", "bf16", "int8"])
def precision(request: pytest.FixtureRequest) -> str:
    try:
        return resolve_precision(request.param, "cpu")
    except InvalidPrecision as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("num_outputs", "num_inputs"), [(768, 3072), (576, 1536), (960, 576), (200, 30)]
)
def test_it_gives_a_row_the_same_bits_in_any_number(
    num_outputs: int, num_inputs: int, kind: str
) -> None:
    """Shapes of GPT-Neo-125M and SmolLM2, one of which has a path for a lone row."""
    torch.manual_seed(0)
    weight = torch.randn(num_outputs, num_inputs).to(DTYPES[kind]) / 20
    linear = RepackedLinear(weight, None, "silu")
    rows = torch.randn(65, num_inputs).to(weight.dtype)
    together = linear(rows)

    for number in (1, 2, 3, 7, 16, 33, 64):
        for start in range(0, 65 - number, number):
            part = slice(start, start + number)
            assert torch.equal(linear(rows[part]), together[part])


@pytest.mark.parametrize("prompt_length", [1, 3, 70, 150])
def test_it_gives_the_same_bits_among_any_neighbours(
    prompt_length: int, precision: str, checkpoint: Path
) -> None:
    settings = {"num_slots": 6, "precision": precision, "max_prefill_tokens": 48}
    engine = load_engine(checkpoint, engine_config(**settings))
    prompt = [1 + n % 299 for n in range(prompt_length)]
    alone = record(engine, prompt, neighbours=0)

    for neighbours in (1, 8):
        among = record(engine, prompt, neighbours, cache_scope=f"afresh {neighbours}")
        assert torch.equal(among, alone)


@pytest.mark.parametrize("chunk", [5, 7, 64, 512])
def test_it_gives_the_same_bits_however_the_prompt_is_cut(
    chunk: int, precision: str, checkpoint: Path
) -> None:
    prompt = [1 + n * 7 % 299 for n in range(211)]
    engines = [
        load_engine(
            checkpoint, engine_config(precision=precision, max_prefill_tokens=tokens)
        )
        for tokens in (32, chunk)
    ]

    first, second = (record(engine, prompt, neighbours=0) for engine in engines)

    assert torch.equal(first, second)


def test_it_gives_the_same_bits_after_a_resume(
    precision: str, checkpoint: Path
) -> None:
    engine = load_engine(checkpoint, engine_config(precision=precision))
    prompt = [1 + n * 5 % 299 for n in range(90)]
    whole = record(engine, prompt, neighbours=0)
    resumed_ids = whole.argmax(-1).tolist()[:17]

    resumed = record(
        engine,
        prompt,
        neighbours=3,
        resume_token_ids=resumed_ids,
        cache_scope="afresh",
    )

    assert torch.equal(resumed, whole[17:])


@pytest.mark.parametrize("num_shared", [37, 64, 130, 209])
def test_it_gives_the_same_bits_after_a_prefix_hit(
    num_shared: int, precision: str, tiny_gpt_neo: Path
) -> None:
    engine = load_engine(tiny_gpt_neo, engine_config(precision=precision))
    prompt = [1 + n * 7 % 299 for n in range(210)]
    computed = record(engine, prompt, neighbours=0, cache_scope="afresh")
    ended = [*prompt[:num_shared], *[7] * 40]
    engine.add(submit("first", ended, cache_scope="shared"))
    while engine.has_work:
        engine.step()

    copied = record(engine, prompt, neighbours=3, cache_scope="shared")
    assert engine.describe("", 0).num_cached_tokens == num_shared
    taken_over = record(engine, prompt, neighbours=0, cache_scope="shared")
    assert engine.describe("", 0).num_cached_tokens == num_shared + 209

    assert torch.equal(copied, computed)
    assert torch.equal(taken_over, computed)


def test_it_gives_the_same_bits_to_prompts_that_wait_for_each_other(
    precision: str, tiny_gpt_neo: Path
) -> None:
    settings = {"precision": precision, "max_prefill_tokens": 42}
    engine = load_engine(tiny_gpt_neo, engine_config(**settings))
    prompt = [1 + n * 7 % 299 for n in range(210)]
    computed = record(engine, prompt, neighbours=0)
    options: dict[str, object] = {"cache_scope": "shared", "max_new_tokens": 30}
    for number in range(2):
        engine.add(submit(f"n{number}", prompt, **options))

    assert torch.equal(
        record(engine, prompt, neighbours=0, cache_scope="shared"), computed
    )
    assert engine.describe("", 0).num_cached_tokens == 2 * 209
