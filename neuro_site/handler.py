"""Django's ASGI handler with fewer hops between the event loop and threads.

Every hop costs about as much as a query, and Django makes two for most middleware, one
before each request and one after it, each request in a thread of its own that opens the
database anew. Here signals, middleware, the view and the end of an answer in one piece
run in one hop, and a thread that is done with a request waits for the next, its database
connection open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.signals import request_started
from django.db import connections
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils.log import log_response

from models_app.sse import EventStreamResponse

# More threads than this are not kept when a rush is over.
MAX_IDLE_THREADS = 16


class Handler(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self._threads = RequestThreads()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with self._threads.borrow() as thread:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)

    def load_middleware(self, is_async: bool = False) -> None:
        """All of it synchronous, whatever the middleware could do."""
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            set_script_prefix(get_script_prefix(scope))
            request, refusal = self.create_request(scope, body)
            if isinstance(request, ASGIRequest):
                await self._answer_unless_left(request, receive, send)
            elif refusal is not None:
                await self.send_response(refusal, send)

    async def get_response_async(self, request: Any) -> HttpResponseBase:
        made: list[HttpResponseBase] = []
        try:
            await sync_to_async(lambda: made.append(self._respond(request)))()
        except asyncio.CancelledError:
            # The thread goes on. What it makes is not sent, and is closed there.
            await sync_to_async(lambda: _close_unsent(made))()
            raise
        return made[0]

    async def _answer_unless_left(
        self, request: ASGIRequest, receive: Any, send: Any
    ) -> None:
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        answering = asyncio.create_task(self._answer(request, send))
        await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
        for task in (leaving, answering):
            # Views may handle it.
            task.cancel()
            with suppress(RequestAborted, asyncio.CancelledError):
                await task

    async def _answer(self, request: ASGIRequest, send: Any) -> None:
        response = await self.run_get_response(request)
        with suppress(asyncio.CancelledError):
            await self.send_response(await _begun(request, response), send)
        if not response.streaming:
            return
        if isinstance(response, EventStreamResponse) and response.is_over:
            response.close()
        else:
            await sync_to_async(response.close)()

    def _respond(self, request: ASGIRequest) -> HttpResponseBase:
        request_started.send(sender=type(self), scope=request.scope)
        response = self.get_response(request)
        if not response.streaming:
            response.close()
        return response


async def _begun(request: ASGIRequest, response: HttpResponseBase) -> HttpResponseBase:
    """What is to be sent: a stream that nobody takes in becomes a refusal."""
    if not isinstance(response, EventStreamResponse):
        return response
    answer = await response.begin()
    if isinstance(answer, HttpResponse):
        phrase = answer.reason_phrase
        log_response("%s: %s", phrase, request.path, response=answer, request=request)
    return answer


def _close_unsent(made: list[HttpResponseBase]) -> None:
    for response in made:
        if response.streaming:
            response.close()


class RequestThreads:
    """Each request has one to itself, the most recently used one that is free."""

    def __init__(self) -> None:
        self._idle: list[ThreadPoolExecutor] = []

    @contextmanager
    def borrow(self) -> Iterator[ThreadPoolExecutor]:
        """To be used from the event loop alone."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(max_workers=1)
        try:
            yield thread
        finally:
            self._take_back(thread)

    def _take_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < MAX_IDLE_THREADS:
            self._idle.append(thread)
            return
        thread.submit(connections.close_all)
        thread.shutdown(wait=False)
