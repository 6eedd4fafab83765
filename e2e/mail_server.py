"""A mail server that keeps what it is sent: as much of SMTP as Django speaks."""

from __future__ import annotations

import email
import email.policy
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from e2e.serving import serving

_GOES_ON = {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}


@dataclass(slots=True)
class MailServer:
    port: int
    messages: list[EmailMessage] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a Neuro that sends its mail here."""
        return {
            "NEURO_EMAIL_HOST": "127.0.0.1",
            "NEURO_EMAIL_PORT": str(self.port),
            "NEURO_EMAIL_TLS": "false",
        }


@contextmanager
def start_mail_server() -> Iterator[MailServer]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation)
    server.daemon_threads = True
    mail_server = MailServer(server.server_address[1])
    server.messages = mail_server.messages  # type: ignore[attr-defined]
    with serving(server):
        yield mail_server


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            command = line.decode().strip().upper()
            self.wfile.write(_GOES_ON.get(command, b"250 fine\r\n"))
            if command == "DATA":
                self._take_message()

    def _take_message(self) -> None:
        lines = iter(self.rfile.readline, b".\r\n")
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.messages.append(message)  # type: ignore[attr-defined]
        self.wfile.write(b"250 taken\r\n")
