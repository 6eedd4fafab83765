"""Files of calls for tests, and what became of their lines."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from django_tasks_db.models import DBTaskResult

from accounts import quota
from accounts.models import User
from models_app.batches import results, service
from models_app.batches.models import Batch
from models_app.calls import Caller
from models_app.models import PredictionSource
from models_app.tasks import queue
from models_app.tests.queues import carry_out_all
from neuro_site.testing import BaseTestCase

PROMPT = "Say "
MOST, USED = 24, 9
CALL = {"model": "neo-tiny", "inputs": PROMPT, "parameters": {"max_new_tokens": 20}}


def jsonl(*lines: object) -> bytes:
    return b"".join(
        one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n"
        for one in lines
    )


def calls(count: int) -> Iterator[dict[str, Any]]:
    return ({"custom_id": f"call {n}", **CALL} for n in range(1, count + 1))


class BatchTestCase(BaseTestCase):
    """A prompt of four tokens; the completion that the script brings has five."""

    def caller(self, user: User | None = None) -> Caller:
        user = user or self.bob
        return Caller(
            user=user,
            project=user.default_project,
            source=PredictionSource.BATCH,
            api_token=self.api_token_of(user),
        )

    def create(self, *lines: object, caller: Caller | None = None) -> Batch:
        file = io.BytesIO(jsonl(*(lines or calls(1))))
        return service.create(caller=caller or self.caller(), file=file)

    def run_batch(self, *lines: object) -> Batch:
        batch = self.create(*lines)
        carry_out_all()
        batch.refresh_from_db()
        return batch

    def tokens(self) -> tuple[int, int]:
        """Used and reserved today."""
        status = quota.status(self.bob)
        return status.tokens_used, status.tokens_reserved

    def results(self, batch: Batch) -> list[dict[str, Any]]:
        written = b"".join(results._chunks(batch))
        return [json.loads(line) for line in written.splitlines()]

    def statuses(self, batch: Batch) -> list[str]:
        return list(batch.lines.values_list("status", flat=True))

    def hasten(self) -> None:
        queue.hasten([DBTaskResult.objects.get().pk])
