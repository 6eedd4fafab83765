"""How fast a year of a busy account opens: `python -m bench.usage`.

Fills a database of its own, SQLite or with `--database postgresql` a cluster that it
starts for itself, counts it as the migration does, and asks each page several times,
through the whole of Django but the network. Prints one line for each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
from asgiref.sync import async_to_sync

from bench.usage_ledger import DAYS, BusyAccount, count_hours, fill
from e2e.postgresql import temporary_postgresql

YEAR = "days=366"
LOG = "/usage/requests/"
EVERYTHING = "day,model,project,api_token,source"
# `{api_token}` is one of four; `{middle}` and `{oldest}` are where a page ended.
PAGES = (
    "/dashboard/",
    "/usage/",
    f"/usage/?{YEAR}",
    f"/usage/?{YEAR}&source=playground",
    f"/usage/csv/?{YEAR}",
    f"/api/v1/usage?{YEAR}",
    f"/api/v1/usage?{YEAR}&group_by={EVERYTHING}",
    f"/api/v1/usage?{YEAR}&group_by={EVERYTHING}&format=csv",
    LOG,
    f"{LOG}?{YEAR}&before={{middle}}",
    f"{LOG}?{YEAR}&before={{oldest}}",
    f"{LOG}?{YEAR}&status=failed",
    f"{LOG}?{YEAR}&status=running",
    f"{LOG}?{YEAR}&error=overloaded",
    f"{LOG}?{YEAR}&model=gpt-neo-2.7b",
    f"{LOG}?{YEAR}&api_token={{api_token}}",
    f"{LOG}?{YEAR}&api_token={{reader}}",
    f"{LOG}?{YEAR}&source=npu",
    f"{LOG}?{YEAR}&min_tokens=1000",
    f"{LOG}?{YEAR}&min_tokens=1001",
    f"{LOG}?{YEAR}&min_ms=4999",
    f"{LOG}?{YEAR}&min_ms=9999",
    f"{LOG}?{YEAR}&min_queue_ms=9999",
    f"{LOG}?{YEAR}&limit=requests_per_minute",
    f"{LOG}?{YEAR}&limit=tokens_per_day",
    f"{LOG}?{YEAR}&status=refused",
    f"{LOG}?{YEAR}&status=failed&min_tokens=999&before={{middle}}",
    f"{LOG}csv/?{YEAR}&status=failed",
    f"{LOG}csv/?{YEAR}",
)
REPEATS = 5
# What takes longer is asked once.
LONG_SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite"
    )
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuro_site.test_settings")
    with _database(options.database):
        django.setup()
        with _test_database():
            bench(options.predictions)


def bench(predictions: int) -> None:
    from django.db import connection  # noqa: PLC0415

    started = time.perf_counter()
    account = fill(predictions)
    filled = time.perf_counter()
    rows = count_hours()
    counted = time.perf_counter()
    say(f"{connection.vendor}, {predictions:,} predictions in {DAYS} days")
    say(f"filled in {filled - started:.1f} s")
    say(f"counted in {counted - filled:.1f} s: {rows:,} rows of hours")
    places = _places(account, predictions)
    for page in PAGES:
        ask(account, page.format_map(places))


def ask(account: BusyAccount, page: str) -> None:
    from django.test import Client  # noqa: PLC0415

    client = Client()
    client.force_login(account.user)
    headers = {"authorization": f"Bearer {account.reader}"} if "/api/" in page else {}
    timings = Timings()
    while len(timings.whole) < REPEATS and sum(timings.whole) < LONG_SECONDS:
        started = time.perf_counter()
        response = client.get(page, headers=headers)
        if response.status_code != 200:
            raise SystemExit(f"{page} answers {response.status_code}")
        timings.take(response, started)
    say(f"{page:75} {timings}")


@dataclass(slots=True)
class Timings:
    """Seconds until the first byte of the body and until the last."""

    first_byte: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    size: int = 0

    def take(self, response: Any, started: float) -> None:
        moments, self.size = _read(response)
        self.first_byte.append(moments[0] - started)
        self.whole.append(moments[-1] - started)

    def __str__(self) -> str:
        first, median = self.whole[0] * 1000, statistics.median(self.whole) * 1000
        begun = statistics.median(self.first_byte) * 1000
        return (
            f"first {first:6.0f} ms, median {median:6.0f} ms, "
            f"first byte {begun:5.0f} ms, {self.size:,} bytes"
        )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _read(response: Any) -> tuple[list[float], int]:
    """When each part of the body was there, and how many bytes they are together."""
    if response.streaming:
        return async_to_sync(_read_stream)(response)
    return [time.perf_counter()], len(response.content)


async def _read_stream(response: Any) -> tuple[list[float], int]:
    moments, size = [], 0
    async for chunk in response.streaming_content:
        moments.append(time.perf_counter())
        size += len(chunk)
    return moments, size


def _places(account: BusyAccount, predictions: int) -> dict[str, str]:
    from models_app.models import PredictionRecord  # noqa: PLC0415

    records = PredictionRecord.objects.order_by("pk")
    return {
        "api_token": account.api_tokens[0].public_id,
        "reader": account.user.default_project.api_tokens.get(name="reader").public_id,
        "middle": records[predictions // 2].public_id,
        "oldest": records[100].public_id,
    }


@contextmanager
def _postgresql() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="neuro-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with temporary_postgresql(folder) as url:
            os.environ["DATABASE_URL"] = url
            yield


def _database(name: str) -> AbstractContextManager[None]:
    return _postgresql() if name == "postgresql" else nullcontext()


@contextmanager
def _test_database() -> Iterator[None]:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import (  # noqa: PLC0415
        setup_test_environment,
        teardown_test_environment,
    )

    setup_test_environment()
    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(old_name, verbosity=0)
        teardown_test_environment()


if __name__ == "__main__":
    main()
