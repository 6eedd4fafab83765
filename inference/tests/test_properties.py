"""Whatever comes, in whatever order: each request gets what it would get alone."""

from __future__ import annotations

import gc
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.engine import Engine, load_engine
from inference.errors import EngineFailed, Overloaded
from inference.messages import Submit, TokenEvent
from inference.request import Request
from inference.sampling_params import SamplingParams
from inference.tests.fakes import engine_config, run_to_end, text, token_ids, toy_engine

# Prompts begin with one of these, so that some of them find their beginning computed.
BEGINNINGS = [
    [],
    list(b"once upon a time "),
    list(b"once upon another time, "),
    [7] * 40,
]


@dataclass(frozen=True)
class Arrival:
    """A request, the steps before it comes and, for some, those until it is aborted."""

    submit: Submit
    pause: int
    patience: int | None


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    return [draw(arrival(number)) for number in range(draw(st.integers(1, 10)))]


@st.composite
def arrival(draw: st.DrawFn, number: int) -> Arrival:
    tail = draw(st.lists(st.integers(1, 250), min_size=1, max_size=30))
    submit = Submit(
        request_id=f"r{number}",
        model="toy",
        prompt_token_ids=[*draw(st.sampled_from(BEGINNINGS)), *tail],
        sampling=draw(samplings),
        priority=draw(st.integers(0, 2)),
        cache_scope=draw(st.sampled_from(["", "one", "other"])),
    )
    patience = draw(st.none() | st.integers(0, 12))
    return Arrival(submit, draw(st.integers(0, 4)), patience)


samplings = st.builds(
    SamplingParams,
    max_new_tokens=st.integers(1, 16),
    temperature=st.sampled_from([0.0, 0.7, 1.3]),
    top_k=st.sampled_from([0, 5, 50]),
    top_p=st.sampled_from([1.0, 0.9]),
    min_p=st.sampled_from([0.0, 0.05]),
    repetition_penalty=st.sampled_from([1.0, 1.2]),
    frequency_penalty=st.sampled_from([0.0, 0.4]),
    presence_penalty=st.sampled_from([0.0, -0.3]),
    seed=st.integers(0, 2**40),
    ignore_eos=st.booleans(),
    stop=st.sampled_from([(), ("e",), ("th", "\n")]),
)


class Play:
    """Lets requests come and go as a script says, and keeps the events of each."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.events: dict[str, list[TokenEvent]] = {}
        self.patience: dict[str, int] = {}

    def run(self, script: list[Arrival]) -> dict[str, list[TokenEvent]]:
        for one in script:
            for _ in range(one.pause):
                self.step()
            self.engine.add(one.submit)
            if one.patience is not None:
                self.patience[one.submit.request_id] = one.patience
        while self.engine.has_work:
            self.step()
        return self.events

    def step(self) -> None:
        if self.engine.has_work:
            self.note(self.engine.step())
        for name in self.patience:
            self.patience[name] -= 1
            if self.patience[name] < 0 and (event := self.engine.abort(name)):
                self.note([event])

    def note(self, events: list[TokenEvent]) -> None:
        for event in events:
            self.events.setdefault(event.request_id, []).append(event)


def hold_against_the_oracle(
    engine: Engine, oracle: Engine, script: list[Arrival]
) -> None:
    for name, events in Play(engine).run(script).items():
        (submit,) = (one.submit for one in script if one.submit.request_id == name)
        oracle.add(submit)
        alone = run_to_end(oracle)[name]
        assert [event.finish_reason for event in events[:-1]] == [None] * (
            len(events) - 1
        )
        if events[-1].finish_reason == "abort":
            assert token_ids(alone)[: len(token_ids(events))] == token_ids(events)
        else:
            assert token_ids(events) == token_ids(alone)
            assert text(events) == text(alone)
            assert events[-1].stop_sequence == alone[-1].stop_sequence
    assert_nothing_is_held(engine)


def assert_nothing_is_held(engine: Engine) -> None:
    scheduler = engine.scheduler
    assert (scheduler.slots.num_used, len(scheduler.running)) == (0, 0)
    assert (len(scheduler.waiting), scheduler.waiting.num_tokens) == (0, 0)
    assert not engine._requests
    assert not engine._searches
    assert not scheduler.waiting._by_priority
    assert not scheduler.take_copies()


@settings(deadline=None, max_examples=150)
@given(script=arrivals(), num_slots=st.integers(1, 5), chunk=st.integers(1, 40))
def test_it_gives_each_request_what_it_would_get_alone(
    script: list[Arrival], num_slots: int, chunk: int
) -> None:
    engine = toy_engine(
        min_shared_tokens=4, num_slots=num_slots, max_prefill_tokens=chunk
    )

    hold_against_the_oracle(engine, toy_engine(min_shared_tokens=0), script)


@pytest.fixture(scope="module")
def engines(tiny_gpt_neo: Path) -> tuple[Engine, Engine]:
    """One for the company, and one for everybody alone and from the beginning."""
    config = {"precision": "fp32", "num_slots": 4, "max_prefill_tokens": 24}
    return (
        load_engine(tiny_gpt_neo, engine_config(min_shared_tokens=4, **config)),
        load_engine(tiny_gpt_neo, engine_config(precision="fp32", min_shared_tokens=0)),
    )


@pytest.mark.slow
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(script=arrivals())
def test_a_real_model_gives_each_request_what_it_would_get_alone(
    engines: tuple[Engine, Engine], script: list[Arrival]
) -> None:
    hold_against_the_oracle(*engines, script)


@pytest.mark.slow
def test_it_holds_nothing_after_thousands_of_requests() -> None:
    chance = random.Random(5)  # noqa: S311 - a test draws the same each time
    clock = Clock()
    engine = toy_engine(
        timer=clock, min_shared_tokens=4, num_slots=8, max_waiting_requests=10
    )
    num_refused = 0
    for number in range(4000):
        num_refused += not is_taken(engine, random_submit(f"r{number}", chance))
        clock.now += 0.05
        if chance.random() < 0.1:
            engine.abort(f"r{number - chance.randrange(40)}")
        if chance.random() < 0.002:
            engine.drop_all(EngineFailed())
        for _ in range(chance.choice([0, 1, 2, 5])):
            engine.step()
    run_to_end(engine)

    assert 0 < num_refused < 3000
    assert_nothing_is_held(engine)
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is Request]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def is_taken(engine: Engine, submit: Submit) -> bool:
    try:
        engine.add(submit)
    except Overloaded:
        return False
    return True


def random_submit(name: str, chance: random.Random) -> Submit:
    tail = [chance.randrange(1, 250) for _ in range(chance.choice([1, 5, 60]))]
    return Submit(
        request_id=name,
        model="toy",
        prompt_token_ids=chance.choice(BEGINNINGS) + tail,
        sampling=SamplingParams(
            max_new_tokens=chance.randint(1, 20), temperature=0.9, seed=len(tail)
        ),
        priority=chance.randrange(3),
        cache_scope=chance.choice(["", "one"]),
        deadline_seconds=chance.choice([None, 0.1, 1.0, 30.0]),
    )
