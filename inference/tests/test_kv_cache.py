from __future__ import annotations

import pytest

from inference.kv_cache import COPIED_PER_COMPUTED, SlotCopy, SlotPool
from inference.request import Request
from inference.tests.requests import make_request

SYSTEM = list(range(100, 120))


def make_pool(num_slots: int = 3) -> SlotPool:
    return SlotPool(num_slots, min_shared_tokens=4)


def run_prompt(pool: SlotPool, prompt: list[int], scope: str = "") -> Request:
    """Take a slot and compute all of the prompt."""
    request = make_request("r", prompt=prompt, cache_scope=scope)
    request.slot = pool.allocate(request)
    assert pool.begin(request) is not None
    request.num_computed_tokens = len(prompt)
    return request


def start(
    pool: SlotPool,
    prompt: list[int],
    scope: str = "",
    prompt_logprobs: int | None = None,
) -> SlotCopy | None:
    request = make_request(
        "s", prompt=prompt, cache_scope=scope, prompt_logprobs=prompt_logprobs
    )
    request.slot = pool.allocate(request)
    return pool.begin(request)


def test_it_hands_out_the_lowest_free_slot() -> None:
    slots = SlotPool(3)
    assert [slots.allocate() for _ in range(3)] == [0, 1, 2]

    slots.release(2)
    slots.release(0)

    assert slots.allocate() == 0


def test_it_counts_free_and_used_slots() -> None:
    slots = SlotPool(3)
    slots.allocate()

    assert (slots.num_free, slots.num_used) == (2, 1)


def test_it_continues_in_the_slot_that_holds_the_prompt() -> None:
    pool = make_pool()
    run_prompt(pool, [1, 2, 3])
    pool.release(run_prompt(pool, SYSTEM).slot)

    assert start(pool, [*SYSTEM, 7, 8]) == SlotCopy(1, 1, 0, 20)


def test_it_leaves_one_token_to_compute() -> None:
    pool = make_pool()
    pool.release(run_prompt(pool, SYSTEM).slot)

    assert start(pool, SYSTEM) == SlotCopy(0, 0, 0, 19)


def test_it_copies_from_a_slot_that_runs() -> None:
    pool = make_pool()
    run_prompt(pool, [*SYSTEM, 1])

    assert start(pool, [*SYSTEM, 2, 3]) == SlotCopy(0, 1, 0, 20)


def test_it_copies_from_a_free_slot_that_holds_more_worth_keeping() -> None:
    pool = make_pool()
    pool.release(run_prompt(pool, [*SYSTEM, 1, 2, 3, 4, 5]).slot)

    assert start(pool, [*SYSTEM, 9]) == SlotCopy(0, 1, 0, 20)


def test_it_gives_up_an_ending_that_costs_less_than_the_copy() -> None:
    pool = make_pool()
    long = list(range(100, 100 + 5 * COPIED_PER_COMPUTED))
    pool.release(run_prompt(pool, [*long, 1, 2, 3, 4]).slot)

    assert start(pool, [*long, 9]) == SlotCopy(0, 0, 0, len(long))


def test_it_takes_only_what_has_been_computed() -> None:
    pool = make_pool()
    running = run_prompt(pool, [*SYSTEM, 1])
    running.num_computed_tokens = 12
    pool.release(running.slot)

    assert start(pool, [*SYSTEM, 2]) == SlotCopy(0, 0, 0, 12)


def test_it_never_takes_what_a_completion_left() -> None:
    pool = make_pool()
    running = run_prompt(pool, SYSTEM)
    running.token_ids += [1, 2, 3, 4, 5, 6]
    running.num_computed_tokens += 5
    pool.release(running.slot)

    copy = start(pool, [*SYSTEM, 1, 2, 3, 4, 5, 6])

    assert copy is not None
    assert copy.stop == len(SYSTEM)


@pytest.mark.parametrize(("scope", "other"), [("a", "b"), ("", "b"), ("a", "")])
def test_it_shares_nothing_between_scopes(scope: str, other: str) -> None:
    pool = make_pool()
    pool.release(run_prompt(pool, SYSTEM, scope).slot)

    copy = start(pool, SYSTEM, other)

    assert copy is not None
    assert not copy.stop


def test_it_waits_for_nobody_in_another_scope() -> None:
    pool = make_pool()
    run_prompt(pool, SYSTEM, "a").num_computed_tokens = 5

    assert start(pool, SYSTEM, "b") is not None
    assert start(pool, SYSTEM, "a") is None


def test_it_computes_a_prompt_whose_logprobs_are_asked_for() -> None:
    pool = make_pool()
    pool.release(run_prompt(pool, SYSTEM).slot)

    copy = start(pool, SYSTEM, prompt_logprobs=0)

    assert copy is not None
    assert not copy.stop


def test_it_shares_nothing_when_told_not_to() -> None:
    pool = SlotPool(3)
    pool.release(run_prompt(pool, SYSTEM).slot)

    assert start(pool, SYSTEM) == SlotCopy(0, 0, 0, 0)


def test_it_ignores_beginnings_that_are_not_worth_a_copy() -> None:
    pool = make_pool()
    run_prompt(pool, [1, 2, 3, 4, 5])

    assert start(pool, [1, 2, 3, 9, 9]) == SlotCopy(1, 1, 0, 0)


def test_it_gives_away_what_was_used_longest_ago() -> None:
    pool = make_pool(num_slots=2)
    first, second = [10, 11, 12, 13, 14], [20, 21, 22, 23, 24]
    requests = [run_prompt(pool, first), run_prompt(pool, second)]
    for request in requests:
        pool.release(request.slot)
    pool.release(run_prompt(pool, first).slot)

    run_prompt(pool, [30, 31, 32, 33, 34])

    assert start(pool, first) == SlotCopy(0, 0, 0, 4)


def test_it_gives_away_short_prompts_before_long_ones() -> None:
    pool = make_pool(num_slots=2)
    short, long = run_prompt(pool, [1, 2]), run_prompt(pool, SYSTEM)
    pool.release(long.slot)
    pool.release(short.slot)

    run_prompt(pool, [30, 31, 32, 33, 34])

    assert start(pool, SYSTEM) == SlotCopy(1, 1, 0, 19)


def test_it_forgets_a_prompt_whose_slot_went_to_another_use() -> None:
    pool = make_pool(num_slots=1)
    pool.release(run_prompt(pool, SYSTEM).slot)

    pool.release(pool.allocate())

    assert start(pool, SYSTEM) == SlotCopy(0, 0, 0, 0)


def test_it_forgets_everything_when_told_to() -> None:
    pool = make_pool()
    pool.release(run_prompt(pool, SYSTEM).slot)

    pool.forget_prefixes()

    assert start(pool, SYSTEM) == SlotCopy(0, 0, 0, 0)
