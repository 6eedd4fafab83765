from __future__ import annotations

from inference.prefill import MIN_TOKENS, Allowance, PrefillBudget, StepLoad, share
from inference.request import Request
from inference.tests.fakes import engine_config
from inference.tests.requests import make_request

MAX_TOKENS = 256


def shares(
    requests: list[Request], num_tokens: int = 128, num_short_tokens: int = 0
) -> dict[str, int]:
    allowance = Allowance(num_tokens, num_short_tokens or num_tokens)
    return {
        request.request_id: number for request, number in share(requests, allowance)
    }


def learned(*, step_ms: float, token_ms: float) -> PrefillBudget:
    budget = PrefillBudget(
        engine_config(
            max_prefill_tokens=MAX_TOKENS, max_stretch=1.5, max_short_stretch=3.0
        )
    )
    for _ in range(50):
        budget.note_step(StepLoad(15, 0), step_ms / 1000)
        budget.note_step(StepLoad(15, 64), (step_ms + 64 * token_ms) / 1000)
    return budget


def test_it_gives_one_prompt_all_there_is() -> None:
    assert shares([make_request("a", 1000)]) == {"a": 128}
    assert shares([make_request("a", 5)]) == {"a": 5}
    assert shares([]) == {}


def test_it_lets_short_prompts_pass_a_long_one_that_goes_on() -> None:
    requests = [make_request("long", 2000), *(make_request(n, 32) for n in "abc")]

    assert shares(requests) == {"long": 32, "a": 32, "b": 32, "c": 32}


def test_it_keeps_a_quarter_for_the_prompt_admitted_first() -> None:
    requests = [
        make_request("long", 2000),
        *(make_request(str(n), 32) for n in range(9)),
    ]

    assert shares(requests) == {"long": 32, "0": 32, "1": 32, "2": 32}


def test_it_prefers_priority_among_long_prompts_but_not_to_short_ones() -> None:
    first, low = make_request("first", 500), make_request("low", 500)
    high, short = make_request("high", 500, priority=2), make_request("short", 20)

    assert shares([first, low, high, short]) == {"first": 32, "high": 76, "short": 20}


def test_it_finishes_first_what_has_least_left() -> None:
    requests = [make_request("a", 32), make_request("b", 90), make_request("c", 60)]

    assert shares(requests) == {"a": 32, "b": 36, "c": 60}


def test_it_lets_short_prompts_have_more_than_long_ones() -> None:
    first, long = make_request("first", 2000), make_request("long", 500)
    short = [make_request(name, 32) for name in "abcd"]

    assert shares([first, long], 40, 100) == {"first": 10, "long": 30}
    assert shares([first, long, *short], 40, 100) == {
        "first": 10,
        "a": 32,
        "b": 32,
        "c": 26,
    }
    assert shares([*short[:1], first, long], 40, 100) == {"a": 32, "long": 8}


def test_it_takes_the_end_of_a_long_prompt_for_no_short_one() -> None:
    long, short = make_request("long", 500), make_request("short", 32)
    long.num_computed_tokens = 440

    assert shares([long], 40, 100) == {"long": 40}
    assert shares([long, short], 40, 100) == {"long": 10, "short": 32}


def test_it_hands_out_no_more_than_there_is() -> None:
    requests = [make_request(str(n), 3 + 37 * n) for n in range(12)]

    for num_tokens in (1, 3, 16, 100, 10_000):
        assert sum(shares(requests, num_tokens).values()) == min(
            num_tokens, sum(request.num_prompt_tokens for request in requests)
        )


def test_it_runs_all_it_may_while_no_stream_waits_for_it() -> None:
    budget = learned(step_ms=20, token_ms=0.5)

    assert budget.allow(beside_streams=False) == (MAX_TOKENS, MAX_TOKENS)
    assert budget.allow(beside_streams=True) == (20, 80)


def test_it_stays_between_a_least_and_a_most() -> None:
    slow, fast = learned(step_ms=5, token_ms=4), learned(step_ms=50, token_ms=0.01)

    assert slow.allow(beside_streams=True) == (MIN_TOKENS, MIN_TOKENS)
    assert fast.allow(beside_streams=True) == (MAX_TOKENS, MAX_TOKENS)


def test_it_allows_the_most_before_it_has_measured() -> None:
    budget = PrefillBudget(engine_config(max_prefill_tokens=MAX_TOKENS))

    assert budget.allow(beside_streams=True) == (MAX_TOKENS, MAX_TOKENS)
