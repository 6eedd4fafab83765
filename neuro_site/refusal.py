"""An answer that comes before Django: an error in the words of the address's door."""

from __future__ import annotations

import json
import secrets

from accounts.error_shape import error_headers
from accounts.errors import ApplicationError
from neuro_site.asgi_types import Message, Send
from neuro_site.error_handler import render_at


async def refuse(scope: Message, send: Send, error: ApplicationError) -> None:
    """The connection is closed afterwards: a body may still be on its way in it."""
    request_id = secrets.token_hex(12)
    body = json.dumps(render_at(scope["path"], error, request_id)).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        "Connection": "close",
        **error_headers(error),
    }
    await send(
        {
            "type": "http.response.start",
            "status": error.status_code,
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
