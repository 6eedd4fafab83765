"""The playground in a real browser: streaming, Stop, keyboard, a phone, no JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e.live_server import Account, LiveServer
from e2e.pages import has_no_sideways_scroll, sign_in

pytestmark = pytest.mark.browser

PROMPT = "It was a dark evening in November, and"
# More than any other request beside it.
LONG = "1000"


@pytest.fixture
def playground(page: Page, premium: Account) -> Page:
    sign_in(page, premium)
    open_playground(page)
    return page


def open_playground(page: Page) -> None:
    page.goto("/playground/?model=neo-tiny")
    longest_completion(page).fill(LONG)
    text(page).fill(PROMPT)


def text(page: Page) -> Locator:
    return page.get_by_label("Text", exact=True)


def longest_completion(page: Page) -> Locator:
    return page.get_by_role("spinbutton", name="Longest completion")


def grown_text(page: Page, *, beyond: str) -> str:
    """The text as soon as it is longer than `beyond`."""
    page.wait_for_function(
        "length => document.querySelector('#prompt').value.length > length",
        arg=len(beyond),
    )
    return text(page).input_value()


def assert_it_stopped(
    page: Page, server: LiveServer, *, at_least: str, leaving: int
) -> None:
    expect(page.locator("#playground")).to_have_attribute("data-state", "idle")
    expect(page.locator("[data-outcome]")).to_contain_text("Stopped by you")
    assert text(page).input_value().startswith(at_least)
    server.wait_until_running(leaving)
    row = server.newest_prediction()
    assert (row["source"], row["status"]) == ("playground", "aborted")
    assert 0 < row["completion_tokens"] < int(LONG)


def test_it_streams_words_until_stop_and_keeps_them(
    playground: Page, server: LiveServer, crowd: int
) -> None:
    playground.get_by_role("button", name="Run").click()

    first = grown_text(playground, beyond=PROMPT)
    second = grown_text(playground, beyond=first)
    third = grown_text(playground, beyond=second)
    assert server.running() == crowd + 1
    playground.get_by_role("button", name="Stop").click()

    assert first.startswith(PROMPT)
    assert second.startswith(first)
    assert_it_stopped(playground, server, at_least=third, leaving=crowd)


def test_it_works_by_keyboard(playground: Page, server: LiveServer, crowd: int) -> None:
    text(playground).press("Control+Enter")
    written = grown_text(playground, beyond=PROMPT)
    playground.keyboard.press("Escape")

    assert_it_stopped(playground, server, at_least=written, leaving=crowd)


def test_it_ends_the_work_when_the_page_is_left(
    playground: Page, server: LiveServer, crowd: int
) -> None:
    playground.get_by_role("button", name="Run").click()
    grown_text(playground, beyond=PROMPT)

    playground.goto("/models/")

    server.wait_until_running(crowd)
    assert server.newest_prediction()["status"] == "aborted"


def test_it_fits_a_phone(playground: Page, server: LiveServer, crowd: int) -> None:
    playground.set_viewport_size({"width": 390, "height": 844})
    playground.get_by_role("button", name="Run").click()
    written = grown_text(playground, beyond=PROMPT)
    assert has_no_sideways_scroll(playground)
    playground.get_by_role("button", name="Stop").click()

    assert_it_stopped(playground, server, at_least=written, leaving=crowd)


def test_it_opens_the_parameters_as_soon_as_there_is_room_for_them(
    page: Page, premium: Account
) -> None:
    sign_in(page, premium)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/playground/?model=neo-tiny")
    expect(longest_completion(page)).to_be_hidden()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(longest_completion(page)).to_be_visible()


def test_it_puts_the_completion_that_one_likes_into_the_text(
    playground: Page, server: LiveServer
) -> None:
    longest_completion(playground).fill("12")
    playground.get_by_role("spinbutton", name="Completions").fill("3")
    playground.get_by_role("button", name="Run").click()
    expect(playground.locator("[data-outcome]")).to_contain_text("3 completions")
    texts = playground.locator("[data-candidate-text]").all_inner_texts()
    assert len(texts) == 3
    assert text(playground).input_value() == PROMPT

    for number in (2, 3):
        playground.get_by_role("button", name=f"Use this completion {number}").click()
        chosen = text(playground).input_value()
        assert chosen.startswith(PROMPT)
        assert chosen.removeprefix(PROMPT).strip() == texts[number - 1].strip()
    playground.get_by_role("button", name="Undo").click()
    playground.get_by_role("button", name="Undo").click()

    assert text(playground).input_value() == PROMPT
    assert server.newest_prediction()["completion_tokens"] == 36


def test_it_shows_on_demand_how_likely_each_token_was(playground: Page) -> None:
    longest_completion(playground).fill("12")
    playground.get_by_role("button", name="Run").click()
    offer = playground.get_by_role("button", name="See how likely each token was")
    offer.wait_for()
    written = text(playground).input_value()

    offer.click()

    expect(playground.locator("[data-pieces] [role=option]")).to_have_count(12)
    expect(playground.locator("[data-alternatives] li")).not_to_have_count(0)
    assert text(playground).input_value() == written
    expect(offer).to_be_hidden()


def test_a_copied_link_brings_parameters_and_seed_so_the_same_text(
    playground: Page,
) -> None:
    longest_completion(playground).fill("12")
    playground.get_by_role("button", name="Run").click()
    expect(playground.locator("[data-outcome]")).to_contain_text("12 tokens")
    written = text(playground).input_value()
    playground.get_by_role("button", name="Copy link").click()
    expect(playground.get_by_role("button", name="Copied")).to_be_visible()
    link: str = playground.evaluate("navigator.clipboard.readText()")

    playground.goto(link)
    expect(text(playground)).to_have_value(PROMPT)
    playground.get_by_role("button", name="Run").click()
    expect(playground.locator("[data-outcome]")).to_contain_text("12 tokens")
    expect(text(playground)).to_have_value(written)

    # What stood there before the link was followed is not lost.
    playground.get_by_role("button", name="Undo").click()
    playground.get_by_role("button", name="Undo").click()
    expect(text(playground)).to_have_value(written)
    playground.get_by_role("button", name="Copy", exact=True).click()
    assert playground.evaluate("navigator.clipboard.readText()") == written


def test_escape_closes_the_programs_and_lets_the_run_go_on(
    playground: Page, crowd: int
) -> None:
    playground.get_by_role("button", name="Run").click()
    grown_text(playground, beyond=PROMPT)
    playground.get_by_role("link", name="View code").click()
    expect(playground.get_by_role("dialog")).to_be_visible()
    playground.keyboard.press("Escape")

    expect(playground.get_by_role("dialog")).to_be_hidden()
    expect(playground.locator("#playground")).to_have_attribute("data-state", "running")
    playground.keyboard.press("Escape")
    expect(playground.locator("#playground")).to_have_attribute("data-state", "idle")


def test_it_opens_the_fold_of_the_parameter_that_is_wrong(
    playground: Page, console_errors: list[str]
) -> None:
    more = playground.get_by_text("More parameters")
    more.click()
    playground.get_by_role("textbox", name="Logit bias").fill("often")
    more.click()

    playground.get_by_role("button", name="Run").click()

    expect(playground.get_by_role("alert")).to_contain_text("Logit bias must be")
    field = playground.get_by_role("textbox", name="Logit bias")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile("Logit bias must be"))
    assert "status of 400" in console_errors.pop()


def test_it_shows_what_is_wrong_and_keeps_the_text(
    playground: Page, console_errors: list[str]
) -> None:
    longest_completion(playground).fill("5000")

    with playground.expect_response("**/playground/stream") as refusal:
        playground.get_by_role("button", name="Run").click()

    assert refusal.value.status == 400
    expect(playground.get_by_role("alert")).to_contain_text(
        "Longest completion must be"
    )
    assert text(playground).input_value() == PROMPT
    # Chromium reports every response of this kind, even one that the page expects.
    assert "status of 400" in console_errors.pop()


@pytest.fixture
def plain_page(
    browser: Browser, server: LiveServer, premium: Account
) -> Iterator[Page]:
    """A signed-in page of a browser that runs no JavaScript."""
    context = browser.new_context(base_url=server.address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, premium)
    yield page
    context.close()


def test_it_completes_without_javascript(plain_page: Page) -> None:
    plain_page.goto("/playground/?model=neo-tiny")
    text(plain_page).fill(PROMPT)
    plain_page.get_by_role("button", name="Run").click()

    expect(plain_page.locator(".plain-text")).to_contain_text(PROMPT)
    expect(plain_page.locator(".plain-text mark")).not_to_be_empty()
