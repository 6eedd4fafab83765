"""Neuro without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.live_server import Account
from e2e.pages import sign_in

pytestmark = pytest.mark.browser

# Between a dialog's last control and its first, the browser's own bar has its turn.
STRAYED = """
() => document.activeElement !== document.body
  && !document.activeElement.closest("dialog")
"""


def test_it_skips_to_the_content(page: Page) -> None:
    page.goto("/models/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Search")).to_be_focused()


def assert_it_keeps_the_focus(page: Page, tabs: int) -> None:
    """The open dialog does, however often one goes on; then it is closed."""
    for _ in range(tabs):
        page.keyboard.press("Tab")
        assert not page.evaluate(STRAYED)
    page.keyboard.press("Escape")


def test_it_stays_in_a_question_and_goes_back_where_it_was(
    page: Page, premium: Account
) -> None:
    sign_in(page, premium)
    asks = page.get_by_role("button", name=re.compile("^Revoke")).first
    asks.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    assert_it_keeps_the_focus(page, tabs=4)
    expect(asks).to_be_focused()


def test_it_stays_in_the_programs_and_goes_back_where_it_was(
    page: Page, premium: Account
) -> None:
    sign_in(page, premium)
    page.goto("/playground/?model=neo-tiny")
    opens = page.get_by_role("link", name="View code")
    opens.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    assert_it_keeps_the_focus(page, tabs=8)
    expect(opens).to_be_focused()


def test_it_walks_the_tabs_with_arrows(page: Page) -> None:
    page.goto("/models/neo-tiny")
    first, second = (page.get_by_role("tab").nth(number) for number in (0, 1))
    first.press("ArrowRight")
    expect(second).to_be_focused()
    expect(second).to_have_attribute("aria-selected", "true")
    second.press("End")
    expect(page.get_by_role("tab").last).to_be_focused()
