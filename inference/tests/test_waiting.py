from __future__ import annotations

from inference.request import Request
from inference.tests.requests import make_request
from inference.waiting import WaitingQueue


def queue_of(*requests: Request) -> WaitingQueue:
    queue = WaitingQueue()
    for request in requests:
        queue.add(request)
    return queue


def admitted(queue: WaitingQueue, number: int) -> list[str]:
    requests = [queue.admit() for _ in range(number)]
    return [request.request_id for request in requests if request]


def test_it_admits_equals_by_age() -> None:
    queue = queue_of(*(make_request(name) for name in "abcde"))

    assert admitted(queue, 9) == list("abcde")


def test_it_admits_the_higher_priority_first() -> None:
    queue = queue_of(make_request("a"), make_request("b", priority=2))

    assert admitted(queue, 2) == ["b", "a"]


def test_it_gives_every_fourth_admission_to_the_oldest() -> None:
    low = [make_request(f"low{n}") for n in range(2)]
    high = [make_request(f"high{n}", priority=2) for n in range(8)]
    queue = queue_of(*low, *high)

    order = admitted(queue, 10)

    assert [name for name in order if name.startswith("high")] == sorted(order)[:8]
    assert (order.index("low0"), order.index("low1")) == (3, 7)


def test_it_lets_no_stream_of_high_priorities_starve_a_low_one() -> None:
    queue = queue_of(make_request("low"))
    order = []
    for number in range(4):
        queue.add(make_request(f"high{number}", priority=2))
        order += admitted(queue, 1)

    assert order[-1] == "low"


def test_it_says_who_is_next_until_that_one_is_admitted() -> None:
    queue = queue_of(make_request("a"), make_request("b"))

    assert queue.next is queue.next
    assert queue.admit() is not queue.next


def test_it_forgets_a_request_that_leaves() -> None:
    leaving = make_request("a", priority=1)
    queue = queue_of(leaving, make_request("b"))

    queue.remove(leaving)

    assert [request.request_id for request in queue] == ["b"]
    assert admitted(queue, 2) == ["b"]
    assert queue.next is None


def test_it_knows_how_many_tokens_wait() -> None:
    first, second = make_request("a", 3, 4), make_request("b", 10, 1)
    queue = queue_of(first, second)
    assert (len(queue), queue.num_tokens) == (2, 18)

    queue.remove(second)
    queue.admit()

    assert (len(queue), queue.num_tokens) == (0, 0)
