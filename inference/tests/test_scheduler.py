from __future__ import annotations

import subprocess
import sys

import pytest

from inference.errors import Overloaded
from inference.request import RequestStatus
from inference.scheduler import ScheduledRequest, Scheduler
from inference.tests.fakes import engine_config
from inference.tests.requests import make_request


def make_scheduler(**config: int) -> Scheduler:
    return Scheduler(
        engine_config(**{"num_slots": 2, "max_prefill_tokens": 8} | config)
    )


def run_step(scheduler: Scheduler) -> list[tuple[str, int]]:
    """Schedule, and pretend that the step ran and every finished prompt got a token."""
    scheduled = scheduler.schedule()
    names = [(item.request.request_id, item.num_tokens) for item in scheduled]
    sampling = [item.request for item in scheduled if item.samples]
    for request, num_tokens in scheduled:
        request.num_computed_tokens += num_tokens
    for request in sampling:
        request.token_ids.append(1)
    return names


def test_it_imports_no_torch() -> None:
    modules = (
        "inference.scheduler, inference.client, inference.server, inference.tokenizer"
    )
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_runs_a_short_prompt_whole_and_then_one_token_a_step() -> None:
    scheduler = make_scheduler()
    scheduler.add(make_request("a"))

    assert [run_step(scheduler) for _ in range(3)] == [
        [("a", 3)],
        [("a", 1)],
        [("a", 1)],
    ]


def test_it_splits_a_long_prompt_into_chunks() -> None:
    scheduler = make_scheduler(max_prefill_tokens=8)
    scheduler.add(make_request("a", num_prompt_tokens=19))

    chunks = [run_step(scheduler) for _ in range(4)]

    assert chunks == [[("a", 8)], [("a", 8)], [("a", 3)], [("a", 1)]]


def test_it_keeps_running_streams_going_beside_a_long_prompt() -> None:
    scheduler = make_scheduler()
    scheduler.add(make_request("short"))
    run_step(scheduler)
    scheduler.add(make_request("long", num_prompt_tokens=12))

    assert run_step(scheduler) == [("short", 1), ("long", 8)]
    assert run_step(scheduler) == [("short", 1), ("long", 4)]
    assert run_step(scheduler) == [("short", 1), ("long", 1)]


def test_it_shares_the_prefill_budget_among_prompts() -> None:
    scheduler = make_scheduler(max_prefill_tokens=8)
    scheduler.add(make_request("a", num_prompt_tokens=5))
    scheduler.add(make_request("b", num_prompt_tokens=5))

    assert run_step(scheduler) == [("a", 5), ("b", 3)]


def test_it_lets_a_request_wait_until_a_slot_is_free() -> None:
    scheduler = make_scheduler(num_slots=1)
    first, second = make_request("a"), make_request("b")
    scheduler.add(first)
    scheduler.add(second)
    run_step(scheduler)
    assert second.status is RequestStatus.WAITING

    scheduler.finish(first, "length")

    assert run_step(scheduler) == [("b", 3)]
    assert second.slot == 0


def test_it_lists_decoding_requests_in_order_of_their_slots() -> None:
    scheduler = make_scheduler(num_slots=3, max_prefill_tokens=32)
    requests = [make_request(name) for name in "abc"]
    for request in requests:
        scheduler.add(request)
    run_step(scheduler)
    scheduler.finish(requests[0], "stop")
    scheduler.add(make_request("d"))
    run_step(scheduler)

    assert [item.request.request_id for item in scheduler.schedule()] == ["d", "b", "c"]


def test_it_takes_a_waiting_request_out_when_it_ends() -> None:
    scheduler = make_scheduler(num_slots=1)
    scheduler.add(make_request("a"))
    waiting = make_request("b")
    scheduler.add(waiting)
    scheduler.schedule()

    scheduler.finish(waiting, "abort")

    assert not scheduler.waiting
    assert waiting.finish_reason == "abort"


def test_it_samples_only_where_the_chunk_reaches_the_end() -> None:
    request = make_request("a", num_prompt_tokens=10)

    assert not ScheduledRequest(request, 8).samples
    assert ScheduledRequest(request, 10).samples


def test_it_refuses_more_waiting_requests_than_its_bound() -> None:
    scheduler = make_scheduler(max_waiting_requests=1)
    scheduler.add(make_request("a"))

    with pytest.raises(Overloaded, match="requests"):
        scheduler.add(make_request("b"))


def test_it_refuses_more_waiting_tokens_than_its_bound() -> None:
    scheduler = make_scheduler(max_waiting_tokens=10)
    scheduler.add(make_request("a", num_prompt_tokens=3, max_new_tokens=4))

    with pytest.raises(Overloaded, match="tokens"):
        scheduler.add(make_request("b", num_prompt_tokens=3, max_new_tokens=4))


def test_it_admits_the_higher_priority_first() -> None:
    scheduler = make_scheduler(num_slots=1)
    scheduler.add(make_request("low"))
    scheduler.add(make_request("high", priority=2))

    assert run_step(scheduler) == [("high", 3)]


def test_it_always_takes_back_a_request_that_resumes() -> None:
    scheduler = make_scheduler(max_waiting_requests=1)
    scheduler.add(make_request("a"))

    scheduler.add(make_request("b", resume_token_ids=[5]))

    assert len(scheduler.waiting) == 2


def test_it_waits_for_a_prompt_that_another_one_is_computing() -> None:
    scheduler = make_scheduler(num_slots=3, max_prefill_tokens=20, min_shared_tokens=4)
    first, second = make_request("a", 30), make_request("b", 30)
    scheduler.add(first)
    scheduler.add(second)

    steps = [run_step(scheduler) for _ in range(3)]

    assert steps == [[("a", 20)], [("a", 10)], [("a", 1), ("b", 1)]]
    assert [tuple(copy) for copy in scheduler.take_copies()] == [(0, 1, 0, 29)]
    assert (first.num_cached_tokens, second.num_cached_tokens) == (0, 29)


def test_it_begins_no_more_prompts_when_much_is_to_be_copied() -> None:
    scheduler = make_scheduler(num_slots=4, max_prefill_tokens=800, min_shared_tokens=4)
    scheduler.add(make_request("a", 700))
    run_step(scheduler)
    for name in "bcd":
        scheduler.add(make_request(name, 700))

    steps = []
    for _ in range(3):
        names = [name for name, _ in run_step(scheduler)]
        steps.append((names, [tuple(copy) for copy in scheduler.take_copies()]))

    assert steps == [
        (["a", "b"], [(0, 1, 0, 699)]),
        (["a", "b", "c"], [(0, 2, 0, 699)]),
        (["a", "b", "c", "d"], [(0, 3, 0, 699)]),
    ]


def test_it_computes_the_rest_itself_when_the_one_it_waited_for_ends() -> None:
    scheduler = make_scheduler(num_slots=3, max_prefill_tokens=20, min_shared_tokens=4)
    first, second = make_request("a", 30), make_request("b", 30)
    scheduler.add(first)
    scheduler.add(second)
    run_step(scheduler)

    scheduler.finish(first, "abort")

    assert run_step(scheduler) == [("b", 10)]
    assert second.num_cached_tokens == 20
