"""The engine's own process: `python -m inference.server --socket PATH --model NAME=DIR`.

The event loop only moves frames; the worker's thread runs the models. The process
listens before it loads, drains on SIGTERM, and ends with the process that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from inference.config import MIN_SHARED_TOKENS, PRECISIONS, EngineConfig
from inference.connection import Connection
from inference.errors import EngineUnavailable, InvalidRequest
from inference.frames import CLIENT_MESSAGES, FrameInvalid, read_message
from inference.messages import (
    Abort,
    ClientMessage,
    GetHealth,
    Health,
    LoadModel,
    Submit,
    TokenEvent,
    UnloadModel,
    error_event,
)
from inference.worker import Worker

logger = logging.getLogger(__name__)


class Server:
    """Routes requests from connections to the worker and events back."""

    def __init__(self, config: EngineConfig, socket_path: Path, grace: float) -> None:
        self._socket_path, self._grace = socket_path, grace
        self._owners: dict[str, Connection] = {}
        self._connections: dict[Connection, asyncio.Event] = {}
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.worker = Worker(config, self._deliver_from_worker)

    async def run(self) -> None:
        """Serve until `stop`, then let what runs finish within the grace time."""
        self._socket_path.unlink(missing_ok=True)
        listener = await asyncio.start_unix_server(self._serve, self._socket_path)
        self._socket_path.chmod(0o600)
        self.worker.start()
        await self._stopping.wait()
        listener.close()
        # Now, while it is this process's own: another may listen there before the end.
        self._socket_path.unlink(missing_ok=True)
        await self._drain()
        self.worker.stop()
        ended = list(self._connections.values())
        for connection in list(self._connections):
            connection.hang_up()
        await asyncio.gather(*(event.wait() for event in ended))

    def stop(self) -> None:
        self._stopping.set()

    async def _drain(self) -> None:
        self._note_idleness()
        try:
            await asyncio.wait_for(self._idle.wait(), self._grace)
        except TimeoutError:
            gone = EngineUnavailable("the engine stopped before this was finished")
            self._deliver([error_event(name, gone) for name in self._owners])

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = Connection(writer)
        ended = self._connections[connection] = asyncio.Event()
        try:
            while message := await read_message(reader, CLIENT_MESSAGES):
                self._handle(connection, message)
        except FrameInvalid as error:
            logger.warning("closing a connection: %s", error)
        finally:
            del self._connections[connection]
            self._abandon(connection)
            connection.hang_up()
            ended.set()

    def _handle(self, connection: Connection, message: ClientMessage) -> None:
        match message:
            case Submit():
                self._submit(connection, message)
            case Abort():
                self.worker.abort(message)
            case GetHealth():
                health = Health(models=self.worker.describe(), pid=os.getpid())
                connection.send_health(health)
            case LoadModel():
                self.worker.load(message.name, Path(message.path))
            case UnloadModel():
                self.worker.unload(message.name)

    def _submit(self, connection: Connection, submit: Submit) -> None:
        if submit.request_id in self._owners:
            taken = InvalidRequest(f"{submit.request_id!r} is already in use")
            connection.send_events([error_event(submit.request_id, taken)])
        elif self._stopping.is_set():
            refusal = EngineUnavailable("the engine is stopping")
            connection.send_events([error_event(submit.request_id, refusal)])
        else:
            self._owners[submit.request_id] = connection
            self.worker.submit(submit)

    def _deliver_from_worker(self, events: list[TokenEvent]) -> None:
        self._loop.call_soon_threadsafe(self._deliver, events)

    def _deliver(self, events: list[TokenEvent]) -> None:
        """One frame for each connection, with all that one step made for it."""
        batches: dict[Connection, list[TokenEvent]] = {}
        for event in events:
            connection = self._owners.get(event.request_id)
            if connection is not None:
                batches.setdefault(connection, []).append(event)
        for connection, batch in batches.items():
            connection.send_events(batch)
        for event in events:
            if event.finish_reason is not None:
                self._owners.pop(event.request_id, None)
        self._note_idleness()

    def _abandon(self, connection: Connection) -> None:
        """Nobody listens any more: end everything this connection had asked for."""
        for request_id, owner in list(self._owners.items()):
            if owner is connection:
                del self._owners[request_id]
                self.worker.abort(Abort(request_id))
        self._note_idleness()

    def _note_idleness(self) -> None:
        if self._stopping.is_set() and not self._owners:
            self._idle.set()


async def require_unused(socket_path: Path) -> None:
    """Two engines at one address would take it from each other."""
    try:
        _, writer = await asyncio.open_unix_connection(socket_path)
    except OSError:
        return
    writer.close()
    raise SystemExit(f"another engine listens at {socket_path}")


def stop_with_parent(
    loop: asyncio.AbstractEventLoop, server: Server, parent: int
) -> None:
    """The kernel marks the descriptor readable when the parent process ends."""
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        server.stop()
        return

    def parent_ended() -> None:
        loop.remove_reader(descriptor)
        server.stop()

    loop.add_reader(descriptor, parent_ended)


async def serve(arguments: argparse.Namespace) -> None:
    config = EngineConfig(
        num_slots=arguments.slots,
        precision=arguments.precision,
        num_threads=arguments.threads,
        min_shared_tokens=MIN_SHARED_TOKENS if arguments.prefix_cache else 0,
    )
    await require_unused(arguments.socket)
    server = Server(config, arguments.socket, arguments.grace_seconds)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    if not arguments.detached:
        stop_with_parent(loop, server, arguments.parent)
    for name, path in arguments.model:
        server.worker.load(name, path)
    await server.run()


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m inference.server")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument(
        "--model",
        type=_name_and_folder,
        action="append",
        default=[],
        metavar="NAME=DIR",
    )
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--slots", type=int, default=16, help="running requests")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--prefix-cache",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="share the work on prompts that begin alike",
    )
    parser.add_argument("--grace-seconds", type=float, default=20.0)
    parser.add_argument(
        "--parent",
        type=int,
        default=os.getppid(),
        metavar="PID",
        help="the process to end with; told, it may have ended before this one began",
    )
    parser.add_argument(
        "--detached", action="store_true", help="keep running when the parent ends"
    )
    return parser.parse_args(arguments)


def _name_and_folder(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not (name and separator and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR")
    return name, Path(folder)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(serve(parse_arguments()))


if __name__ == "__main__":
    main()
