"""From a visitor to the first text, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from e2e.live_server import LiveServer

pytestmark = pytest.mark.browser

EMAIL = "newcomer@example.org"
PASSWORD = "a pass phrase of one's own"


def sign_up(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create account").first.click()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Create account").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def upgrade(page: Page) -> None:
    page.get_by_role("link", name="Compare the tiers").first.click()
    page.get_by_role("button", name="Upgrade to Premium").click()


def create_api_token(page: Page) -> str:
    page.get_by_label("Name").fill("first script")
    page.get_by_role("button", name="Create API token").click()
    return page.locator("#new-api-token").inner_text()


def test_it_leads_from_sign_up_to_generated_text(
    page: Page, server: LiveServer
) -> None:
    sign_up(page)
    expect(page).to_have_url(server.url("/dashboard/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Neuro")

    upgrade(page)
    expect(page.get_by_role("main")).to_contain_text("Premium")

    page.goto("/dashboard/")
    plaintext = create_api_token(page)
    assert plaintext.startswith("nro_")
    page.locator('[data-copy="#new-api-token"]').click()
    assert page.evaluate("navigator.clipboard.readText()") == plaintext
    expect(page.locator("#npu-code")).to_contain_text(plaintext)
    page.reload()
    expect(page.locator("#new-api-token")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("first script")

    page.goto("/models/")
    page.get_by_role("link", name="Neo-Tiny").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Neo-Tiny")
    expect(page.locator("#curl-code")).to_contain_text(server.address)

    page.goto("/playground/?model=neo-tiny")
    page.get_by_label("Text", exact=True).fill("When I visit Bath I will")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("[data-outcome]")).to_contain_text("length", ignore_case=True)
    assert len(page.get_by_label("Text", exact=True).input_value()) > 40
