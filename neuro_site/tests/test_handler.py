from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from unittest import TestCase, mock

from django.core.signals import request_finished, request_started
from django.http import HttpResponse, StreamingHttpResponse

from models_app.errors import Overloaded
from models_app.sse import EventStreamResponse
from neuro_site.handler import MAX_IDLE_THREADS, Handler, RequestThreads

PATIENCE = 30
# Of an event loop: more than it takes to notice that a client has left.
STEPS = 100


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


class NothingTakenIn:
    """Events of a call that an engine refuses."""

    is_over = True

    def __aiter__(self) -> NothingTakenIn:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def begin(self) -> None:
        raise Overloaded

    def close(self) -> None: ...


def scope_of(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }


class HandlerTests(TestCase):
    async def answer(self, path: str, handler: Handler | None = None) -> dict[str, Any]:
        """The message that starts the response."""
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": b""})
        await (handler or Handler())(scope_of(path), incoming.get, outgoing.put)
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

    def test_it_answers_with_the_refusal_of_a_stream_that_nobody_takes_in(self) -> None:
        handler, events = Handler(), NothingTakenIn()
        refusal = HttpResponse("full", status=HTTPStatus.SERVICE_UNAVAILABLE)
        stream = EventStreamResponse(events, lambda error: refusal, headers={})  # type: ignore[arg-type]

        with (
            mock.patch.object(handler, "get_response", return_value=stream),
            self.assertLogs("django.request") as logs,
        ):
            start = asyncio.run(self.answer("/", handler))

        self.assertEqual(start["status"], HTTPStatus.SERVICE_UNAVAILABLE)
        self.assertIn("Service Unavailable: /", logs.output[0])
        self.assertTrue(stream.closed)

    def test_it_closes_a_stream_whose_client_has_left_before_it_was_made(self) -> None:
        handler = Handler()
        is_asked, has_left = threading.Event(), threading.Event()
        stream = StreamingHttpResponse(iter(()))

        def get_response(request: object) -> StreamingHttpResponse:
            is_asked.set()
            has_left.wait(PATIENCE)
            return stream

        async def ask_and_leave() -> None:
            messages = asyncio.Queue[dict[str, Any]]()
            messages.put_nowait({"type": "http.request", "body": b""})
            asking = asyncio.create_task(
                handler(scope_of("/"), messages.get, messages.put)
            )
            await asyncio.to_thread(is_asked.wait, PATIENCE)
            messages.put_nowait({"type": "http.disconnect"})
            for _ in range(STEPS):
                await asyncio.sleep(0)
            has_left.set()
            await asking

        with mock.patch.object(handler, "get_response", get_response):
            asyncio.run(ask_and_leave())

        self.assertTrue(stream.closed)

    def test_it_says_where_a_request_begins_and_ends(self) -> None:
        heard = mock.Mock()
        for name, signal in (("began", request_started), ("ended", request_finished)):
            listener = getattr(heard, name)
            signal.connect(listener, weak=False)
            self.addCleanup(signal.disconnect, listener)

        asyncio.run(self.answer("/api/v1/models"))

        self.assertEqual([one[0] for one in heard.method_calls], ["began", "ended"])
