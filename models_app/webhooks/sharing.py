"""How many deliveries of one webhook, and of one account, a worker makes at once.

One that is not answered holds its place for ten seconds. Whoever receives slowly, or
never answers, has only itself wait for that: the others' next deliveries are found
without looking at those that it has waiting, however many they are.
"""

from __future__ import annotations

import datetime
import uuid
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from django.db import connection

from models_app.tasks import queue
from models_app.tasks.due import AT_ONCE, Choose
from models_app.webhooks.models import WebhookDelivery

MOST_OF_A_WEBHOOK = 2
MOST_OF_AN_ACCOUNT = 4
# An account's, or a receiver's (see `WebhookDelivery.receiver`).
Key: TypeAlias = int

# From receiver to receiver, and of each the delivery that is due first and that nobody
# makes at the moment. Every step is one look into the index `deliveries_of_receiver`,
# and one for the task by its key: what is asked of the task stands where no planner can
# take another index for it.
_FIRST_OF_EACH = """
WITH RECURSIVE receivers (receiver) AS (
    SELECT (
        SELECT receiver FROM models_app_webhookdelivery
        WHERE status = 'pending' ORDER BY receiver LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT later.receiver FROM models_app_webhookdelivery AS later
        WHERE later.status = 'pending' AND later.receiver > receivers.receiver
        ORDER BY later.receiver LIMIT 1
    ) FROM receivers WHERE receivers.receiver IS NOT NULL
)
SELECT receiver, (
    SELECT waiting.id FROM models_app_webhookdelivery AS waiting
    WHERE waiting.status = 'pending' AND waiting.receiver = receivers.receiver
        AND waiting.next_attempt_at <= %s
        AND (
            SELECT task.status = 'READY' AND (task.run_after <= %s OR task.run_after = %s)
            FROM django_tasks_database_dbtaskresult AS task
            WHERE task.id = waiting.task_id
        )
    ORDER BY waiting.next_attempt_at LIMIT 1
) FROM receivers
"""


def shared_queues(running: Mapping[uuid.UUID, str]) -> Mapping[str, Choose]:
    """For `queue.claim`, where the share of somebody is used up by the deliveries among
    the running tasks, which are given with their queues."""
    ids = [key for key, name in running.items() if name == queue.WEBHOOKS]
    if len(ids) < MOST_OF_A_WEBHOOK:
        return {}
    begun = WebhookDelivery.objects.filter(task_id__in=ids)
    whose = begun.values_list("receiver", "project__user")
    receivers = Counter(receiver for receiver, _ in whose)
    users = Counter(user for _, user in whose)
    full_receivers = _full(receivers, MOST_OF_A_WEBHOOK)
    full_users = _full(users, MOST_OF_AN_ACCOUNT)
    if not full_receivers and not full_users:
        return {}
    return {queue.WEBHOOKS: partial(_of_others, full_receivers, full_users)}


def _full(counts: Mapping[Key, int], most: int) -> set[Key]:
    return {key for key, count in counts.items() if count >= most}


def _of_others(
    receivers: Container[Key], users: Collection[Key], now: datetime.datetime
) -> Iterable[uuid.UUID]:
    """The next of each receiver that may get one, whose has waited longest first."""
    ids = [
        first
        for receiver, first in _first_of_each(now)
        if first is not None and receiver not in receivers
    ]
    firsts = WebhookDelivery.objects.filter(pk__in=ids)
    allowed = firsts.exclude(project__user__in=users).order_by("next_attempt_at", "pk")
    return [task_id for task_id in allowed.values_list("task_id", flat=True) if task_id]


def _first_of_each(now: datetime.datetime) -> list[tuple[Key, int | None]]:
    moments = [
        connection.ops.adapt_datetimefield_value(one) for one in (now, now, AT_ONCE)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_OF_EACH, moments)
        return list(cursor.fetchall())
