"""The embedded backend: an engine process on this machine, behind a Unix socket.

A connection belongs to one event loop. The loop of a web server or worker, on which
`start` or `attach` is awaited, keeps one connection for all its streams. Any other loop is a short-lived one
that `async_to_sync` made, in a management command or a test: each generation opens a
connection of its own there and closes it, so nothing outlives its loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from asgiref.sync import async_to_sync
from django.conf import settings

from inference import errors as engine_errors
from inference.client import EngineClient
from inference.messages import ModelState, ModelStatus, Submit, TokenEvent
from models_app.backends.base import Generation, IsSpecial, Spell, TokenBytes
from models_app.backends.checkpoints import open_checkpoint, require_verified_folder
from models_app.backends.supervisor import supervise_engine
from models_app.backends.translation import RETRY_SECONDS, translate
from models_app.errors import (
    EngineUnavailable,
    ModelLoadFailed,
    ModelLoading,
    ServerStopping,
)
from models_app.socket_paths import require_short

HEALTH_SECONDS = 5.0
LOAD_SECONDS = 10.0
RESUME_SECONDS = 30.0
MAX_RESUMES = 3
POLL_SECONDS = 0.05


class LocalBackend:
    """The `Backend` that needs nothing but this machine."""

    def __init__(self, socket_path: Path | None = None) -> None:
        self._socket_path = socket_path or settings.ENGINE_SOCKET
        self._home: asyncio.AbstractEventLoop | None = None
        self._shared = EngineClient(self._socket_path)
        self._connecting = asyncio.Lock()
        self._supervisor = supervise_engine(self._socket_path)
        self._ready: set[str] = set()
        self._is_stopping = False
        self._timer = time.monotonic

    async def start(self) -> None:
        await self.attach()
        self._is_stopping = False
        self._supervisor.start()

    async def attach(self) -> None:
        require_short(self._socket_path)
        self._home = asyncio.get_running_loop()

    async def interrupt(self) -> None:
        self._is_stopping = True
        await self._shared.close()

    async def stop(self) -> None:
        await self.interrupt()
        await self._supervisor.stop()
        self._home = None

    def require_installed(self, model: str) -> None:
        require_verified_folder(model)

    def require_ready(self, model: str) -> None:
        require_verified_folder(model)
        if self._shared.is_connected and model in self._ready:
            return
        async_to_sync(self._await_ready)(model, LOAD_SECONDS)

    async def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        """An engine that dies under a generation costs its client a pause: the next
        one continues from the tokens so far."""
        token_ids: list[int] = []
        started_at = self._timer()
        for resumes in range(MAX_RESUMES + 1):
            left = _shorten(generation, self._timer() - started_at)
            try:
                async with (
                    self._client() as client,
                    aclosing(client.submit(_submit(left, token_ids))) as events,
                ):
                    async for event in events:
                        if event.finish_reason == "error":
                            raise translate(event)
                        token_ids += event.token_ids
                        yield event
                return
            except (EngineUnavailable, ModelLoading):
                if resumes == MAX_RESUMES:
                    raise
            await self._await_return(generation.model)

    def abort(self, request_ids: Sequence[str]) -> None:
        async_to_sync(self._abort)(request_ids)

    async def health(self) -> list[ModelStatus]:
        async with self._client() as client:
            return await _ask_health(client)

    def encode(self, model: str, text: str) -> list[int]:
        return open_checkpoint(model).tokenizer.encode(text)

    def context_length(self, model: str) -> int:
        return open_checkpoint(model).context_length

    def max_beams(self) -> int:
        """Each takes a slot."""
        count: int = settings.ENGINE_SLOTS
        return count

    def vocabulary_size(self, model: str) -> int:
        return open_checkpoint(model).vocabulary_size

    def speller(self, model: str) -> Spell:
        return open_checkpoint(model).tokenizer.spell

    def token_bytes(self, model: str) -> TokenBytes:
        return open_checkpoint(model).tokenizer.bytes_of

    def special_tokens(self, model: str) -> IsSpecial:
        return open_checkpoint(model).tokenizer.is_special

    async def _abort(self, request_ids: Sequence[str]) -> None:
        # Without an engine nothing runs.
        with suppress(EngineUnavailable):
            async with self._client() as client:
                for request_id in request_ids:
                    await client.abort(request_id)

    async def _await_return(self, model: str) -> None:
        """Wait for a restarted engine, which may not even listen yet."""
        try:
            async with asyncio.timeout(RESUME_SECONDS):
                while not await self._is_back(model):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise EngineUnavailable(retry_after=RETRY_SECONDS) from error

    async def _is_back(self, model: str) -> bool:
        try:
            await self._await_ready(model, RESUME_SECONDS)
        except EngineUnavailable:
            return False
        return True

    async def _await_ready(self, model: str, seconds: float) -> None:
        """Load the model if the engine does not know it, and wait a moment for it."""
        deadline = asyncio.get_running_loop().time() + seconds
        async with self._client() as client:
            while not await self._is_ready(client, model):
                if asyncio.get_running_loop().time() > deadline:
                    raise ModelLoading(
                        f"{model} is being loaded.", retry_after=RETRY_SECONDS
                    )
                await asyncio.sleep(POLL_SECONDS)
        self._ready.add(model)

    async def _is_ready(self, client: EngineClient, model: str) -> bool:
        state = await _state_of(client, model)
        if state in {None, "failed"}:
            await client.load_model(model, require_verified_folder(model))
            state = await _state_of(client, model)
        if state == "failed":
            raise ModelLoadFailed(f"{model} could not be loaded.")
        return state == "ready"

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[EngineClient]:
        if asyncio.get_running_loop() is self._home:
            yield await self._connected()
            return
        client = EngineClient(self._socket_path)
        await _connect(client)
        try:
            yield client
        finally:
            await client.close()

    async def _connected(self) -> EngineClient:
        async with self._connecting:
            if self._is_stopping:
                raise ServerStopping(retry_after=RETRY_SECONDS)
            if not self._shared.is_connected:
                self._ready.clear()
                await _connect(self._shared)
        return self._shared


async def _connect(client: EngineClient) -> None:
    try:
        await client.connect()
    except engine_errors.EngineUnavailable as error:
        raise EngineUnavailable(retry_after=RETRY_SECONDS) from error


def _submit(generation: Generation, token_ids: list[int]) -> Submit:
    """To go on after the tokens that an engine before has brought."""
    return Submit(
        request_id=generation.request_id,
        model=generation.model,
        prompt_token_ids=generation.prompt_token_ids,
        sampling=generation.sampling,
        priority=generation.priority,
        resume_token_ids=list(token_ids),
        cache_scope=generation.cache_scope,
        deadline_seconds=generation.deadline_seconds,
    )


def _shorten(generation: Generation, seconds: float) -> Generation:
    """What is left of the generation's time after so much of it has passed."""
    if generation.deadline_seconds is None:
        return generation
    return replace(generation, deadline_seconds=generation.deadline_seconds - seconds)


async def _state_of(client: EngineClient, model: str) -> ModelState | None:
    """`None`: the engine has never heard of it."""
    states = {status.name: status.state for status in await _ask_health(client)}
    return states.get(model)


async def _ask_health(client: EngineClient) -> list[ModelStatus]:
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            return (await client.health()).models
    except (engine_errors.EngineUnavailable, TimeoutError) as error:
        raise EngineUnavailable(retry_after=RETRY_SECONDS) from error
