"""What holds on SQLite and in memory holds on PostgreSQL and Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from e2e.live_server import ROOT, Account, LiveServer, start_live_server

SPECIFICATIONS = (
    "models_app/tests/test_api.py",
    "models_app/tests/test_asynchronous_api.py",
    "models_app/tests/test_asynchronous_creation.py",
    "models_app/tests/test_asynchronous_ends.py",
    "models_app/tests/test_asynchronous_runs.py",
    "models_app/tests/test_claiming.py",
    "models_app/tests/test_idempotency_concurrency.py",
    "models_app/tests/test_interrupted.py",
    "models_app/tests/test_npu.py",
    "models_app/tests/test_services.py",
    "models_app/tests/test_sync.py",
    "models_app/tests/test_tasks.py",
    "models_app/tests/test_texts.py",
    "models_app/tests/test_unstorable.py",
    "models_app/tests/test_usage_api.py",
    "models_app/tests/test_usage_page.py",
    "models_app/tests/test_request_log.py",
    "models_app/tests/test_refusals.py",
    "models_app/tests/test_webhook_sharing.py",
)
FREE_REQUESTS_PER_MINUTE = 10


@pytest.mark.slow
def test_it_predicts_alike_on_both(postgresql_url: str, redis_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *SPECIFICATIONS],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": postgresql_url, "REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout


@pytest.fixture(scope="module")
def large_server(
    postgresql_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    with start_live_server(
        tmp_path_factory.mktemp("large"),
        DATABASE_URL=postgresql_url,
        # A database of its own: other tests leave counts in the first.
        REDIS_URL=redis_url.replace("db=0", "db=1"),
    ) as server:
        server.wait_until_ready()
        yield server


def predict(server: LiveServer, account: Account) -> httpx.Response:
    return httpx.post(
        server.url("/api/v1/models/neo-tiny/predict"),
        json={"inputs": "It was", "parameters": {"max_new_tokens": 8}},
        headers=account.headers,
        timeout=60,
    )


def test_it_serves_callers_at_once(large_server: LiveServer) -> None:
    account = large_server.create_account("paula", "premium")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: predict(large_server, account), range(16)))

    assert {answer.status_code for answer in answers} == {httpx.codes.OK}


def test_it_shares_engine_and_rate_limit_with_a_second_web_process(
    large_server: LiveServer,
) -> None:
    account = large_server.create_account("frank", "free")

    with start_live_server(large_server.data_dir, **large_server.environment) as second:
        second.wait_until_ready()
        servers = [large_server, second] * FREE_REQUESTS_PER_MINUTE
        statuses = [predict(server, account).status_code for server in servers]
        assert second.children() == []

    assert statuses.count(httpx.codes.OK) == FREE_REQUESTS_PER_MINUTE
    assert set(statuses) == {httpx.codes.OK, httpx.codes.TOO_MANY_REQUESTS}
