"""The page of the APIs, in a browser: a call is tried as who is signed in."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from e2e.accessibility import CONTRAST, violations
from e2e.live_server import Account, LiveServer
from e2e.pages import sign_in

pytestmark = pytest.mark.browser


# Swagger UI puts the link to an operation into the button that unfolds it.
OF_A_LIBRARY = ("nested-interactive",)


def operation(page: Page, name: str) -> Locator:
    """Opened; `name` is the operation's id."""
    block = page.locator(f"[id$='-{name}']")
    block.locator(".opblock-summary-control").click()
    return block


def test_it_tries_a_call_from_the_session(
    page: Page, server: LiveServer, premium: Account
) -> None:
    sign_in(page, premium)
    page.goto("/api/docs/")

    page.get_by_role("button", name=f"Try it as {premium.email}").click()
    expect(page.get_by_text("for an hour")).to_be_visible()
    block = operation(page, "predict")
    block.get_by_role("button", name="Execute").click()

    answer = block.locator(".live-responses-table")
    expect(answer).to_contain_text("charged_tokens")
    expect(answer).to_contain_text("x-ratelimit-remaining-tokens")
    assert server.newest_prediction()["status"] == "succeeded"


def test_it_tells_a_visitor_how_to_try(page: Page, console_errors: list[str]) -> None:
    page.goto("/api/docs/")

    expect(page.get_by_text("press Authorize and paste an API token")).to_be_visible()
    block = operation(page, "me")
    block.get_by_role("button", name="Execute").click()

    expect(block.locator(".live-responses-table")).to_contain_text("missing_api_token")
    assert any("401" in line for line in console_errors)
    console_errors.clear()


def test_it_can_be_read_and_touched_on_a_phone(examined_page: Page) -> None:
    examined_page.set_viewport_size({"width": 390, "height": 844})
    examined_page.goto("/api/docs/")
    block = operation(examined_page, "me")
    expect(block.locator(".responses-table")).to_be_visible()

    assert violations(examined_page, (*CONTRAST, "target-size")) == []
    examined_page.emulate_media(color_scheme="dark")
    expect(examined_page.locator("html.dark-mode")).to_be_attached()
    examined_page.wait_for_function("document.getAnimations().length === 0")
    assert violations(examined_page, CONTRAST) == []


def test_it_shuts_nobody_out_of_trying(examined_page: Page, premium: Account) -> None:
    sign_in(examined_page, premium)
    examined_page.goto("/api/docs/")
    examined_page.get_by_role("button", name="Try it as").click()
    expect(examined_page.get_by_text("for an hour")).to_be_visible()
    block = operation(examined_page, "predict")
    block.get_by_label("Body of the request").fill('{"inputs": "It was"}')
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table")).to_be_visible()
    assert violations(examined_page, excused=OF_A_LIBRARY) == []

    examined_page.get_by_role("button", name="Authorize").first.click()
    expect(examined_page.locator(".modal-ux")).to_be_visible()
    assert violations(examined_page, excused=(*OF_A_LIBRARY, "heading-order")) == []
    examined_page.get_by_role("button", name="Close").first.click()
    expect(examined_page.locator(".modal-ux")).to_be_hidden()
    uploads = operation(examined_page, "create_batch")
    expect(uploads.get_by_label("File", exact=True)).to_be_visible()


def test_it_says_that_it_waits_and_that_it_waited_in_vain(examined_page: Page) -> None:
    held: list[Route] = []
    examined_page.route("**/api/schema/", lambda route: held.append(route))
    examined_page.goto("/api/docs/")
    page = examined_page.locator("#api-docs")

    expect(page).to_have_text("Reading the document …")
    held.pop().abort()
    expect(page).to_have_text("The document did not arrive. Load the page again.")
    assert violations(examined_page) == []
