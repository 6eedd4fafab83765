"""A server where staff decide: who gets in, and on which tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.accessibility import violations
from e2e.live_server import Account, LiveServer, start_live_server
from e2e.pages import has_no_sideways_scroll, sign_in

pytestmark = pytest.mark.browser

NEWCOMER = Account(
    email="newcomer@example.org", password="a pass phrase of one's own", api_token=""
)
STAFF = Account(email="root@example.org", password="a long phrase", api_token="")


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with start_live_server(
        tmp_path_factory.mktemp("guarded"),
        NEURO_REGISTRATION="approval",
        NEURO_TIER_CHANGES="approval",
        DJANGO_SUPERUSER_PASSWORD=STAFF.password,
    ) as live_server:
        live_server.manage("createsuperuser", "--noinput", "--email", STAFF.email)
        yield live_server


def new_page(browser: Browser, server: LiveServer) -> Page:
    return browser.new_context(base_url=server.address).new_page()


# Django's own: a name on a mark beside the fields that choose groups.
OF_DJANGO = ("aria-prohibited-attr",)
OF_STAFF = (
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/auditevent/",
    "/admin/models_app/languagemodel/",
    "/account/approvals/",
)
# Whether something has to be moved aside to be read.
HIDES_COLUMNS = """
() => [...document.querySelectorAll("#content *")].some(
  (one) => one.scrollWidth > one.clientWidth && getComputedStyle(one).overflowX === "auto")
"""


def test_staff_read_lists_on_a_phone_and_nobody_is_shut_out(
    browser: Browser, guarded_server: LiveServer
) -> None:
    staff = browser.new_context(
        base_url=guarded_server.address, bypass_csp=True, reduced_motion="reduce"
    ).new_page()
    sign_in(staff, STAFF)
    staff.set_viewport_size({"width": 390, "height": 844})
    for address in OF_STAFF:
        staff.goto(address)
        assert has_no_sideways_scroll(staff), address
        assert not staff.evaluate(HIDES_COLUMNS), address
        assert violations(staff, excused=OF_DJANGO) == [], address

    staff.goto("/admin/models_app/languagemodel/")
    enabled = staff.get_by_role("checkbox", name="Is enabled of Neo-Tiny")
    expect(enabled).to_be_checked()


def test_it_lets_staff_decide_who_gets_in_and_on_which_tier(
    browser: Browser, guarded_server: LiveServer
) -> None:
    visitor, staff = (new_page(browser, guarded_server) for _ in range(2))
    visitor.goto("/accounts/signup/")
    visitor.get_by_label("E-mail address").fill(NEWCOMER.email)
    visitor.get_by_label("Password").fill(NEWCOMER.password)
    main = visitor.get_by_role("main")
    main.get_by_role("button", name="Create account").click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("somebody decides")

    sign_in(staff, STAFF)
    staff.get_by_text("1 waiting for your decision").first.wait_for(state="attached")
    staff.goto("/account/approvals/")
    assert has_no_sideways_scroll(staff)
    staff.get_by_role("button", name=f"Accept {NEWCOMER.email}").click()
    expect(staff.get_by_role("status")).to_contain_text("may sign in now")
    expect(staff.get_by_text("Nobody is waiting")).to_be_visible()

    sign_in(visitor, NEWCOMER)
    visitor.goto("/tiers/")
    visitor.get_by_role("button", name="Ask for Premium").click()
    expect(visitor.get_by_role("status")).to_contain_text("Staff have your request")

    staff.goto("/account/approvals/")
    staff.get_by_label(f"Reason for the decision about {NEWCOMER.email}").fill("Later")
    staff.get_by_role("button", name=f"Refuse {NEWCOMER.email}").click()
    expect(staff.get_by_role("status")).to_contain_text("stays on Free")
    visitor.goto("/tiers/")
    expect(main).to_contain_text("Staff refused your request")
    expect(main).to_contain_text("“Later”")

    visitor.get_by_role("button", name="Ask for Developer").click()
    staff.goto("/account/approvals/")
    staff.get_by_role("button", name=f"Accept {NEWCOMER.email}").click()
    expect(staff.get_by_role("status")).to_contain_text("is on Developer now")
    visitor.goto("/account/activity/")
    expect(main).to_contain_text("Changed from Free to Developer")
