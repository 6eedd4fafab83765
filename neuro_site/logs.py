"""What must not get into the log."""

from __future__ import annotations

import logging


class WithoutQuery(logging.Filter):
    """Cuts what follows the path off uvicorn's line for a request.

    An address may carry a prompt, as the playground's examples do.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            address, method, target, *rest = record.args
            record.args = (address, method, str(target).partition("?")[0], *rest)
        return True
