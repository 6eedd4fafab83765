"""The engine's process as its clients see it: a real process, a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from inference.client import EngineClient
from inference.errors import EngineUnavailable
from inference.messages import Health, Submit, TokenEvent
from inference.sampling_params import SamplingParams

LONG = 400
ATTEMPTS = 10
# Many times what the slots hold, so that some are there whenever a busy machine looks.
CROWD = 24


class RunningServer:
    def __init__(self, folder: Path, checkpoint: Path, *options: str) -> None:
        self.socket = folder / "engine.sock"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "inference.server"),
                *("--socket", str(self.socket), "--model", f"tiny={checkpoint}"),
                *("--slots", "4", "--threads", "1", *options),
            ]
        )

    @contextlib.asynccontextmanager
    async def client(self, *, ready: bool = True) -> AsyncIterator[EngineClient]:
        client = EngineClient(self.socket)
        await eventually(lambda: connects(client))
        if ready:
            await eventually(lambda: is_ready(client))
        yield client
        await client.close()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, tiny_gpt_neo: Path
) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("server"), tiny_gpt_neo)
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path, tiny_gpt_neo: Path) -> Iterator[RunningServer]:
    """For tests that end it."""
    running = RunningServer(tmp_path, tiny_gpt_neo, "--grace-seconds", "30")
    yield running
    running.stop()


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.01)


async def connects(client: EngineClient) -> bool:
    try:
        await client.connect()
    except EngineUnavailable:
        return False
    return True


async def is_ready(client: EngineClient) -> bool:
    return all(model.state == "ready" for model in (await client.health()).models)


def make_submit(name: str, *, model: str = "tiny", tokens: int = 10) -> Submit:
    sampling = SamplingParams(max_new_tokens=tokens, seed=4, ignore_eos=True)
    return Submit(name, model, [40, 41, 42], sampling)


async def collect(client: EngineClient, submit: Submit) -> list[TokenEvent]:
    return [event async for event in client.submit(submit)]


async def num_running(client: EngineClient) -> int:
    return sum(model.num_running for model in (await client.health()).models)


def test_it_streams_a_completion(server: RunningServer) -> None:
    async def scenario() -> list[TokenEvent]:
        async with server.client() as client:
            return await collect(client, make_submit("a"))

    events = asyncio.run(scenario())
    assert sum(len(event.token_ids) for event in events) == 10
    assert events[-1].finish_reason == "length"


def test_it_serves_more_streams_than_it_has_slots(server: RunningServer) -> None:
    async def scenario() -> list[list[TokenEvent]]:
        async with server.client() as client:
            return await asyncio.gather(
                *(collect(client, make_submit(f"r{n}")) for n in range(12))
            )

    streams = asyncio.run(scenario())
    assert (
        len({tuple(t for e in events for t in e.token_ids) for events in streams}) == 1
    )


@pytest.mark.parametrize(
    ("submit", "code"),
    [
        (make_submit("a", model="other"), "model_not_loaded"),
        (make_submit("a", tokens=510), "context_length_exceeded"),
        (Submit("a", "tiny", [], SamplingParams(max_new_tokens=1)), "invalid_request"),
    ],
)
def test_it_answers_a_refusal_with_an_error_event(
    server: RunningServer, submit: Submit, code: str
) -> None:
    async def scenario() -> list[TokenEvent]:
        async with server.client() as client:
            return await collect(client, submit)

    (event,) = asyncio.run(scenario())
    assert (event.finish_reason, event.error_code) == ("error", code)
    assert event.error


def test_it_aborts_when_asked(server: RunningServer) -> None:
    async def attempt(client: EngineClient, number: int) -> TokenEvent:
        stream = client.submit(make_submit(f"a{number}", tokens=LONG))
        await anext(stream)
        await client.abort(f"a{number}")
        return [event async for event in stream][-1]

    async def scenario() -> list[str | None]:
        async with server.client() as client:
            return [(await attempt(client, n)).finish_reason for n in range(ATTEMPTS)]

    # A busy machine may ask so late that one had ended.
    assert "abort" in asyncio.run(scenario())


def test_it_aborts_when_a_reader_leaves_its_stream(server: RunningServer) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            stream = client.submit(make_submit("a", tokens=LONG))
            await anext(stream)
            await stream.aclose()
            await eventually(lambda: is_idle(client))

    asyncio.run(scenario())


async def is_idle(client: EngineClient) -> bool:
    return await num_running(client) == 0


def test_it_aborts_what_a_vanished_client_had_asked_for(server: RunningServer) -> None:
    async def scenario() -> None:
        async with server.client() as staying:
            async with server.client() as leaving:
                await anext(leaving.submit(make_submit("a", tokens=LONG)))
            await eventually(lambda: is_idle(staying))

    asyncio.run(scenario())


def test_it_keeps_others_streaming_while_one_client_reads_nothing(
    server: RunningServer,
) -> None:
    async def scenario() -> list[TokenEvent]:
        async with server.client() as deaf, server.client() as client:
            deaf._reading.cancel()  # type: ignore[union-attr]
            for number in range(8):
                deaf._send(make_submit(f"deaf{number}", tokens=LONG))
            return await collect(client, make_submit("a", tokens=20))

    assert asyncio.run(scenario())[-1].finish_reason == "length"


def test_it_answers_health_while_models_load(own_server: RunningServer) -> None:
    async def scenario() -> Health:
        async with own_server.client(ready=False) as client:
            return await client.health()

    health = asyncio.run(scenario())
    assert health.pid == own_server.process.pid
    assert [(m.name, m.state) for m in health.models] == [("tiny", "loading")]


def test_it_loads_and_unloads_models_while_it_serves(
    server: RunningServer, tiny_gpt_neo: Path
) -> None:
    async def scenario() -> tuple[TokenEvent, TokenEvent]:
        async with server.client() as client:
            await client.load_model("second", tiny_gpt_neo)
            await eventually(lambda: is_ready(client))
            served = await collect(client, make_submit("a", model="second"))
            await client.unload_model("second")
            refused = await collect(client, make_submit("a", model="second"))
            return served[-1], refused[-1]

    served, refused = asyncio.run(scenario())
    assert served.finish_reason == "length"
    assert refused.error_code == "model_not_loaded"


def test_it_reports_why_a_model_failed_to_load(
    server: RunningServer, tmp_path: Path
) -> None:
    async def scenario() -> str:
        async with server.client() as client:
            await client.load_model("broken", tmp_path)
            await eventually(lambda: has_failed(client, "broken"))
            (error,) = [
                model.error
                for model in (await client.health()).models
                if model.name == "broken"
            ]
            await client.unload_model("broken")
            return error

    assert "config.json" in asyncio.run(scenario())


async def has_failed(client: EngineClient, name: str) -> bool:
    models = (await client.health()).models
    return any(model.name == name and model.state == "failed" for model in models)


def test_it_finishes_what_runs_and_refuses_new_work_on_sigterm(
    own_server: RunningServer,
) -> None:
    async def scenario() -> tuple[list[TokenEvent], list[TokenEvent]]:
        async with own_server.client() as client:
            stream = client.submit(make_submit("running", tokens=LONG))
            events = [await anext(stream)]
            own_server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: refuses_connections(own_server))
            await eventually(lambda: is_gone(own_server.socket))
            late = await collect(client, make_submit("late"))
            return events + [event async for event in stream], late

    running, late = asyncio.run(scenario())
    assert running[-1].finish_reason == "length"
    assert late[-1].error_code == "engine_unavailable"
    assert own_server.process.wait(timeout=30) == 0


async def refuses_connections(server: RunningServer) -> bool:
    another = EngineClient(server.socket)
    connected = await connects(another)
    await another.close()
    return not connected


def test_it_ends_every_stream_when_the_process_is_killed(
    own_server: RunningServer,
) -> None:
    async def scenario() -> list[TokenEvent]:
        async with own_server.client() as client:
            streams = [
                asyncio.create_task(collect(client, make_submit(f"r{n}", tokens=LONG)))
                for n in range(CROWD)
            ]
            await eventually(lambda: is_crowded(client))
            own_server.process.kill()
            return [(await stream)[-1] for stream in streams]

    cut_off = [e for e in asyncio.run(scenario()) if e.finish_reason != "length"]
    assert {event.error_code for event in cut_off} == {"engine_unavailable"}


async def is_crowded(client: EngineClient) -> bool:
    """Some run and others wait."""
    return any(model.num_waiting for model in (await client.health()).models)


def test_it_ends_with_the_process_that_started_it(
    tmp_path: Path, tiny_gpt_neo: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "inference.server",
        "--socket",
        str(tmp_path / "s"),
    ]
    code = f"""
