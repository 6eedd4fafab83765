"""Beams, held against transformers' `generate` on the same checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from inference.beams import draw_distinct
from inference.engine import Engine, Runner, load_engine
from inference.errors import InvalidRequest
from inference.kv_cache import SlotCopy
from inference.messages import GeneratedSequence, TokenEvent
from inference.sampling_params import BeamParams
from inference.scheduler import ScheduledRequest
from inference.tests.fakes import (
    END_OF_TEXT,
    engine_config,
    run_to_end,
    submit,
    token_ids,
    toy_engine,
)
from inference.tests.generate import PADDING, generate
from inference.tokenizer import Tokenizer

PROMPT = "The old man looked at the sea and"
COMMA, FULL_STOP = 12, 14
UNBOUNDED = 10_000


@pytest.fixture(scope="module")
def engine(neo_tiny: Path) -> Engine:
    return load_engine(neo_tiny, engine_config(precision="fp32", num_slots=8))


@pytest.fixture(scope="module")
def reference(neo_tiny: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(neo_tiny, dtype=torch.float32)


@pytest.fixture(scope="module")
def prompt(neo_tiny: Path) -> list[int]:
    return Tokenizer.load(neo_tiny).encode(PROMPT)


def beams(num_beams: int, num_sequences: int = 1, **options: Any) -> BeamParams:
    return BeamParams(num_beams=num_beams, num_sequences=num_sequences, **options)


def last_sequences(events: list[TokenEvent]) -> list[GeneratedSequence]:
    assert not any(event.sequences for event in events[:-1])
    assert not any(event.token_ids or event.text for event in events)
    return events[-1].sequences


def assert_same(
    found: list[GeneratedSequence], expected: Any, num_prompt_tokens: int
) -> None:
    padded = expected.sequences[:, num_prompt_tokens:].tolist()
    for sequence, row in zip(found, padded, strict=True):
        assert sequence.token_ids == row[: len(sequence.token_ids)]
        assert set(row[len(sequence.token_ids) :]) <= {PADDING}
    scores = torch.tensor([sequence.score for sequence in found])
    torch.testing.assert_close(scores, expected.sequences_scores, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"beams": beams(2)},
        {"beams": beams(4, 4)},
        {"beams": beams(3, 2, length_penalty=2.0)},
        {"beams": beams(3, 3, length_penalty=-1.0)},
        {"beams": beams(3, 3, length_penalty=0.0, early_stopping=None)},
        {"beams": beams(4, 4, early_stopping=True)},
        {"beams": beams(4, 4, early_stopping=None)},
        {"beams": beams(4, 4), "end_token_ids": ()},
        {"beams": beams(3, 3), "end_token_ids": (COMMA, FULL_STOP)},
        {"beams": beams(3, 3), "min_new_tokens": 12},
        {
            "beams": beams(3, 3),
            "repetition_penalty": 1.4,
            "no_repeat_ngram_size": 2,
            "bad_words_ids": ((263,), (262, 257)),
            "logit_bias": {COMMA: 2.0},
        },
    ],
)
def test_it_finds_the_sequences_and_scores_that_transformers_does(
    engine: Engine, reference: Any, prompt: list[int], options: dict[str, Any]
) -> None:
    """A comma ends the text, so that beams end at different lengths."""
    options = {"end_token_ids": (COMMA,), "max_new_tokens": 16} | options
    one = submit("a", prompt, **options)
    expected = generate(reference, prompt, one.sampling, end_of_text_id=0)
    engine.add(one)

    found = last_sequences(run_to_end(engine)["a"])

    assert_same(found, expected, len(prompt))
    assert engine.scheduler.slots.num_used == 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 20, "top_p": 0.9},
        {"temperature": 1.7, "min_p": 0.01, "repetition_penalty": 1.2},
        {"typical_p": 0.9, "end_token_ids": (COMMA, FULL_STOP)},
    ],
)
def test_it_samples_beams_as_transformers_does_with_the_same_luck(
    engine: Engine,
    reference: Any,
    prompt: list[int],
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"temperature": 0.8, "end_token_ids": (COMMA,), "seed": 5} | options
    one = submit("a", prompt, max_new_tokens=16, beams=beams(3, 3), **options)
    indices = count()

    def multinomial(probabilities: Tensor, num_samples: int) -> Tensor:
        drawn = draw_distinct(
            probabilities[0], num_samples, seed=5, index=next(indices)
        )
        assert len(drawn) == num_samples
        return drawn[None]

    monkeypatch.setattr(torch, "multinomial", multinomial)
    expected = generate(reference, prompt, one.sampling, end_of_text_id=0)
    engine.add(one)

    assert_same(last_sequences(run_to_end(engine)["a"]), expected, len(prompt))


def test_it_draws_distinct_beams_each_as_often_as_it_is_likely() -> None:
    probabilities = torch.tensor([0.0, 0.1, 0.2, 0.7])
    counts = torch.zeros(4, 4)
    for seed in range(2000):
        first, second = draw_distinct(probabilities, 2, seed=seed, index=0).tolist()
        counts[first, second] += 1

    after = probabilities / (1 - probabilities[:, None])
    expected = (probabilities[:, None] * after).fill_diagonal_(0)
    torch.testing.assert_close(counts / 2000, expected, atol=0.04, rtol=0)


def test_it_draws_no_more_than_are_possible() -> None:
    drawn = draw_distinct(torch.tensor([0.0, 0.5, 0.5]), 3, seed=0, index=0)

    assert sorted(drawn.tolist()) == [1, 2]


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_gives_the_same_bits_in_any_company(
    neo_tiny: Path, prompt: list[int], temperature: float, precision: str
) -> None:
    """Scores are compared exactly; slots, chunks and neighbours differ."""
    options = {"temperature": temperature, "beams": beams(3, 3), "seed": 2}
    found = []
    for num_neighbours, chunk in ((0, 128), (4, 5)):
        settings = {"num_slots": 7, "precision": precision, "max_prefill_tokens": chunk}
        engine = load_engine(neo_tiny, engine_config(**settings))
        for number in range(num_neighbours):
            engine.add(submit(f"n{number}", prompt[number:] * 3, max_new_tokens=20))
            engine.step()
        engine.add(submit("a", prompt * 6, max_new_tokens=12, **options))
        if num_neighbours:
            engine.add(submit("b", prompt, max_new_tokens=9, beams=beams(2)))
        found.append(last_sequences(run_to_end(engine)["a"]))

    assert found[0] == found[1]


def test_it_searches_alike_after_a_prefix_hit(
    engine: Engine, prompt: list[int]
) -> None:
    found = []
    for name in "ab":
        engine.add(submit(name, prompt * 12, max_new_tokens=8, beams=beams(3, 3)))
        events = run_to_end(engine)[name]
        found.append(last_sequences(events))

    assert events[0].num_cached_tokens > 0
    assert found[0] == found[1]


def test_it_gives_text_cut_at_a_stop_sequence(
    engine: Engine, prompt: list[int]
) -> None:
    options = {"max_new_tokens": 24, "end_token_ids": (), "beams": beams(3, 3)}
    engine.add(submit("a", prompt, stop=(", ",), **options))

    found = last_sequences(run_to_end(engine)["a"])

    assert {sequence.finish_reason for sequence in found} == {"stop"}
    for sequence in found:
        assert sequence.stop_sequence == ", "
        assert "," not in sequence.text


def test_it_tells_logprobs_that_add_up_to_the_score(
    engine: Engine, prompt: list[int]
) -> None:
    options = {"max_new_tokens": 10, "beams": beams(3, 3, length_penalty=1.0)}
    engine.add(submit("a", prompt, logprobs=2, **options))

    for sequence in last_sequences(run_to_end(engine)["a"]):
        logprobs = [one.logprob for one in sequence.logprobs]
        assert [one.token_id for one in sequence.logprobs] == sequence.token_ids
        assert sequence.score == pytest.approx(sum(logprobs) / len(logprobs), abs=1e-5)


def test_it_counts_what_the_beams_compute() -> None:
    engine = toy_engine()
    engine.add(submit("a", "p", max_new_tokens=5, end_token_ids=(), beams=beams(3)))

    events = run_to_end(engine)["a"]

    assert [event.num_hidden_tokens for event in events] == [3] * 5
    assert [event.finish_reason for event in events] == [None] * 4 + ["length"]
    assert events[0].queue_seconds is not None
    assert events[1].queue_seconds is None


def test_it_runs_beams_in_the_same_steps_as_the_others() -> None:
    engine = toy_engine(num_slots=4)
    engine.add(submit("a", "prompt", max_new_tokens=12))
    engine.step()
    engine.add(submit("b", "beams", max_new_tokens=6, beams=beams(3)))

    for _ in range(6):
        assert {event.request_id for event in engine.step()} == {"a", "b"}


def test_it_copies_a_long_prompt_to_its_beams_little_by_little(
    engine: Engine, prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others go on meanwhile, and the beams find what they would have found."""
    found = []
    for limit in (512, 16):
        monkeypatch.setattr("inference.engine.MAX_COPIED_POSITIONS", limit)
        engine.add(submit("b", prompt * 20, max_new_tokens=6, beams=beams(3, 3)))
        engine.add(submit("a", prompt[1:], max_new_tokens=40))
        events = run_to_end(engine)
        found.append(last_sequences(events["b"]))
        assert len(events["a"]) == 40

    assert found[0] == found[1]


