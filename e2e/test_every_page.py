"""Every page, narrow and wide, light and dark: no console error, nothing overflows, and
nothing that shuts out who cannot see it well or uses no mouse."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Page, ViewportSize

from e2e.accessibility import CONTRAST, violations
from e2e.live_server import Account
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
        page.emulate_media(color_scheme="dark")
        # Half-way from one colour to the other, contrast is nobody's.
        page.wait_for_function("document.getAnimations().length === 0")
        assert violations(page, CONTRAST) == [], f"{address} in dark"


def test_it_shuts_no_visitor_out(examined_page: Page) -> None:
    assert_they_shut_nobody_out(examined_page, FOR_EVERYONE)


def test_it_shuts_no_account_out(examined_page: Page, premium: Account) -> None:
    sign_in(examined_page, premium)
    assert_they_shut_nobody_out(examined_page, FOR_ACCOUNTS)
