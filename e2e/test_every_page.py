"""Every page, narrow and wide, light and dark: no console error, nothing overflows, and
nothing that shuts out who cannot see it well or uses no mouse."""

from __future__ import annotations

import itertools

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from e2e.accessibility import CONTRAST, violations
from e2e.live_server import Account, LiveServer
from e2e.pages import has_no_sideways_scroll, sign_in

pytestmark = pytest.mark.browser

FOR_EVERYONE = (
    "/",
    "/models/",
    "/models/neo-tiny",
    "/models/gpt-neo-125m",
    "/tiers/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/waiting/",
    "/api/docs/",
)
FOR_ACCOUNTS = (
    "/dashboard/",
    "/projects/",
    "/tiers/",
    "/models/",
    "/models/gpt-neo-125m",
    "/playground/",
    "/usage/",
    "/usage/requests/",
    "/usage/batches/",
    "/account/",
    "/account/sessions/",
    "/account/activity/",
    "/account/data/",
    "/account/first-staff/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
)
# Pages of one thing each, by the page that leads to them and the links that do.
BEHIND_A_LIST = {
    "/dashboard/": ("/dashboard/api-tokens/",),
    "/projects/": ("/texts/", "/webhooks/"),
    "/usage/requests/": ("/usage/requests/",),
    "/usage/batches/": ("/usage/batches/",),
}
# What a page shows only once its scripts have fetched more.
DRAWN_LATE = {"/api/docs/": ".opblock"}
# Swagger UI puts the link to an operation into the button that unfolds it.
OF_A_LIBRARY = {"/api/docs/": ("nested-interactive",)}
NARROW = ViewportSize(width=390, height=844)
WIDE = ViewportSize(width=1440, height=900)


def assert_they_look_right(page: Page, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        response = page.goto(address)
        assert response is not None
        assert response.ok, address
        for viewport, is_dark in itertools.product((NARROW, WIDE), (False, True)):
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme="dark" if is_dark else "light")
            assert has_no_sideways_scroll(page), (address, viewport)


def test_it_is_clean_for_visitors(page: Page) -> None:
    assert_they_look_right(page, FOR_EVERYONE)


def test_it_is_clean_for_accounts(page: Page, premium: Account) -> None:
    sign_in(page, premium)
    assert_they_look_right(page, FOR_ACCOUNTS)


def assert_they_shut_nobody_out(page: Page, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        page.emulate_media(color_scheme="light")
        page.goto(address)
        if late := DRAWN_LATE.get(address):
            page.locator(late).first.wait_for()
        excused = OF_A_LIBRARY.get(address, ())
        assert violations(page, excused=excused) == [], address
        assert_contrast_in_dark(page)


def assert_contrast_in_dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    # Half-way from one colour to the other, contrast is nobody's.
    page.wait_for_function("document.getAnimations().length === 0")
    assert violations(page, CONTRAST) == [], f"{page.url} in dark"


def test_it_shuts_no_visitor_out(examined_page: Page) -> None:
    assert_they_shut_nobody_out(examined_page, FOR_EVERYONE)


def test_it_shuts_no_account_out(examined_page: Page, premium: Account) -> None:
    sign_in(examined_page, premium)
    assert_they_shut_nobody_out(examined_page, FOR_ACCOUNTS)


@pytest.fixture
def busy(server: LiveServer, premium: Account) -> Account:
    """An account with something in each list."""
    call = {"inputs": "It was", "parameters": {"max_new_tokens": 2}}
    line = f'{{"custom_id": "1", "model": "neo-tiny", "inputs": "{"long " * 1100}"}}'
    for address, body in (
        ("/api/v1/models/neo-tiny/predict", {"json": call}),
        ("/api/v1/batches", {"files": {"file": ("night.jsonl", line)}}),
    ):
        httpx.post(
            server.url(address), headers=premium.headers, **body
        ).raise_for_status()
    return premium


def links(page: Page, ending: str) -> list[str]:
    found: list[str] = page.locator(
        f"main td a[href*='{ending}'], main th a"
    ).evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    return [one for one in found if ending in one and "csv" not in one]


def test_it_shuts_nobody_out_of_what_lists_lead_to(
    examined_page: Page, busy: Account
) -> None:
    sign_in(examined_page, busy)
    examined_page.set_viewport_size(NARROW)
    for address, endings in BEHIND_A_LIST.items():
        for ending in endings:
            examined_page.goto(address)
            first, *_ = links(examined_page, ending)
            assert_they_shut_nobody_out(examined_page, (first,))
            assert has_no_sideways_scroll(examined_page), first


def test_it_shuts_nobody_out_of_completions(
    examined_page: Page, premium: Account
) -> None:
    sign_in(examined_page, premium)
    examined_page.goto("/playground/?num_return_sequences=2&logprobs=3")
    examined_page.get_by_label("Text", exact=True).fill("It was")
    examined_page.get_by_role("spinbutton", name="Longest completion").fill("16")
    examined_page.get_by_role("button", name="Run").click()
    expect(examined_page.locator("[data-outcome]")).to_contain_text("2 completions")
    assert violations(examined_page) == []
    assert_contrast_in_dark(examined_page)
