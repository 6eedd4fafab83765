"""Fixtures of the end-to-end tests: one live server, people who use it, a browser."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from e2e.live_server import Account, LiveServer, start_live_server
from e2e.programs import PATIENCE, find_program

# A line for each look at /health would drown what matters in a report.
logging.getLogger("httpx").setLevel(logging.WARNING)
expect.set_options(timeout=PATIENCE * 1000)

CROWD = 15
CROWD_TOKENS = 900


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose engine has loaded Neo-Tiny, for every test that does not stop it."""
    with start_live_server(tmp_path_factory.mktemp("data")) as live_server:
        live_server.wait_until_ready()
        yield live_server


@pytest.fixture(scope="session")
def accounts(server: LiveServer) -> list[Account]:
    """One on each tier, made together: that takes hardly longer than one."""
    return server.create_accounts(
        premium="premium", developer="developer", outsider="free"
    )


@pytest.fixture(scope="session")
def premium(accounts: list[Account]) -> Account:
    return accounts[0]


@pytest.fixture(scope="session")
def developer(accounts: list[Account]) -> Account:
    return accounts[1]


@pytest.fixture(scope="session")
def outsider(accounts: list[Account]) -> Account:
    return accounts[2]


@pytest.fixture(scope="session")
def neo_tiny_id(server: LiveServer, premium: Account) -> str:
    url = server.url("/api/v1/models/neo-tiny")
    response = httpx.get(url, headers=premium.headers, timeout=PATIENCE)
    return str(response.json()["id"])


@pytest.fixture
def crowd(server: LiveServer, premium: Account) -> Iterator[int]:
    """Requests that keep the engine busy beside the test's own; how many they are.

    They end before the test's own would, so the engine holds just them again only if
    it gave the other up: no clock is needed to tell.
    """
    body = {
        "inputs": ["It was"] * CROWD,
        "parameters": {"max_new_tokens": CROWD_TOKENS, "do_sample": False},
        "stream": True,
    }
    url = server.url("/api/v1/models/neo-tiny/predict")
    with httpx.stream("POST", url, json=body, headers=premium.headers, timeout=60):
        server.wait_until_running(CROWD)
        yield CROWD
    server.wait_until_running(0)


# A running Playwright makes Django believe that it is inside an event loop, so it is
# closed before the tests of another module start.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = find_program("chromium", package="chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )


@pytest.fixture
def console_errors() -> list[str]:
    """What the console of `page` said; a test removes the errors that it wanted."""
    return []


@pytest.fixture
def page(
    browser: Browser, server: LiveServer, console_errors: list[str]
) -> Iterator[Page]:
    """A page of a new visitor; the test fails if the console shows any error."""
    context = browser.new_context(base_url=server.address)
    context.set_default_timeout(PATIENCE * 1000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.on("console", lambda line: _note(line, console_errors))
    yield page
    context.close()
    assert console_errors == []


def _note(line: ConsoleMessage, errors: list[str]) -> None:
    if line.type == "error":
        errors.append(line.text)


@pytest.fixture
def examined_page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    """The policy of our pages lets in no foreign style, and axe brings one."""
    context = browser.new_context(
        base_url=server.address, bypass_csp=True, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()
