from __future__ import annotations

import subprocess
import sys

import pytest

from inference.detokenizer import Detokenizer
from inference.errors import Overloaded
from inference.messages import Submit
from inference.request import Request, RequestStatus
from inference.sampling_params import SamplingParams
from inference.scheduler import ScheduledRequest, Scheduler
from inference.tests.fakes import engine_config


def make_request(
    name: str, num_prompt_tokens: int = 3, max_new_tokens: int = 4
) -> Request:
    submit = Submit(
        request_id=name,
        model="toy",
        prompt_token_ids=[1] * num_prompt_tokens,
        sampling=SamplingParams(max_new_tokens=max_new_tokens),
    )
    return Request.from_submit(submit, Detokenizer([]), arrived_at=0.0)


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


def test_it_shares_the_prefill_budget_in_order_of_admission() -> None:
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
