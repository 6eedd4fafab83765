from __future__ import annotations

import pytest

from inference.beams import BeamSearch
from inference.engine import Engine
from inference.errors import (
    ContextLengthExceeded,
    EngineFailed,
    InvalidRequest,
    Overloaded,
)
from inference.sampling_params import BeamParams
from inference.tests.fakes import (
    END_OF_TEXT,
    ToyModel,
    run_to_end,
    submit,
    text,
    token_ids,
    toy_engine,
)


def generate_alone(prompt: str, num_tokens: int) -> list[int]:
    """The oracle: no engine, one prompt, the best token each time."""
    model, seen = ToyModel(1), list(prompt.encode())
    for _ in range(num_tokens):
        seen.append(int(model.logits(seen, 0).argmax()))
    return seen[len(prompt) :]


def stepped(engine: Engine, num_steps: int) -> list[str]:
    return [event.request_id for _ in range(num_steps) for event in engine.step()]


def test_it_generates_what_one_by_one_generation_does() -> None:
    engine = toy_engine()
    prompts = {
        "a": "once",
        "b": "upon a time there was",
        "c": "x",
        "d": "yz",
        "e": "last",
    }
    for name, prompt in prompts.items():
        engine.add(submit(name, prompt))

    events = run_to_end(engine)

    for name, prompt in prompts.items():
        assert token_ids(events[name]) == generate_alone(prompt, 8)


def test_it_lets_requests_join_and_leave_at_any_step() -> None:
    engine = toy_engine()
    engine.add(submit("a", "first", max_new_tokens=6))
    events = {"a": engine.step() + engine.step()}
    engine.add(submit("b", "second", max_new_tokens=3))
    for name, more in run_to_end(engine).items():
        events[name] = events.get(name, []) + more

    assert token_ids(events["a"]) == generate_alone("first", 6)
    assert token_ids(events["b"]) == generate_alone("second", 3)


def test_it_ends_at_max_new_tokens() -> None:
    engine = toy_engine()
    engine.add(submit("a", "hello", max_new_tokens=3))

    events = run_to_end(engine)["a"]

    assert [event.finish_reason for event in events] == [None, None, "length"]


def test_it_ends_at_the_end_of_text_token() -> None:
    engine = toy_engine("hi")
    engine.add(submit("a", "say"))

    events = run_to_end(engine)["a"]

    assert (text(events), events[-1].finish_reason) == ("hi", "stop")
    assert token_ids(events)[-1] == END_OF_TEXT
    assert events[-1].stop_sequence is None


def test_it_goes_on_past_the_end_of_text_token_when_asked_to() -> None:
    engine = toy_engine("hi")
    engine.add(submit("a", "say", ignore_eos=True, max_new_tokens=5))

    assert run_to_end(engine)["a"][-1].finish_reason == "length"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"end_token_ids": (ord("l"),)}, "he"),
        ({"stop_token_ids": (ord("o"),)}, "hell"),
        ({"stop_token_ids": (ord("l"),), "ignore_eos": True}, "he"),
        ({"stop_token_ids": (ord("!"),)}, "hello"),
        (
            {"end_token_ids": (ord("o"),), "ignore_eos": True, "max_new_tokens": 5},
            "hello",
        ),
    ],
)
def test_it_ends_at_the_tokens_asked_for_and_does_not_show_them(
    options: dict[str, object], expected: str
) -> None:
    engine = toy_engine("hello")
    engine.add(submit("a", "say", **options))

    events = run_to_end(engine)["a"]

    assert text(events) == expected
    ends = options.get("max_new_tokens") != 5
    assert events[-1].finish_reason == ("stop" if ends else "length")
    assert len(token_ids(events)) == len(expected) + ends


def test_it_goes_on_until_the_fewest_tokens_asked_for() -> None:
    engine = toy_engine("hi")
    engine.add(submit("a", "say", min_new_tokens=5, stop_token_ids=(ord("h"),)))

    events = run_to_end(engine)["a"]

    assert not {END_OF_TEXT, ord("h")} & set(token_ids(events)[:5])
    assert token_ids(events)[5:] == [END_OF_TEXT]


@pytest.mark.parametrize(
    "options",
    [
        {"logit_bias": {257: 1.0}},
        {"bad_words_ids": ((1, 257),)},
        {"stop_token_ids": (257,)},
        {"end_token_ids": (257,)},
    ],
)
def test_it_refuses_parameters_with_ids_it_does_not_know(
    options: dict[str, object],
) -> None:
    with pytest.raises(InvalidRequest, match="outside the vocabulary"):
        toy_engine().add(submit("a", "p", **options))


def test_it_ends_at_a_stop_sequence_and_says_which() -> None:
    engine = toy_engine("some text\nUser: more")
    engine.add(submit("a", "p", stop=("\nUser:", "never"), max_new_tokens=30))

    events = run_to_end(engine)["a"]

    assert text(events) == "some text"
    assert (events[-1].finish_reason, events[-1].stop_sequence) == ("stop", "\nUser:")


def test_it_gives_held_back_text_with_the_last_event() -> None:
    engine = toy_engine("some\nUs")
    engine.add(submit("a", "p", stop=("\nUser:",), max_new_tokens=30))

    assert text(run_to_end(engine)["a"]) == "some\nUs"


def test_it_frees_the_slot_of_an_aborted_request_within_a_step() -> None:
    engine = toy_engine(num_slots=1)
    engine.add(submit("a", "one"))
    engine.add(submit("b", "two"))
    stepped(engine, 1)

    event = engine.abort("a")

    assert event is not None
    assert event.finish_reason == "abort"
    assert stepped(engine, 1) == ["b"]
    assert engine.abort("a") is None


