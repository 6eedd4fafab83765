"""Who runs out of the day's tokens hears of it in time: on the dashboard and by mail."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.live_server import Account, LiveServer, start_live_server
from e2e.mail_server import MailServer, start_mail_server
from e2e.pages import sign_in
from e2e.programs import PATIENCE, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NEW_TOKENS = 8
CALLS = 10


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with start_mail_server() as mail_server:
        yield mail_server


@pytest.fixture(scope="module")
def server(
    mail_server: MailServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    data_dir = tmp_path_factory.mktemp("mailing")
    with start_live_server(data_dir, **mail_server.environment) as live_server:
        live_server.wait_until_ready()
        yield live_server


def call(server: LiveServer, account: Account) -> httpx.Response:
    parameters = {
        "max_new_tokens": NEW_TOKENS,
        "min_new_tokens": NEW_TOKENS,
        "do_sample": False,
    }
    return httpx.post(
        server.url("/api/v1/models/neo-tiny/predict"),
        json={"inputs": "It was", "parameters": parameters},
        headers=account.headers,
        timeout=60,
    )


def limit_tokens_a_day(server: LiveServer, account: Account, tokens: int) -> None:
    server.manage(
        "shell",
        "-c",
        "from accounts.models import User; "
        f"User.objects.filter(email={account.email!r})"
        f".update(staff_limits={{'tokens_per_day': {tokens}}})",
    )


def test_it_warns_at_80_and_at_100_per_cent_once_a_day(
    server: LiveServer, mail_server: MailServer, page: Page
) -> None:
    account = server.create_account("usage-warned", "premium")
    each = call(server, account).json()["charged_tokens"]
    limit_tokens_a_day(server, account, CALLS * each)
    sign_in(page, account)
    warning = page.get_by_text("Over 80% of today's tokens are used")
    expect(warning).to_have_count(0)
    mail_server.messages.clear()

    for _ in range(CALLS - 3):
        assert call(server, account).is_success
    page.reload()
    expect(warning).to_be_visible()
    assert call(server, account).is_success
    assert call(server, account).is_success
    assert call(server, account).json()["error"]["limit"]["name"] == "tokens_per_day"

    page.reload()
    expect(page.get_by_text("All of today's tokens are used")).to_be_visible()
    wait_until(lambda: len(mail_server.messages) == 2, what="mail", seconds=PATIENCE)
    subjects = [str(message["Subject"]) for message in mail_server.messages]
    assert "80%" in subjects[0]
    assert "used up" in subjects[1]
    assert {str(message["To"]) for message in mail_server.messages} == {account.email}