class CopyCounter:
    """Passes everything on to a runner, and counts what is copied between two steps."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.num_copied = [0]

    def copy(self, copies: Sequence[SlotCopy]) -> None:
        self.num_copied[-1] += sum(one.num_positions for one in copies)
        self._runner.copy(copies)

    def run(self, scheduled: Sequence[ScheduledRequest]) -> Tensor:
        self.num_copied.append(0)
        return self._runner.run(scheduled)


def test_it_copies_little_between_two_steps_however_far_beams_have_parted(
    neo_tiny: Path, prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others go on meanwhile, and the beams find what they would have found."""
    counters: list[CopyCounter] = []

    def count_copies(runner: Runner) -> Runner:
        counters.append(CopyCounter(runner))
        return counters[-1]

    config = engine_config(precision="fp32", num_slots=5)
    found, neighbours = [], []
    for limit in (UNBOUNDED, 3):
        monkeypatch.setattr("inference.engine.MAX_COPIED_POSITIONS", limit)
        engine = load_engine(neo_tiny, config, count_copies)
        options = {"max_new_tokens": 24, "temperature": 1.5, "end_token_ids": ()}
        engine.add(submit("b", prompt, beams=beams(4, 4), seed=3, **options))
        engine.add(submit("a", prompt[1:], max_new_tokens=200, end_token_ids=()))
        events = run_to_end(engine)
        found.append(last_sequences(events["b"]))
        neighbours.append(token_ids(events["a"]))

    free, bounded = (max(counter.num_copied[2:]) for counter in counters)
    assert free > bounded
    assert bounded <= 3
    assert found[0] == found[1]
    assert neighbours[0] == neighbours[1]


