"""One POST to an address that a caller chose: bounded, and followed nowhere."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from models_app.webhooks.addresses import (
    AddressRefused,
    Target,
    read_target,
    resolve,
)

# For all of it, once the name is resolved: to connect, to send, and to be answered.
SECONDS = 10.0
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The status that the receiver sent, or the problem that left none."""

    status: int | None = None
    problem: str = ""
    duration_ms: int = 0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == http.client.GONE


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds: float = SECONDS,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send it once. Of the answer only the status is read, and no redirect followed."""
    began = time.monotonic()
    status, problem = None, ""
    try:
        target = read_target(url)
        addresses = resolve(target)
        with _deadline(seconds) as deadline:
            status = _exchange(target, addresses, body, headers, deadline, tls)
    except (AddressRefused, _TooLate) as refusal:
        problem = str(refusal)
    except (OSError, http.client.HTTPException, ValueError) as error:
        problem = _in_words(error)
    duration_ms = round((time.monotonic() - began) * 1000)
    return Answer(status=status, problem=problem, duration_ms=duration_ms)


class _TooLate(Exception):
    pass


class _Deadline:
    """Closes whatever connection is open when the time is over.

    Timeouts of a socket begin anew with every byte; a receiver that sends one now and
    then would never meet them.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._ends_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    @property
    def seconds_left(self) -> float:
        return max(0.001, self._ends_at - time.monotonic())

    def watch(self, connection: socket.socket) -> None:
        self._socket = connection
        if self.is_over:
            self._end()

    def cancel(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # Not that of an SSL socket, which is in the hands of another thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline(seconds)
    try:
        yield deadline
    except (OSError, http.client.HTTPException, ValueError) as error:
        if deadline.is_over or isinstance(error, TimeoutError):
            raise _TooLate(f"No answer within {seconds:g} seconds.") from error
        raise
    finally:
        deadline.cancel()


def _exchange(
    target: Target,
    addresses: list[str],
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
    tls: ssl.SSLContext | None,
) -> int:
    with closing(_connect(target, addresses, deadline)) as plain:
        deadline.watch(plain)
        with closing(_secured(plain, target, deadline, tls)) as connected:
            connection = http.client.HTTPConnection(target.host, target.port)
            # Given its socket, it resolves and connects no more.
            connection.sock = connected
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={**headers, "Host": target.host_header, "Connection": "close"},
            )
            return connection.getresponse().status


def _connect(
    target: Target, addresses: list[str], deadline: _Deadline
) -> socket.socket:
    failure: OSError = OSError("The name stands for no address.")
    for address in addresses:
        timeout = min(CONNECT_SECONDS, deadline.seconds_left)
        # Nothing that would ask the resolver again.
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect((address, target.port))
        except OSError as error:
            connection.close()
            failure = error
        else:
            connection.settimeout(deadline.seconds_left)
            return connection
    raise failure


def _secured(
    plain: socket.socket,
    target: Target,
    deadline: _Deadline,
    tls: ssl.SSLContext | None,
) -> socket.socket:
    if target.scheme == "http":
        return plain
    context = tls or ssl.create_default_context()
    secured = context.wrap_socket(
        plain, server_hostname=target.host, do_handshake_on_connect=False
    )
    deadline.watch(secured)
    secured.do_handshake()
    return secured


def _in_words(error: Exception) -> str:
    """For the log that the owner reads: what failed, without what is inside."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"The certificate is not valid: {error.verify_message}"[:200]
        case ssl.SSLError():
            return "No TLS connection came about."
        case socket.gaierror():
            return "The name of the host cannot be resolved."
        case ConnectionRefusedError():
            return "The connection was refused."
        case http.client.HTTPException() | ConnectionError():
            return "The connection ended without an answer of HTTP."
    return "No connection came about."
