"""The web server: uvicorn, which says where Neuro is and stops in order."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from django.conf import settings

from models_app.backends import get_backend
from neuro_site.asgi import application, gate
from neuro_site.http_protocol import HttpProtocol

# What is left to say after the grace time is said in this time.
TAIL_SECONDS = 5
POLL_SECONDS = 0.05
# The exit status that uvicorn's own command has for it.
NOT_STARTED = 3


def serve(listener: socket.socket) -> None:
    """Serve until a signal says stop, then finish what runs."""
    # What a client does not take from its socket in this time ends the connection.
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.WRITE_SECONDS * 1000
    )
    config = uvicorn.Config(
        application,
        http=HttpProtocol,
        lifespan="on",
        ws="none",
        # Django's LOGGING formats the server's lines too.
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=TAIL_SECONDS,
    )
    server = NeuroServer(config)
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(NOT_STARTED)


class NeuroServer(uvicorn.Server):
    """Says where Neuro is once it answers there. Told to stop, it finishes what runs
    within the grace time, and until then answers new requests with a refusal."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and sockets:
            sys.stdout.write(f"\nNeuro is at {_address(sockets[0])}\n")
            sys.stdout.write("Press Ctrl+C to stop it.\n\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        gate.close()
        await self._drain()
        await get_backend().interrupt()
        await super().shutdown(sockets=sockets)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.GRACE_SECONDS
        while gate.num_inside and loop.time() < deadline and not self.force_exit:
            await asyncio.sleep(POLL_SECONDS)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 -- compared with, not listened on
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