def test_it_waits_until_there_is_a_slot_for_every_beam() -> None:
    engine = toy_engine(num_slots=3)
    engine.add(submit("a", "one", max_new_tokens=4))
    engine.add(submit("b", "two", max_new_tokens=4, beams=beams(3)))
    engine.add(submit("c", "three", max_new_tokens=4))

    events = [event.request_id for _ in range(4) for event in engine.step()]

    assert events == ["a"] * 4
    assert set(run_to_end(engine)) == {"b", "c"}


@pytest.mark.parametrize("num_steps", [0, 1, 3])
def test_it_frees_every_slot_of_aborted_beams(num_steps: int) -> None:
    engine = toy_engine(num_slots=4)
    engine.add(submit("a", "beams beams", beams=beams(4)))
    for _ in range(num_steps):
        engine.step()

    event = engine.abort("a")

    assert event is not None
    assert event.finish_reason == "abort"
    assert engine.scheduler.slots.num_used == 0
    assert not engine.has_work


def test_it_refuses_more_beams_than_slots_at_once() -> None:
    engine = toy_engine(num_slots=3)

    with pytest.raises(InvalidRequest, match="num_beams is 4"):
        engine.add(submit("a", "p", beams=beams(4)))


def test_it_survives_parameters_that_forbid_everything() -> None:
    engine = toy_engine()
    forbidden = tuple((token_id,) for token_id in range(END_OF_TEXT + 1))
    for name, searched in {"a": beams(3, 3), "b": None}.items():
        for temperature in (0.0, 1.0):
            options = {"temperature": temperature, "bad_words_ids": forbidden}
            one = submit(f"{name}{temperature}", "p", beams=searched, **options)
            engine.add(one)

    assert len(run_to_end(engine)) == 4
