"""Where requests come in, until the server stops."""

from __future__ import annotations

from models_app.errors import ServerStopping
from neuro_site.asgi_types import Application, Message, Receive, Send
from neuro_site.refusal import refuse

# About what a start takes.
RETRY_SECONDS = 5


class Gate:
    """Lets requests through to the application; once closed, refuses every new one with
    503 while those inside go on."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._is_closed = False
        self.num_inside = 0

    def close(self) -> None:
        self._is_closed = True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._is_closed:
            await refuse(scope, send, ServerStopping(retry_after=RETRY_SECONDS))
            return
        self.num_inside += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self.num_inside -= 1
