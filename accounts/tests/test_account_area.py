from __future__ import annotations

import datetime
import re

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from neuro_site.testing import BaseTestCase


class ProfileTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def save(self, **values: str) -> None:
        form = {"time_zone": "UTC", "theme": "auto"} | values
        self.client.post("/account/", form)
        self.alice.refresh_from_db()

    def test_it_tells_times_in_the_owners_zone(self) -> None:
        self.save(time_zone="Asia/Kathmandu")
        event = self.alice.audit_events.all()[0]
        at = datetime.datetime(2026, 1, 2, 20, 0, tzinfo=datetime.UTC)
        AuditEvent.objects.filter(pk=event.pk).update(created_at=at)
        self.assertContains(self.client.get("/account/activity/"), "3 Jan 2026, 01:45")

    def test_it_leaves_no_zone_behind_for_the_next_visitor(self) -> None:
        self.save(time_zone="Asia/Kathmandu")
        self.client.get("/account/")
        Client().get("/tiers/")
        self.assertEqual(timezone.get_current_timezone_name(), "UTC")

    def test_it_refuses_zones_and_themes_that_do_not_exist(self) -> None:
        self.save(time_zone="Mars/Olympus", theme="sepia")
        self.assertEqual((self.alice.time_zone, self.alice.theme), ("UTC", "auto"))

    def test_it_survives_a_zone_that_this_machine_has_lost(self) -> None:
        self.alice.time_zone = "Old/Name"
        self.alice.save()
        self.assertEqual(self.client.get("/account/").status_code, 200)

    def test_it_sends_every_page_in_the_accounts_theme(self) -> None:
        self.save(theme="dark")
        for path in ("/account/", "/models/", "/accounts/2fa/"):
            self.assertContains(self.client.get(path), 'data-theme="dark"')

    def test_it_leaves_the_choice_to_the_system_by_default(self) -> None:
        html = self.client.get("/account/").content.decode()
        self.assertIn('<html lang="en" data-account-theme="auto">', html)

    def test_it_keeps_the_theme_of_the_switch_with_and_without_javascript(
        self,
    ) -> None:
        url = "/account/theme/"
        self.assertEqual(self.client.post(url, {"theme": "dark"}).status_code, 204)
        response = self.client.post(
            url,
            {"theme": "light"},
            headers={
                "Sec-Fetch-Mode": "navigate",
                "referer": "http://testserver/models/",
            },
        )
        self.assertEqual(response["Location"], "http://testserver/models/")
        self.alice.refresh_from_db()
        self.assertEqual(self.alice.theme, "light")

    def test_it_never_leads_away_from_this_site(self) -> None:
        headers = {"Sec-Fetch-Mode": "navigate", "referer": "https://evil.example/"}
        response = self.client.post(
            "/account/theme/", {"theme": "dark"}, headers=headers
        )
        self.assertEqual(response["Location"], "/account/")


class SessionsTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        self.phone, self.stranger = Client(), Client()
        self.log_in(self.client, "Firefox/1 Linux", "alice@example.org")
        self.log_in(self.phone, "Chrome/1 Android", "alice@example.org")
        self.log_in(self.stranger, "Safari/1 iPhone", "bob@example.org")

    def log_in(self, client: Client, browser: str, email: str) -> None:
        form = {"login": email, "password": self.password}
        client.post("/accounts/login/", form, headers={"user-agent": browser})

    def is_signed_in(self, client: Client) -> bool:
        return client.get("/account/").status_code == 200

    def pks(self, client: Client) -> list[str]:
        page = client.get("/account/sessions/").content.decode()
        return re.findall(r"/account/sessions/(\d+)/end/", page)

    def test_it_lists_the_owners_sessions_and_no_others(self) -> None:
        page = self.client.get("/account/sessions/")
        self.assertContains(page, "Firefox on Linux")
        self.assertContains(page, "Chrome on Android")
        self.assertContains(page, "This browser", count=1)
        self.assertNotContains(page, "Safari")

    def test_it_notes_when_a_session_was_last_seen_once_a_minute(self) -> None:
        long_ago = timezone.now() - datetime.timedelta(hours=3)
        for is_due in (True, False):
            if is_due:
                cache.clear()
            UserSession.objects.filter(user=self.alice).update(last_seen_at=long_ago)
            self.client.get("/models/")
            seen = UserSession.objects.filter(last_seen_at__gt=long_ago)
            self.assertEqual(seen.filter(user=self.alice).count(), int(is_due))

    def test_it_ends_one_at_once(self) -> None:
        (pk,) = self.pks(self.client)
        self.client.post(f"/account/sessions/{pk}/end/")
        self.assertFalse(self.is_signed_in(self.phone))
        self.assertTrue(self.is_signed_in(self.client))
        newest = self.alice.audit_events.all()[0]
        self.assertEqual(
            audit.sentence_of(newest), "Ended the session of Chrome on Android"
        )

    def test_it_does_not_know_the_sessions_of_others(self) -> None:
        (pk,) = self.pks(self.phone)
        response = self.stranger.post(f"/account/sessions/{pk}/end/")
        self.assertEqual(response.status_code, 404)
        self.assertTrue(self.is_signed_in(self.client))

    def test_it_ends_all_others(self) -> None:
        self.client.post("/account/sessions/end-others/")
        self.assertFalse(self.is_signed_in(self.phone))
        self.assertTrue(self.is_signed_in(self.client))
        self.assertTrue(self.is_signed_in(self.stranger))

    def test_it_ends_the_others_with_a_new_password(self) -> None:
        new = "another long phrase"
        form = {"oldpassword": self.password, "password1": new, "password2": new}
        self.client.post("/accounts/password/change/", form)
        self.assertTrue(self.is_signed_in(self.client))
        self.assertFalse(self.is_signed_in(self.phone))


class ActivityTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)
        audit.record(user=self.alice, kind="project.created", name="Novel")
        audit.record(user=self.bob, kind="project.created", name="Bob's secret")

    def test_it_shows_the_owner_their_own_events(self) -> None:
        page = self.client.get("/account/activity/")
        self.assertContains(page, "Created the project “Novel”")
        self.assertNotContains(page, "Bob&#x27;s secret")

    def test_it_filters_by_what_the_address_says(self) -> None:
        for query, is_there in (
            ("category=project", True),
            ("category=tier", False),
            ("since=2020-01-01", True),
            ("until=2020-01-01", False),
            ("category=nonsense&since=x", True),
        ):
            page = self.client.get(f"/account/activity/?{query}")
            self.assertEqual("Novel" in page.content.decode(), is_there, query)

    def test_it_says_what_to_do_when_nothing_is_found(self) -> None:
        page = self.client.get("/account/activity/?category=tier")
        self.assertContains(page, "look at everything")

    def test_it_keeps_the_filter_from_page_to_page(self) -> None:
        for number in range(60):
            audit.record(user=self.alice, kind="project.created", name=str(number))
        page = self.client.get("/account/activity/?category=project&page=2")
        self.assertContains(page, "Novel")
        self.assertContains(page, "?category=project&amp;page=1")
