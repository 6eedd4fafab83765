"""How fast a year of a busy account opens: `python -m bench.usage`.

Fills a database of its own (beside that of DATABASE_URL, or an SQLite file that is thrown
away), counts it as the migration does, and asks each page several times, through the
whole of Django but the network. Prints one line for each.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import itertools
import os
import random
import secrets
import statistics
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuro_site.test_settings")

if TYPE_CHECKING:
    from accounts.models import User
    from models_app.models import PredictionRecord

PAGES = (
    "/usage/",
    "/usage/?days=366",
    "/usage/?days=366&source=playground",
    "/usage/csv/?days=366",
    "/usage/requests/",
    "/usage/requests/?days=366&status=failed",
)
API_TOKENS = 4
MODELS = 3
DAYS = 365
REPEATS = 5
BATCH = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=int, default=1_000_000)
    predictions: int = parser.parse_args().predictions
    django.setup()
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import (  # noqa: PLC0415
        setup_test_environment,
        teardown_test_environment,
    )

    setup_test_environment()
    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        user = fill(predictions)
        say(f"{connection.vendor}, {predictions:,} predictions in {DAYS} days")
        count(user)
        for page in PAGES:
            ask(user, page)
    finally:
        connection.creation.destroy_test_db(old_name, verbosity=0)
        teardown_test_environment()


def fill(predictions: int) -> User:
    from accounts.services import register_user  # noqa: PLC0415
    from accounts.tiers import Tier  # noqa: PLC0415
    from models_app.models import PredictionRecord  # noqa: PLC0415

    user = register_user(
        email="busy@example.org", password=secrets.token_hex(), tier=Tier.PREMIUM
    )
    records = records_of(user, predictions)
    # It would be the moment of filling otherwise.
    PredictionRecord._meta.get_field("created_at").auto_now_add = False
    while batch := list(itertools.islice(records, BATCH)):
        PredictionRecord.objects.bulk_create(batch)
    return user


def records_of(user: User, predictions: int) -> Iterator[PredictionRecord]:
    """Evenly over the year, and at random over everything else."""
    from accounts.api_tokens import issue_api_token  # noqa: PLC0415
    from models_app.models import LanguageModel, PredictionRecord  # noqa: PLC0415

    chance = random.Random(1)
    project = user.default_project
    api_tokens = [
        issue_api_token(project=project, name=f"number {number}")[0]
        for number in range(API_TOKENS)
    ]
    models = list(LanguageModel.objects.all()[:MODELS])
    step = datetime.timedelta(days=DAYS) / predictions
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=DAYS)
    for number in range(predictions):
        api_token = chance.choice([*api_tokens, None])
        tokens = chance.randint(1, 500)
        yield PredictionRecord(
            user=user,
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


def count(user: User) -> None:
    from django.apps import apps  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from models_app.models import UsageHour  # noqa: PLC0415

    migration = importlib.import_module("models_app.migrations.0004_count_usage_hours")
    started = time.perf_counter()
    migration.count_what_has_ended(apps, None)
    seconds = time.perf_counter() - started
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    say(f"counted once in {seconds:.1f} s: {UsageHour.objects.count():,} rows of hours")


def ask(user: User, page: str) -> None:
    from django.test import Client  # noqa: PLC0415

    client = Client()
    client.force_login(user)
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        response = client.get(page)
        size = len(response.content)
        seconds.append(time.perf_counter() - started)
        if response.status_code != 200:
            raise SystemExit(f"{page} answers {response.status_code}")
    first, median = seconds[0] * 1000, statistics.median(seconds) * 1000
    say(f"{page:45} first {first:5.0f} ms, median {median:5.0f} ms, {size:,} bytes")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
