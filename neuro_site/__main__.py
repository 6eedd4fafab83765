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
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from neuro_site.env import env_int, env_str
from neuro_site.migrating import migrate


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuro_site.settings")
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, lambda *_: sys.exit(0))
    try:
        listener = _listen(env_str("HOST", "127.0.0.1"), env_int("PORT", 8000))
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"Neuro does not start: {error}")
    migrate()
    _offer_staff_rights()
    # Its modules need the app registry, which is filled by now.
    from neuro_site.web_server import serve  # noqa: PLC0415

    serve(listener)


def _offer_staff_rights() -> None:
    """Only who reads this, or the data folder, can take them."""
    # The models need the app registry, which is filled by now.
    from accounts import first_staff  # noqa: PLC0415

    if first_staff.is_offered():
        sys.stdout.write(
            "\nNo account has staff rights yet. Sign in, open Your account and enter"
            f"\nthis code to take them: {first_staff.code()}\n"
        )
        if settings.REGISTRATION != "open":
            sys.stdout.write(
                "Nobody is let in before that. Without an account, make yours, with all "
                f"rights:\n{sys.executable} manage.py createsuperuser "
                "--email you@example.org\n"
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


if __name__ == "__main__":
    main()
