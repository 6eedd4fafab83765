from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from unittest import TestCase

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


class HandlerTests(TestCase):
    async def answer(self, path: str) -> dict[str, Any]:
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
        await Handler()(scope, incoming.get, outgoing.put)
        return outgoing.get_nowait()

    def test_it_answers_through_middleware_and_view(self) -> None:
        start = asyncio.run(self.answer("/api/v1/models"))

        self.assertEqual(start["status"], HTTPStatus.UNAUTHORIZED)
        self.assertIn(b"X-Request-Id", dict(start["headers"]))
