"""`manage.py run_worker`: carry out what stands in the queue of tasks.

The web process starts one beside itself unless `NEURO_EMBEDDED_WORKER` is false.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from models_app.tasks.running import make_worker
from models_app.tasks.worker import end_process


class Command(BaseCommand):
    help = "Carry out tasks: asynchronous predictions and what follows from them."
    # They import every view, which a worker never needs.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--with-parent",
            action="store_true",
            help="end at once when the process that started it ends",
        )

    def handle(self, *, with_parent: bool, **options: Any) -> None:
        worker = make_worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if with_parent:
            _end_with(os.getppid())
        worker.run()
        end_process()


def _end_with(parent: int) -> None:
    """The kernel marks the descriptor readable when the parent process ends."""
    descriptor = os.pidfd_open(parent)

    def wait() -> None:
        select.select([descriptor], [], [])
        end_process()

    threading.Thread(target=wait, daemon=True).start()
