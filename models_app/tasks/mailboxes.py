"""Sockets by which processes of one machine know of each other, and wake each other.

The kernel closes a process's socket however the process ends, so whoever cannot reach
it knows at once, and for certain, that the process is gone. No clock is asked.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from models_app.socket_paths import require_short

_WORKERS, _WEB, _LISTENERS = "worker-", "web-", "listener-"


LONGEST_MESSAGE = 64


class Mailbox:
    """A datagram socket of this process. `name` tells others that the process lives."""

    def __init__(self, kind: str = _WORKERS) -> None:
        self.name = kind + secrets.token_hex(3)
        path = _path(self.name)
        require_short(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def wait(self, seconds: float) -> None:
        """Until somebody wakes this process, or so long."""
        self._socket.settimeout(seconds)
        with suppress(TimeoutError):
            self._socket.recv(1)
            self._empty()

    def receive(self) -> bytes:
        """What somebody told this process next."""
        self._socket.settimeout(None)
        return self._socket.recv(LONGEST_MESSAGE)

    def wake(self) -> None:
        _send(_path(self.name))

    def close(self) -> None:
        self._socket.close()
        _path(self.name).unlink(missing_ok=True)

    def _empty(self) -> None:
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(1)


def is_alive(name: str) -> bool:
    """Whether the process that has the mailbox of this name still runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(_path(name)))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def remove_dead() -> None:
    """Sockets whose process could not remove them."""
    for path in settings.ENGINE_SOCKET.parent.iterdir():
        if path.name.startswith((_WORKERS, _WEB, _LISTENERS)) and not is_alive(
            path.name
        ):
            path.unlink(missing_ok=True)


def wake_workers() -> None:
    """Something is in the queue. A worker that is not told looks by itself, later."""
    for path in _all(_WORKERS):
        _send(path)


def count_workers() -> int:
    """Those that died and were not noticed yet count, too."""
    return len(list(_all(_WORKERS)))


def open_listener() -> Mailbox:
    """Gets what `tell_listeners` tells, from now on."""
    return Mailbox(_LISTENERS)


def tell_listeners(message: bytes) -> None:
    """All that there are. A full mailbox misses it: listeners look by themselves, too."""
    for path in _all(_LISTENERS):
        _send(path, message)


def _all(kind: str) -> Iterator[Path]:
    folder: Path = settings.ENGINE_SOCKET.parent
    return folder.glob(f"{kind}??????")


def _send(path: Path, message: bytes = b"!") -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(message, str(path))
        except BlockingIOError:
            return  # It has more than enough to wake it.
        except (FileNotFoundError, ConnectionRefusedError):
            path.unlink(missing_ok=True)


def _path(name: str) -> Path:
    folder: Path = settings.ENGINE_SOCKET.parent
    return folder / name
