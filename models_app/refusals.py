"""Calls that a limit refused: counted in memory, and written a little later.

Nothing holds back how many of them come, so none may cost much: a refused call adds one
to a number, and every few seconds one thread writes the numbers down. A row stands for
all calls of a minute that were refused alike, and an account has but a few of them in a
minute and none for longer than `KEPT`; the usage of the hour counts them for good.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import F
from django.utils import timezone

from accounts.errors import RefusedByLimit
from accounts.limits import limit_of_account
from accounts.models import User
from models_app import usage_hours
from models_app.models import LanguageModel, Refusal

if TYPE_CHECKING:
    from models_app.services import Caller

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

ROWS_PER_MINUTE = 10
KEPT = datetime.timedelta(days=30)
# One in so many new rows looks for those that are too old.
SWEEP_EVERY = 64


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class RefusedAlike:
    """What the calls behind one row share."""

    user_id: int
    minute: datetime.datetime
    project_id: int
    language_model_id: int
    api_token: str
    source: str
    limit: str
    set_by: str
    error_code: str

    @property
    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class RefusalLog:
    """The refused calls of this process that are not yet written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[RefusedAlike] = Counter()
        self._timer: threading.Timer | None = None

    def note(self, call: RefusedAlike) -> None:
        delay: float = settings.REFUSALS_WRITTEN_AFTER_SECONDS
        with self._lock:
            self._calls[call] += 1
            if delay and self._timer is None:
                # No daemon: a process that ends waits for it, and nothing is lost.
                self._timer = threading.Timer(delay, self._write_in_thread)
                self._timer.start()
        if not delay:
            self.write()

    def write(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, Counter()
            self._timer = None
        write(calls)

    def _write_in_thread(self) -> None:
        try:
            self.write()
        finally:
            connections.close_all()


_log = RefusalLog()


def noted(admit: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Note what a limit refuses, and let it be refused. `admit` is called with keywords,
    of which `caller` and `language_model` say whose call it is and of what."""

    @functools.wraps(admit)
    def admit_or_note(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return admit(*args, **kwargs)
        except RefusedByLimit as refusal:
            reference = cast("str", kwargs["language_model"])
            _note(cast("Caller", kwargs["caller"]), reference, refusal)
            raise

    return admit_or_note


def _note(caller: Caller, reference: str, refusal: RefusedByLimit) -> None:
    api_token = caller.api_token
    _log.note(
        RefusedAlike(
            user_id=caller.user.pk,
            minute=timezone.now().replace(second=0, microsecond=0),
            project_id=caller.project.pk,
            language_model_id=LanguageModel.objects.resolve(reference).pk,
            api_token=api_token.public_id if api_token else "",
            source=caller.source,
            limit=refusal.limit,
            set_by=refusal.set_by or _set_by(caller.user, refusal.limit),
            error_code=refusal.code,
        )
    )


def write(calls: Mapping[RefusedAlike, int]) -> None:
    """Add them to their rows and hours, each account's in a transaction."""
    for user_id, alike in itertools.groupby(sorted(calls), lambda one: one.user_id):
        try:
            with transaction.atomic():
                _write_of(user_id, {one: calls[one] for one in alike})
        except DatabaseError:
            logger.exception("refused calls of account %s are not written", user_id)


def _write_of(user_id: int, calls: Mapping[RefusedAlike, int]) -> None:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    for call, number in calls.items():
        if _add(call, number):
            usage_hours.count_refused(user, call, number)


def _add(call: RefusedAlike, number: int) -> bool:
    """Whether there is a row for it, or still room for one."""
    row = Refusal.objects.filter(**call.row)
    if row.update(calls=F("calls") + number):
        return True
    of_minute = Refusal.objects.filter(user=call.user_id, minute=call.minute)
    if of_minute.count() >= ROWS_PER_MINUTE:
        return False
    Refusal.objects.bulk_create([Refusal(**call.row)], ignore_conflicts=True)
    row.update(calls=F("calls") + number)
    if row.get().pk % SWEEP_EVERY == 0:
        Refusal.objects.filter(minute__lt=timezone.now() - KEPT).delete()
    return True


def _set_by(user: User, limit: str) -> str:
    return limit_of_account(user, limit).set_by
