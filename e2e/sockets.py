"""Clients that behave badly, which takes a socket instead of an HTTP library."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

from e2e.live_server import Account, LiveServer

PREDICT = "/api/v1/models/neo-tiny/predict"
SMALL_BUFFER = 4096


def connect(server: LiveServer, *, buffer: int | None = None) -> socket.socket:
    address = urlsplit(server.address)
    client = socket.socket()
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(60)
    client.connect((address.hostname, address.port))
    return client


def head_of(server: LiveServer, account: Account, length: int) -> bytes:
    """The head of a predict call whose body has that many bytes."""
    return (
        f"POST {PREDICT} HTTP/1.1\r\nHost: {urlsplit(server.address).netloc}\r\n"
        f"Authorization: {account.headers['Authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def ask_and_read_nothing(
    server: LiveServer, account: Account, body: dict[str, object]
) -> socket.socket:
    """A connection whose buffer is too small for the answer."""
    content = json.dumps(body).encode()
    deaf = connect(server, buffer=SMALL_BUFFER)
    deaf.sendall(head_of(server, account, len(content)) + content)
    return deaf


def read_to_end(client: socket.socket) -> bytes:
    """What comes until the server closes the connection, gently or not."""
    received = b""
    try:
        while part := client.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def is_held_by_the_server(client: socket.socket) -> bool:
    """Whether the other side of the connection is still there, in either process or
    in the kernel on its behalf."""
    ours, theirs = client.getsockname()[1], client.getpeername()[1]
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = {tuple(_port(part) for part in line.split()[1:3]) for line in lines}
    return (theirs, ours) in ends


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
