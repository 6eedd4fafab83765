"""`python -m neuro_site`: bring the database up to date, then serve until told to stop.

This is what `make run` becomes. The engine process starts and stops with the web
process (see `neuro_site.asgi`).
"""

from __future__ import annotations

import os
import signal
import socket
import sys

import django
import uvicorn
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from neuro_site.env import env_int, env_str

GRACE_SECONDS = 10


class AnnouncingServer(uvicorn.Server):
    """Says where Neuro is once it answers there."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and sockets:
            sys.stdout.write(f"\nNeuro is at {_address(sockets[0])}\n")
            sys.stdout.write("Press Ctrl+C to stop it.\n\n")
            sys.stdout.flush()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuro_site.settings")
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, lambda *_: sys.exit(0))
    try:
        listener = _listen(env_str("HOST", "127.0.0.1"), env_int("PORT", 8000))
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"Neuro does not start: {error}")
    # Fills the catalogue too: `models_app.apps` does so after every migrate.
    call_command("migrate", verbosity=0)
    _offer_staff_rights()
    config = uvicorn.Config(
        "neuro_site.asgi:application",
        lifespan="on",
        ws="none",
        # Django's LOGGING formats the server's lines too.
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    AnnouncingServer(config).run(sockets=[listener])


def _offer_staff_rights() -> None:
    """Only who reads this, or the data folder, can take them."""
    # The models need the app registry, which is filled by now.
    from accounts import first_staff  # noqa: PLC0415

    if first_staff.is_offered():
        sys.stdout.write(
            "\nNo account has staff rights yet. Sign in, open Your account and enter"
            f"\nthis code to take them: {first_staff.code()}\n"
        )


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket, taken first so that a busy port is the first thing said."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        sys.exit(
            f"Cannot listen on {host} port {port}: {error.strerror}.\n"
            f"Choose another port, for example: PORT={port + 1} make run"
        )


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 -- compared with, not listened on
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


if __name__ == "__main__":
    main()
