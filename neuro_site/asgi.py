"""The web process: Django, with the backend and the worker that end when it does."""

from __future__ import annotations

import gc
import logging
import os

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuro_site.settings")
django.setup(set_prefix=False)

# These need the app registry that the line above fills.
from models_app.backends import get_backend  # noqa: E402
from models_app.tasks.running import supervise_worker  # noqa: E402
from neuro_site.asgi_types import Message, Receive, Send  # noqa: E402
from neuro_site.body_limit import limit_body  # noqa: E402
from neuro_site.gate import Gate  # noqa: E402
from neuro_site.handler import Handler  # noqa: E402
from neuro_site.web_lock import (  # noqa: E402
    NotAloneError,
    hold_database_lock,
    hold_web_lock,
)

gate = Gate(
    limit_body(
        Handler(),
        max_bytes=settings.MAX_BODY_BYTES,
        max_seconds=settings.READ_SECONDS,
    )
)
logger = logging.getLogger(__name__)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        await gate(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop the backend and the worker when the server says so."""
    worker = supervise_worker()
    await receive()
    try:
        shares_counts = bool(settings.REDIS_URL)
        hold_web_lock(settings.DATA_DIR, shares_counts=shares_counts)
        database_lock = hold_database_lock(shares_counts=shares_counts)
    except NotAloneError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    try:
        await get_backend().start()
    except Exception as error:
        logger.exception("the backend could not be started")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    if settings.EMBEDDED_WORKER:
        worker.start()
    # What was imported stays, and need not be looked through again and again.
    gc.collect()
    gc.freeze()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await worker.stop()
    await get_backend().stop()
    if database_lock:
        database_lock.close()
    await send({"type": "lifespan.shutdown.complete"})
