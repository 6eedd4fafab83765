"""How many deliveries of one webhook, and of one account, a worker makes at once.

One that is not answered holds its place for ten seconds. Whoever receives slowly, or
never answers, has only itself wait for that.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping

from django.db.models import Exists, OuterRef, Q

from models_app.tasks import queue
from models_app.webhooks.models import DeliveryStatus, WebhookDelivery

MOST_OF_A_WEBHOOK = 2
MOST_OF_AN_ACCOUNT = 4


def may_begin(running: Mapping[uuid.UUID, str]) -> Q:
    """Of the tasks in the queue, all but deliveries whose share is used up by those that
    run, which are given with their queues."""
    ids = [key for key, name in running.items() if name == queue.WEBHOOKS]
    if len(ids) < MOST_OF_A_WEBHOOK:
        return Q()
    pending = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING)
    full = _full(pending.filter(task_id__in=ids).values_list(*_WHOSE))
    if not full:
        return Q()
    held_back = pending.filter(full, task_id=OuterRef("pk"))
    return ~Q(Exists(held_back))


# Addresses that calls of one project name share as if they were one webhook: they may
# differ with every call.
_WHOSE = ("project__user", "project", "webhook")


def _full(running: Iterable[tuple[int, int, int | None]]) -> Q:
    """Deliveries that are to wait; nothing where none are."""
    of_accounts: Counter[int] = Counter()
    of_webhooks: Counter[tuple[int, int | None]] = Counter()
    for user, project, webhook in running:
        of_accounts[user] += 1
        of_webhooks[project, webhook] += 1
    full = Q()
    for user, count in of_accounts.items():
        if count >= MOST_OF_AN_ACCOUNT:
            full |= Q(project__user=user)
    for (project, webhook), count in of_webhooks.items():
        if count >= MOST_OF_A_WEBHOOK:
            full |= Q(project=project, webhook=webhook)
    return full
