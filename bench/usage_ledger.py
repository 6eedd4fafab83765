"""A year of a busy account, for `bench.usage` to ask about."""

from __future__ import annotations

import datetime
import importlib
import itertools
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import ApiToken, User
    from models_app.models import PredictionRecord, Refusal

API_TOKENS = 4
MODELS = 3
DAYS = 365
BATCH = 5000
A_MINUTE = datetime.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class BusyAccount:
    user: User
    api_tokens: list[ApiToken]
    reader: str


def fill(predictions: int) -> BusyAccount:
    """Write that many predictions, evenly over the year and at random otherwise, and
    refused calls for every minute of as long as those are kept."""
    from models_app.models import PredictionRecord, Refusal  # noqa: PLC0415

    account = _register()
    records = _records(account, predictions)
    # It would be the moment of filling otherwise.
    PredictionRecord._meta.get_field("created_at").auto_now_add = False
    while batch := list(itertools.islice(records, BATCH)):
        PredictionRecord.objects.bulk_create(batch)
    Refusal.objects.bulk_create(_refusals(account), batch_size=BATCH)
    return account


def count_hours() -> int:
    """Count the ledger as the migration does; how many rows of hours that makes."""
    from django.apps import apps  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from models_app.models import UsageHour  # noqa: PLC0415

    migration = importlib.import_module("models_app.migrations.0004_count_usage_hours")
    migration.count_what_has_ended(apps, None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return UsageHour.objects.count()


def _register() -> BusyAccount:
    from accounts.api_tokens import issue_api_token  # noqa: PLC0415
    from accounts.models import Scope  # noqa: PLC0415
    from accounts.services import register_user  # noqa: PLC0415
    from accounts.tiers import Tier  # noqa: PLC0415
    from accounts.token_options import TokenOptions  # noqa: PLC0415

    user = register_user(
        email="busy@example.org", password=secrets.token_hex(), tier=Tier.PREMIUM
    )
    project = user.default_project
    api_tokens = [
        issue_api_token(project=project, name=f"number {number}")[0]
        for number in range(API_TOKENS)
    ]
    options = TokenOptions(scopes=[Scope.READ_USAGE])
    _, reader = issue_api_token(project=project, name="reader", options=options)
    return BusyAccount(user, api_tokens, reader)


def _records(account: BusyAccount, predictions: int) -> Iterator[PredictionRecord]:
    from models_app.models import LanguageModel, PredictionRecord  # noqa: PLC0415

    chance = random.Random(1)
    project = account.user.default_project
    models = list(LanguageModel.objects.all()[:MODELS])
    step = datetime.timedelta(days=DAYS) / predictions
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=DAYS)
    for number in range(predictions):
        api_token = chance.choice([*account.api_tokens, None])
        tokens = chance.randint(1, 500)
        yield PredictionRecord(
            user=account.user,
            project=project,
            api_token=api_token,
            language_model=chance.choice(models),
            source="api" if api_token else "playground",
            status=chance.choices(["succeeded", "aborted", "failed"], [95, 4, 1])[0],
            prompts=1,
            prompt_tokens=tokens,
            completion_tokens=tokens,
            charged_tokens=2 * tokens,
            seed=number,
            queue_ms=chance.random() * 50,
            ttft_ms=50.0,
            duration_ms=chance.random() * 5000,
            created_at=start + number * step,
        )


def _refusals(account: BusyAccount) -> Iterator[Refusal]:
    from models_app.models import LanguageModel, Refusal  # noqa: PLC0415
    from models_app.refusals import KEPT  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0)
    project, language_model = (
        account.user.default_project,
        LanguageModel.objects.all()[0],
    )
    for minutes in range(KEPT // A_MINUTE):
        yield Refusal(
            user=account.user,
            minute=now - minutes * A_MINUTE,
            project=project,
            language_model=language_model,
            api_token=account.api_tokens[0].public_id,
            source="api",
            limit="requests_per_minute",
            set_by="tier",
            error_code="rate_limit_exceeded",
            calls=1000,
        )