def test_it_aborts_a_waiting_request() -> None:
    engine = toy_engine(num_slots=1)
    engine.add(submit("a", "one"))
    engine.add(submit("b", "two"))

    engine.abort("b")

    assert list(run_to_end(engine)) == ["a"]


def test_it_draws_the_same_tokens_alone_and_among_others() -> None:
    alone, among = toy_engine(), toy_engine()
    seeded = submit("a", "story", temperature=0.9, top_k=50, seed=11, max_new_tokens=20)
    alone.add(seeded)
    for number in range(3):
        among.add(submit(f"n{number}", "neighbour", temperature=1.0, seed=number))
    among.add(seeded)

    assert token_ids(run_to_end(alone)["a"]) == token_ids(run_to_end(among)["a"])


@pytest.mark.parametrize("num_resumed", [1, 5, 19])
def test_it_resumes_a_seeded_stream_exactly(num_resumed: int) -> None:
    options: dict[str, object] = {"temperature": 0.9, "seed": 5, "max_new_tokens": 20}
    engine = toy_engine()
    engine.add(submit("whole", "story", **options))
    whole = token_ids(run_to_end(engine)["whole"])

    engine.add(submit("a", "story", resume_token_ids=whole[:num_resumed], **options))

    assert token_ids(run_to_end(engine)["a"]) == whole[num_resumed:]


def test_it_does_not_send_resumed_text_again() -> None:
    engine = toy_engine("abcdef")
    engine.add(submit("a", "p", resume_token_ids=list(b"abc")))

    assert text(run_to_end(engine)["a"]) == "def"


def test_it_tells_the_wait_before_the_first_step_once() -> None:
    engine = toy_engine()
    engine.add(submit("a", "hello"))

    waits = [event.queue_seconds for event in run_to_end(engine)["a"]]

    assert waits[0] is not None
    assert waits[0] >= 0
    assert set(waits[1:]) == {None}


def test_it_refuses_a_prompt_that_can_never_fit() -> None:
    engine = toy_engine(context_length=20)

    with pytest.raises(ContextLengthExceeded, match="context of 20"):
        engine.add(submit("a", "x" * 13, max_new_tokens=8))
    engine.add(submit("b", "x" * 12, max_new_tokens=8))


@pytest.mark.parametrize("prompt", [[], [-1], [257]])
def test_it_refuses_an_empty_prompt_and_ids_it_does_not_know(prompt: list[int]) -> None:
    with pytest.raises(InvalidRequest):
        toy_engine().add(submit("a", prompt))


def test_it_refuses_a_request_id_in_use() -> None:
    engine = toy_engine()
    engine.add(submit("a", "one"))

    with pytest.raises(InvalidRequest, match="in use"):
        engine.add(submit("a", "two"))


@pytest.mark.parametrize("name", ["running", "waiting"])
def test_it_ends_a_request_whose_time_is_up(name: str) -> None:
    clock = iter(float(second) for second in range(1000))
    engine = toy_engine(num_slots=1, timer=lambda: next(clock))
    deadlines = {name: 9.0}
    for other in ("running", "waiting"):
        seconds = deadlines.get(other)
        engine.add(submit(other, "one", deadline_seconds=seconds, max_new_tokens=20))

    events = run_to_end(engine)

    late = events.pop(name)
    assert (late[-1].finish_reason, late[-1].error_code) == (
        "error",
        "deadline_exceeded",
    )
    assert [len(token_ids(others)) for others in events.values()] == [20]
    assert engine.scheduler.slots.num_used == 0


def test_it_does_nothing_in_a_step_in_which_all_are_late() -> None:
    engine = toy_engine()
    engine.add(submit("a", "one", deadline_seconds=0.0))

    assert [event.error_code for event in engine.step()] == ["deadline_exceeded"]
    assert not engine.has_work


def test_a_step_that_fails_keeps_no_last_event_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = toy_engine(num_slots=4, max_prefill_tokens=64)
    engine.add(submit("late", "one", deadline_seconds=0.0))
    engine.add(submit("done", "two", max_new_tokens=1))
    engine.add(submit("beams", "three", beams=BeamParams(num_beams=2)))
    monkeypatch.delattr(BeamSearch, "advance")

    with pytest.raises(AttributeError):
        engine.step()
    events = engine.drop_all(EngineFailed("a step failed"))

    assert [(event.request_id, event.error_code) for event in events] == [
        ("late", "deadline_exceeded"),
        ("done", None),
        ("beams", "engine_failed"),
    ]
    assert all(event.finish_reason for event in events)
    assert engine.drop_all(EngineFailed()) == []


def test_it_tells_how_much_of_a_prompt_was_there_already() -> None:
    engine = toy_engine(min_shared_tokens=4)
    for name in ("first", "second"):
        engine.add(submit(name, "the same long prompt"))
        events = run_to_end(engine)[name]

    assert [event.num_cached_tokens for event in events] == [19] + [0] * 7
    assert token_ids(events) == generate_alone("the same long prompt", 8)
    status = engine.describe("toy", 0)
    assert (status.num_prompt_tokens, status.num_cached_tokens) == (40, 19)


def test_it_takes_no_slot_for_what_it_refuses() -> None:
    engine = toy_engine(max_waiting_requests=1)
    engine.add(submit("a", "one"))
    with pytest.raises(Overloaded):
        engine.add(submit("b", "two"))

    assert list(run_to_end(engine)) == ["a"]
    assert engine.scheduler.slots.num_used == 0
