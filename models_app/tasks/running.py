"""What a worker of this site does: how much of each queue at once, and its chores."""

from __future__ import annotations

import sys

from django.conf import settings

from models_app.asynchronous.housekeeping import (
    abort_late,
    delete_expired,
    fail_forgotten,
)
from models_app.backends import get_backend
from models_app.batches import service as batches
from models_app.idempotency.keys import forget_old
from models_app.interrupted import close_interrupted
from models_app.npu.uploads import delete_expired as delete_expired_uploads
from models_app.supervisor import Supervisor
from models_app.tasks import queue
from models_app.tasks.mailboxes import remove_dead
from models_app.tasks.worker import Chore, Worker
from models_app.webhooks import sharing
from models_app.webhooks.retention import forget_deliveries

# Short work, such as deliveries, never waits for long predictions.
DEFAULT_AT_ONCE = 4
WEBHOOKS_AT_ONCE = 8
KEEP_FAILED_SECONDS = 7 * 24 * 3600


def forget_failed_tasks() -> None:
    queue.forget_failed(before=queue.soon(-KEEP_FAILED_SECONDS))


# Each is carried out once a minute, by every worker.
CHORES: tuple[Chore, ...] = (
    abort_late,
    fail_forgotten,
    close_interrupted,
    delete_expired,
    forget_old,
    forget_failed_tasks,
    remove_dead,
    forget_deliveries,
    delete_expired_uploads,
    batches.delete_expired,
    batches.resume_forgotten,
)


def make_worker() -> Worker:
    capacity = {
        queue.DEFAULT: DEFAULT_AT_ONCE,
        queue.PREDICTIONS: settings.WORKER_PREDICTIONS,
        # One runs lines of its own beside each other.
        queue.BATCHES: 1,
        queue.WEBHOOKS: WEBHOOKS_AT_ONCE,
    }
    return Worker(
        capacity, CHORES, attach=get_backend().attach, sharing=sharing.shared_queues
    )


def supervise_worker() -> Supervisor:
    """The embedded worker, beside a web process."""
    lock_path = settings.ENGINE_SOCKET.with_name("worker.lock")
    command = [sys.executable, "manage.py", "run_worker", "--with-parent"]
    return Supervisor("worker", lock_path, lambda: command)
