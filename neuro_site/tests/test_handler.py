from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from unittest import TestCase, mock

from django.core.signals import request_finished, request_started

from neuro_site.handler import MAX_IDLE_THREADS, Handler, RequestThreads


def is_open(thread: ThreadPoolExecutor) -> bool:
    try:
        thread.submit(int)
    except RuntimeError:
        return False
    return True


class RequestThreadsTests(TestCase):
    def setUp(self) -> None:
        self.threads = RequestThreads()

    def borrow(self, count: int) -> list[ThreadPoolExecutor]:
        """Threads of that many requests at once."""
        with ExitStack() as stack:
            return [stack.enter_context(self.threads.borrow()) for _ in range(count)]

    def test_it_hands_a_request_the_thread_of_the_one_before(self) -> None:
        self.assertEqual(self.borrow(1), self.borrow(1))

    def test_it_gives_every_request_at_once_a_thread_of_its_own(self) -> None:
        self.assertEqual(len(set(self.borrow(3))), 3)

    def test_it_takes_a_thread_back_from_a_request_that_failed(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.threads.borrow() as thread:
            raise ZeroDivisionError
        self.assertEqual(self.borrow(1), [thread])

    def test_it_ends_the_threads_that_a_rush_has_left_over(self) -> None:
        threads = self.borrow(MAX_IDLE_THREADS + 2)
        self.assertEqual(sum(map(is_open, threads)), MAX_IDLE_THREADS)


class CountedThread(ThreadPoolExecutor):
    """One thread, and how often it was asked for something."""

    num_hops = 0

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self.num_hops += 1
        return super().submit(*args, **kwargs)


class HandlerTests(TestCase):
    async def answer(self, path: str, handler: Handler | None = None) -> dict[str, Any]:
        """The message that starts the response."""
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": b""})
        await (handler or Handler())(scope, incoming.get, outgoing.put)
        return outgoing.get_nowait()

    def test_it_answers_through_middleware_and_view(self) -> None:
        start = asyncio.run(self.answer("/api/v1/models"))

        self.assertEqual(start["status"], HTTPStatus.UNAUTHORIZED)
        self.assertIn(b"X-Request-Id", dict(start["headers"]))

    def test_it_goes_to_a_thread_once_for_an_answer_in_one_piece(self) -> None:
        handler, thread = Handler(), CountedThread(max_workers=1)
        handler._threads._idle.append(thread)

        asyncio.run(self.answer("/api/v1/models", handler))

        self.assertEqual(thread.num_hops, 1)

    def test_it_says_where_a_request_begins_and_ends(self) -> None:
        heard = mock.Mock()
        for name, signal in (("began", request_started), ("ended", request_finished)):
            listener = getattr(heard, name)
            signal.connect(listener, weak=False)
            self.addCleanup(signal.disconnect, listener)

        asyncio.run(self.answer("/api/v1/models"))

        self.assertEqual([one[0] for one in heard.method_calls], ["began", "ended"])