import subprocess, sys, time
child = subprocess.Popen({command!r})
print(child.pid, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    asyncio.run(eventually(lambda: exists(tmp_path / "s")))
    parent.kill()
    parent.wait()

    asyncio.run(eventually(lambda: ended(child)))


def test_it_ends_when_the_process_that_started_it_is_gone_already(
    tmp_path: Path,
) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    options = ("--socket", str(tmp_path / "s"), "--parent", str(parent.pid))

    done = subprocess.run([sys.executable, "-m", "inference.server", *options])

    assert done.returncode == 0


def test_it_leaves_a_socket_to_the_engine_that_listens_there(
    server: RunningServer,
) -> None:
    async def scenario() -> Health:
        async with server.client() as client:
            options = ("--socket", str(server.socket))
            command = [sys.executable, "-m", "inference.server", *options]
            second = await asyncio.create_subprocess_exec(*command)
            assert await second.wait() == 1
            return await client.health()

    assert asyncio.run(scenario()).pid == server.process.pid


async def is_gone(path: Path) -> bool:
    return not path.exists()


async def exists(path: Path) -> bool:
    return path.exists()


async def ended(descriptor: int) -> bool:
    """A pidfd is readable once its process has ended."""
    return bool(select.select([descriptor], [], [], 0)[0])


def test_it_says_plainly_that_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        asyncio.run(EngineClient(tmp_path / "nobody.sock").connect())
