"""Accounts in a real browser: second steps, passkeys, sessions, leaving."""

from __future__ import annotations

import base64
import hmac
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from e2e.live_server import LEDGER, Account, LiveServer
from e2e.pages import sign_in
from e2e.programs import PATIENCE

pytestmark = pytest.mark.browser

CROWD = 24
PASSWORD = "a pass phrase of one's own"


@pytest.fixture
def named_page(
    browser: Browser, server: LiveServer, console_errors: list[str]
) -> Iterator[Page]:
    """A page under a host name: no browser ties a passkey to a number."""
    address = server.address.replace("127.0.0.1", "localhost")
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    yield page
    context.close()
    assert console_errors == []


def sign_up(page: Page, email: str) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Create account").click()
    page.get_by_text("Now sign in with the password that you chose").wait_for()
    expect(page.get_by_label("E-mail address")).to_have_value(email)
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard/")


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: url.endswith("/"))


def enter_password(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    main = page.get_by_role("main")
    main.get_by_role("button", name="Sign in", exact=True).click()


def totp(secret: str, *, steps_ahead: int = 0) -> str:
    """RFC 6238, as an authenticator app computes it."""
    counter = int(time.time()) // 30 + steps_ahead
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", counter), "sha1")
    (number,) = struct.unpack(">I", digest[digest[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def plug_in_authenticator(page: Page) -> CDPSession:
    """Chromium's own stand-in for a device that keeps passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def test_it_guards_a_new_account_with_an_authenticator_app(page: Page) -> None:
    sign_up(page, "totp@example.org")
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Set up").click()
    page.get_by_text("It cannot be scanned?").click()
    secret = page.locator("#totp-secret").inner_text()
    page.get_by_label("Code from the app").fill(totp(secret))
    page.get_by_role("button", name="Turn it on").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    recovery_code = page.locator("#recovery-codes").inner_text().split()[0]

    sign_out(page)
    enter_password(page, "totp@example.org")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now the second step")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("not right")
    # A code works once, and the one of now is used up: the next is as good.
    page.get_by_label("Code").fill(totp(secret, steps_ahead=1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/dashboard/")

    sign_out(page)
    enter_password(page, "totp@example.org")
    page.get_by_label("Code").fill(recovery_code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/dashboard/")


def test_it_signs_in_with_a_passkey_alone(named_page: Page) -> None:
    page = named_page
    plug_in_authenticator(page)
    sign_up(page, "passkey@example.org")
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("This laptop")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto("/accounts/2fa/")
    expect(page.get_by_role("main")).to_contain_text("This laptop")

    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/dashboard/")

    page.goto("/account/activity/")
    expect(page.get_by_role("main")).to_contain_text("Signed in with a passkey")

    # It confirms, too, that it is still them.
    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/account/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: url.endswith("/account/") and "?" not in url)

    # After the password, the same passkey is a second step.
    sign_out(page)
    enter_password(page, "passkey@example.org")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/dashboard/")


def test_it_says_what_to_do_where_passkeys_cannot_work(
    page: Page, premium: Account
) -> None:
    sign_in(page, premium)
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("alert").last).to_contain_text("by its name")


def test_it_ends_another_browsers_session(
    page: Page, browser: Browser, server: LiveServer, developer: Account
) -> None:
    other = browser.new_context(base_url=server.address, user_agent="Firefox/1 Android")
    forgotten = other.new_page()
    sign_in(forgotten, developer)
    sign_in(page, developer)

    page.goto("/account/sessions/")
    row = page.get_by_role("row", name="Firefox on Android")
    row.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("is signed out")

    forgotten.goto("/dashboard/")
    expect(forgotten).to_have_url(server.url("/accounts/login/?next=/dashboard/"))
    other.close()


def test_it_keeps_the_theme_with_the_account(page: Page, premium: Account) -> None:
    sign_in(page, premium)
    html = page.locator("html")
    with page.expect_response("**/account/theme/"):
        page.get_by_role("group", name="Theme").get_by_text("Dark").click()
    expect(html).to_have_attribute("data-theme", "dark")
    page.evaluate("localStorage.clear()")
    page.goto("/models/")
    expect(html).to_have_attribute("data-theme", "dark")
    with page.expect_response("**/account/theme/"):
        page.get_by_role("group", name="Theme").get_by_text("System").click()


def test_it_hands_over_all_data_and_then_really_deletes(
    page: Page, server: LiveServer, tmp_path: Path
) -> None:
    leaver = server.create_account("leaver", "premium")
    account_id = server.account_id(leaver.email)
    sign_in(page, leaver)
    page.goto("/account/data/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    download.value.save_as(tmp_path / "data.zip")
    assert (tmp_path / "data.zip").read_bytes().startswith(b"PK")

    events: list[str] = []
    stream = threading.Thread(target=_stream, args=(server, leaver, events))
    stream.start()
    server.wait_until_running(CROWD)
    known = server.tables_that_know(account_id, leaver.email)
    assert {"accounts_user", "accounts_auditevent", LEDGER} <= known
    page.get_by_label("Your e-mail address").fill(leaver.email)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("status")).to_contain_text("are deleted")

    stream.join(timeout=PATIENCE)
    aborted = sum('"finish_reason":"abort"' in one.replace(" ", "") for one in events)
    assert aborted >= CROWD
    server.wait_until_running(0)
    # What ended with the account writes nothing of it any more.
    assert server.tables_that_know(account_id, leaver.email) == set()
    url = server.url("/api/v1/models")
    models = httpx.get(url, headers=leaver.headers, timeout=PATIENCE)
    assert models.status_code == httpx.codes.UNAUTHORIZED
    enter_password(page, leaver.email, leaver.password)
    expect(page.get_by_role("main")).to_contain_text("is not correct")


def _stream(server: LiveServer, account: Account, events: list[str]) -> None:
    """A call that would go on far longer than the test."""
    body = {
        "inputs": ["It was"] * CROWD,
        "parameters": {
            "max_new_tokens": 900,
            "do_sample": False,
            "min_new_tokens": 900,
        },
        "stream": True,
    }
    url = server.url("/api/v1/models/neo-tiny/predict")
    with httpx.stream(
        "POST", url, json=body, headers=account.headers, timeout=60
    ) as response:
        events += response.iter_lines()
