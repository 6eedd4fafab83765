"""API tokens and tiers as a person meets them: in the browser, then from code."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page

from e2e.live_server import LiveServer
from e2e.pages import sign_in
from e2e.programs import PATIENCE

pytestmark = pytest.mark.browser


def me(server: LiveServer, api_token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api_token}"}
    return httpx.get(server.url("/api/v1/me"), headers=headers, timeout=PATIENCE)


def shown_api_token(page: Page) -> str:
    shown = page.locator("#new-api-token")
    shown.wait_for()
    return shown.inner_text()


def test_it_creates_rotates_and_revokes_an_api_token(
    server: LiveServer, page: Page
) -> None:
    sign_in(page, server.create_account("tokens-browser", "developer"))
    page.get_by_label("Name of a new API token").fill("evaluation")
    page.get_by_text("More choices").click()
    page.get_by_label("Read usage").check()
    page.get_by_label("Expires after").select_option("30 days")
    page.get_by_label("Requests a minute").fill("7")
    page.get_by_role("button", name="Create API token").click()
    first = shown_api_token(page)

    answer = me(server, first).json()
    assert answer["api_token"]["scopes"] == ["predict", "read:usage"]
    assert answer["api_token"]["limits"] == {"requests_per_minute": 7}

    page.goto("/dashboard/")
    page.get_by_role("button", name="Rotate evaluation").click()
    dialog = page.get_by_role("dialog", name="Rotate “evaluation”?")
    dialog.get_by_label("The old value ends").select_option("After an hour")
    dialog.get_by_role("button", name="Rotate it").click()
    second = shown_api_token(page)

    assert me(server, second).json()["api_token"]["id"] == answer["api_token"]["id"]
    assert me(server, first).status_code == 200

    page.goto("/dashboard/")
    page.get_by_role("button", name="Revoke evaluation").click()
    dialog = page.get_by_role("dialog", name="Revoke “evaluation”?")
    dialog.get_by_role("button", name="Revoke it").click()
    page.get_by_text("is revoked and refused from now on").wait_for()
    assert {me(server, one).status_code for one in (first, second)} == {401}


def test_it_goes_up_at_once_and_down_after_saying_what_stops(
    server: LiveServer, page: Page
) -> None:
    account = server.create_account("tiers-browser", "free")
    sign_in(page, account)
    page.goto("/tiers/")
    page.get_by_role("button", name="Upgrade to Premium").click()
    page.get_by_text("You are on Premium now.").wait_for()
    limits = me(server, account.api_token).json()["limits"]
    assert limits[0]["allowed"] == 600

    page.get_by_role("link", name="Downgrade to Free").click()
    page.get_by_role("heading", name="Models that close to you").wait_for()
    page.get_by_text("Requests a minute: 10 instead of 600").wait_for()
    page.get_by_role("link", name="Stay on Premium").click()
    page.get_by_role("link", name="Downgrade to Free").click()
    page.get_by_role("button", name="Downgrade to Free").click()
    page.get_by_text("You are on Free now.").wait_for()
    assert me(server, account.api_token).json()["tier"] == "free"
