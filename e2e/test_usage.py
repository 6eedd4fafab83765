"""Usage as its owner meets it: charts, tables and the request log, in the browser."""

from __future__ import annotations

import csv
import datetime
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.live_server import Account, LiveServer
from e2e.pages import has_no_sideways_scroll, sign_in
from e2e.programs import PATIENCE, wait_until

pytestmark = pytest.mark.browser

PREDICTIONS = 2
TOO_MANY_PROMPTS = 1000
# What was refused is written a little later.


@dataclass(frozen=True, slots=True)
class Busy:
    account: Account
    tokens: int
    last_id: str


def call(server: LiveServer, account: Account, prompts: int = 1) -> httpx.Response:
    return httpx.post(
        server.url("/api/v1/models/neo-tiny/predict"),
        json={"inputs": ["It was"] * prompts, "parameters": {"max_new_tokens": 8}},
        headers=account.headers,
        timeout=60,
    )


@pytest.fixture(scope="module")
def busy(server: LiveServer) -> Busy:
    """Somebody who made two predictions and was refused three times."""
    account = server.create_account("usage-busy", "developer")
    made = [call(server, account).json() for _ in range(PREDICTIONS)]
    for _ in range(3):
        refused = call(server, account, TOO_MANY_PROMPTS)
        assert refused.json()["error"]["code"] == "tier_limit_exceeded"
    tokens = sum(one["charged_tokens"] for one in made)
    return Busy(account, tokens, made[-1]["id"])


def row_of(page: Page, name: str) -> Locator:
    header = page.get_by_role("rowheader", name=name, exact=True)
    return page.get_by_role("row").filter(has=header)


def download(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as started:
        page.get_by_role("link", name="Download CSV").click()
    with Path(started.value.path()).open(newline="") as file:
        return list(csv.DictReader(file))


def test_it_says_where_usage_will_be(server: LiveServer, page: Page) -> None:
    sign_in(page, server.create_account("usage-empty", "free"))
    page.goto("/usage/")
    page.get_by_role("heading", name="No usage in these days").wait_for()
    page.get_by_role("link", name="Request log").click()
    page.get_by_role("heading", name="No requests in these days").wait_for()


def test_it_tells_days_models_projects_api_tokens_and_sources(
    busy: Busy, page: Page
) -> None:
    sign_in(page, busy.account)
    page.goto("/usage/")

    today = datetime.datetime.now(datetime.UTC).strftime("%-d %b %Y")
    for label, said in (
        ("Tokens", f"{today}: {busy.tokens} tokens"),
        ("Requests", f"{today}: {PREDICTIONS} requests"),
    ):
        chart = page.get_by_role("img", name=re.compile(f"^{label} by day"))
        expect(chart.locator("title", has_text=said)).to_have_count(1)
    for name in ("Neo-Tiny", "Default", "test", "API"):
        cells = row_of(page, name).get_by_role("cell")
        expect(cells).to_have_text([str(PREDICTIONS), str(busy.tokens)])
    cells = row_of(page, today).get_by_role("cell")
    expect(cells.first).to_have_text(str(PREDICTIONS))
    expect(cells.last).to_have_text(str(busy.tokens))

    (line,) = download(page)
    assert (line["api_token"], line["source"]) == ("test", "api")
    assert line["charged_tokens"] == str(busy.tokens)

    page.set_viewport_size({"width": 390, "height": 844})
    assert has_no_sideways_scroll(page)
    days = page.get_by_role("region", name="Usage by day, as a table")
    assert days.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_its_filters_stand_in_the_address(busy: Busy, page: Page) -> None:
    sign_in(page, busy.account)
    page.goto("/usage/")
    page.get_by_label("Days").select_option("A year")
    page.get_by_label("Source").select_option("API")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**days=366**source=api**")
    chart = page.get_by_role("img", name=re.compile("^Tokens by day"))
    expect(chart.locator("title")).to_have_count(366)
    page.reload()
    expect(page.get_by_label("Days")).to_have_value("366")
    expect(page.get_by_label("Source")).to_have_value("api")

    page.get_by_label("Source").select_option("Playground")
    page.get_by_role("button", name="Show").press("Enter")
    page.get_by_role("heading", name="Nothing like that was used").wait_for()
    page.go_back()
    expect(page.get_by_label("Source")).to_have_value("api")
    expect(chart.locator("title")).to_have_count(366)
    page.get_by_role("link", name="Reset").click()
    expect(page.get_by_label("Days")).to_have_value("30")


def test_its_log_folds_its_filters_where_the_screen_is_narrow(
    busy: Busy, page: Page
) -> None:
    sign_in(page, busy.account)
    page.goto("/usage/requests/")
    status, fold = page.get_by_label("Status"), page.locator("summary", has_text="Filt")
    expect(status).to_be_visible()
    expect(fold).to_be_hidden()

    page.set_viewport_size({"width": 390, "height": 844})
    expect(status).to_be_hidden()
    fold.focus()
    page.keyboard.press("Enter")
    status.select_option("Succeeded")
    page.get_by_role("button", name="Filter", exact=True).press("Enter")
    page.wait_for_url("**status=succeeded**")
    expect(fold).to_have_text("Filters (1 in use)")
    expect(status).to_be_visible()


def test_its_log_leads_to_each_prediction(busy: Busy, page: Page) -> None:
    sign_in(page, busy.account)
    page.goto("/usage/requests/?status=succeeded")
    link = page.locator(f"a[href='/usage/requests/{busy.last_id}/']")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{busy.last_id}/")
    page.get_by_role("heading", name="What it took").wait_for()
    page.go_back()
    assert busy.last_id in {line["id"] for line in download(page)}


def test_its_log_tells_which_limit_refused_calls(busy: Busy, page: Page) -> None:
    sign_in(page, busy.account)
    refused = page.get_by_role("row").filter(has_text="Refused")

    def is_written() -> bool:
        page.goto("/usage/requests/")
        return refused.count() > 0

    wait_until(is_written, what="the refusals are written", seconds=PATIENCE)
    refused.first.get_by_role("link", name="Prompts in one call").click()
    page.wait_for_url("**limit=prompts_per_call**")
    assert page.get_by_role("row").count() == refused.count() + 1
    calls = sum(int(line["calls"]) for line in download(page))
    assert calls == 3
    refused.first.get_by_role("link", name="Compare tiers").click()
    page.wait_for_url("**/tiers/")
    page.goto("/usage/")
    expect(page.locator("dd").filter(has_text=re.compile("^3$"))).to_have_count(1)
