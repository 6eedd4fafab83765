"""Predictions that outlive their request: create, find, cancel.

`create` lets a call into the queue: it checks all that `services.admit` checks but
readiness and the limits that fill up. Those are looked at when a worker begins to run
it, which is when the most that it could use is reserved; a prediction that waits holds
nothing, and one that a limit refuses goes on waiting. See docs/architecture.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Value
from django.utils import timezone

from accounts import quota
from accounts.models import Project, User
from accounts.prepared import INTEGER, Given, PreparedRows, insert
from models_app import refusals
from models_app.asynchronous.finishing import finish
from models_app.asynchronous.models import (
    AsyncPrediction,
    AsyncPredictionQuerySet,
    AsyncStatus,
)
from models_app.asynchronous.running import run_prediction
from models_app.asynchronous.stored import write_call
from models_app.backends import get_backend
from models_app.calls import Caller, understand
from models_app.errors import Overloaded, PredictionNotFound, QueueFull
from models_app.parameters import parse
from models_app.prompts import DEFAULT_NEW_TOKENS
from models_app.services import enter
from models_app.tasks import queue

RETRY_SECONDS = 5

_lock = PreparedRows(
    lambda: (
        User.objects.select_for_update()
        .filter(pk=Given("user", INTEGER))
        .values_list("pk")
    )
)
# How many there are of an account, and of all.
_unfinished = PreparedRows(
    lambda: (
        AsyncPrediction.objects.unfinished()
        .order_by()
        # Grouped by a constant, all are one group.
        .values(all=Value(1))
        .annotate(mine=Count("pk", filter=Q(user=Given("user", INTEGER))))
        .values_list("mine", Count("pk"))
    )
)


@refusals.noted
def create(
    *,
    caller: Caller,
    language_model: str,
    prompts: Sequence[object],
    parameters: Mapping[str, object],
    cancel_after: datetime.timedelta | None = None,
    webhook: Any = None,
    default_new_tokens: int = DEFAULT_NEW_TOKENS,
) -> AsyncPrediction:
    """Put a call into the queue, or raise the `ApplicationError` that says why not.

    `cancel_after` counts from now. `webhook` is kept as it is for `AFTER_END`.
    """
    entry = enter(caller, language_model)
    parsed = parse(parameters)
    get_backend().require_installed(entry.slug)
    call = understand(
        caller, entry, prompts, parsed, default_new_tokens=default_new_tokens
    )
    quota.require_possible(caller.user, caller.api_token, call.most_tokens)
    row = AsyncPrediction(
        user=caller.user,
        project=caller.project,
        api_token=caller.api_token,
        language_model=entry,
        source=caller.source,
        **write_call(prompts, {**parameters, "seed": parsed.seed}),
        default_new_tokens=default_new_tokens,
        prompt_tokens=call.prompt_tokens,
        cancel_at=timezone.now() + cancel_after if cancel_after else None,
        webhook=webhook,
    )
    _enqueue(row)
    return row


def find(project: Project, public_id: str) -> AsyncPrediction:
    """One of the project's; raises `PredictionNotFound`."""
    found = of_project(project).filter(public_id=public_id).first()
    if found is None:
        raise PredictionNotFound
    _abort_if_late(found)
    return found


def of_project(project: Project) -> AsyncPredictionQuerySet:
    """All of the project's, the newest first."""
    return AsyncPrediction.objects.filter(project=project).select_related(
        "project", "language_model"
    )


def queue_position(prediction: AsyncPrediction) -> int | None:
    """1 if it is the next to begin; None if it has begun, and while it waits for a
    limit or an engine rather than for its turn."""
    if prediction.status != AsyncStatus.STARTING or prediction.task_id is None:
        return None
    return queue.position(prediction.task_id)


def cancel(prediction: AsyncPrediction) -> AsyncPrediction:
    """End it now if it waits, and within a moment if it runs; as it is afterwards."""
    cancel_all(Q(pk=prediction.pk))
    prediction.read_anew()
    return prediction


def cancel_all(those: Q) -> None:
    """Cancel what waits or runs of those predictions."""
    unfinished = AsyncPrediction.objects.unfinished().filter(those)
    unfinished.filter(cancel_requested_at=None).update(
        cancel_requested_at=timezone.now()
    )
    for prediction in unfinished.filter(status=AsyncStatus.STARTING):
        finish(prediction, AsyncStatus.CANCELED, among=(AsyncStatus.STARTING,))


@transaction.atomic
def _enqueue(prediction: AsyncPrediction) -> None:
    _require_room(prediction.user)
    task = run_prediction.using(priority=prediction.user.limits.priority)
    prediction.task_id = task.enqueue(prediction.public_id).id
    insert(prediction)
    queue.wake_on_commit()


def _require_room(user: User) -> None:
    """Callers at the same moment wait for each other here, so none slips past."""
    _lock.fetch(user=user.pk)
    mine, of_all = next(iter(_unfinished.fetch(user=user.pk)), (0, 0))
    most = user.limits.queued_predictions
    if mine >= most:
        raise QueueFull(
            f"{most:,} asynchronous predictions of your account, which is as many as "
            f"your {user.get_tier_display()} tier queues, wait or run already.",
            retry_after=RETRY_SECONDS,
        )
    if of_all >= settings.QUEUED_PREDICTIONS:
        raise Overloaded(retry_after=RETRY_SECONDS)


def _abort_if_late(prediction: AsyncPrediction) -> None:
    waits = (AsyncStatus.STARTING,)
    is_late = prediction.status == AsyncStatus.STARTING and prediction.is_late
    if is_late and not finish(prediction, AsyncStatus.ABORTED, among=waits):
        prediction.read_anew()
