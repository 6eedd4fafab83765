"""The queue of tasks, worked off in the test's own thread."""

from __future__ import annotations

from models_app.tasks import queue

QUEUES = [queue.DEFAULT, queue.PREDICTIONS, queue.BATCHES, queue.WEBHOOKS]
WORKER = "worker-of-test"


def carry_out_next() -> bool:
    """The task that is due, if any; whether there was one."""
    claimed = queue.claim(WORKER, QUEUES)
    if claimed is None:
        return False
    queue.carry_out(claimed)
    return True


def carry_out_all() -> None:
    while carry_out_next():
        pass
