"""Staff decide about registrations and tiers on one page."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.core import mail
from django.test import override_settings
from django.urls import reverse

from accounts import approvals
from accounts.mailing import wait_until_sent
from accounts.models import User
from accounts.tier_requests import request_tier, withdraw_request
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase, Response

PAGE = "/account/approvals/"


@override_settings(TIER_CHANGES="approval")
class TierApprovalTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = User.objects.create_superuser("root@example.org", "a long phrase")
        self.asked = request_tier(user=self.charlie, tier=Tier.PREMIUM, page="…")
        self.client.force_login(self.root)

    def decide(self, decision: str, reason: str = "") -> Response:
        url = reverse("account_decide_tier", args=[self.asked.pk])
        form = {"decision": decision, "reason": reason}
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(url, form, follow=True)

    def tier(self) -> str:
        self.charlie.refresh_from_db()
        return self.charlie.tier

    def last_mail(self) -> str:
        wait_until_sent()
        self.assertEqual(mail.outbox[-1].to, ["charlie@example.org"])
        return f"{mail.outbox[-1].subject} {mail.outbox[-1].body}"

    def test_it_shows_who_asks_for_what(self) -> None:
        page = self.client.get(PAGE)
        self.assertContains(page, "charlie@example.org")
        self.assertContains(page, "asks for")

    def test_it_takes_effect_at_once_when_staff_accept(self) -> None:
        response = self.decide("accept", "Welcome aboard")
        self.assertContains(response, "charlie@example.org is on Premium now.")
        self.assertEqual(self.tier(), Tier.PREMIUM)
        self.assertIn("You are on Premium now", self.last_mail())
        self.assertIn("They wrote: Welcome aboard", self.last_mail())
        event = self.charlie.audit_events.get(kind="tier.changed")
        self.assertEqual((event.actor, event.address), ("staff", None))

    def test_it_tells_the_owner_why_staff_refuse(self) -> None:
        response = self.decide("refuse", "Not <b>before</b> May")
        self.assertContains(response, "charlie@example.org stays on Free.")
        self.assertEqual(self.tier(), Tier.FREE)
        self.assertIn("They wrote: Not <b>before</b> May", self.last_mail())
        self.assertTrue(self.charlie.audit_events.filter(kind="tier.refused").exists())
        self.client.force_login(self.charlie)
        page = self.client.get("/tiers/")
        self.assertContains(page, "Staff refused your request")
        self.assertContains(page, "Not &lt;b&gt;before&lt;/b&gt; May")

    def test_it_keeps_the_first_of_two_decisions(self) -> None:
        self.decide("refuse")
        self.assertContains(self.decide("accept"), "is refused already")
        self.assertEqual(self.tier(), Tier.FREE)

    def test_it_finds_a_request_withdrawn_meanwhile(self) -> None:
        withdraw_request(user=self.charlie)
        self.assertContains(self.decide("accept"), "is withdrawn already")
        self.assertEqual(self.tier(), Tier.FREE)
        kinds = self.charlie.audit_events.values_list("kind", flat=True)
        self.assertIn("tier.withdrawn", kinds)

    def test_it_brings_nobody_down(self) -> None:
        asked = request_tier(user=self.bob, tier=Tier.DEVELOPER, page="…")
        self.asked = asked
        self.decide("accept")
        self.bob.refresh_from_db()
        self.assertEqual(self.bob.tier, Tier.PREMIUM)

    def test_it_decides_nothing_without_a_decision(self) -> None:
        for decision, reason in (("", ""), ("perhaps", ""), ("accept", "x" * 501)):
            self.assertContains(self.decide(decision, reason), "Nothing is decided")
        self.assertEqual(approvals.number_waiting(self.root), 1)

    def test_it_says_when_nobody_asks(self) -> None:
        self.decide("accept")
        self.assertContains(self.client.get(PAGE), "Nobody asks for a higher tier")

    def test_it_counts_what_waits_on_every_page_of_staff(self) -> None:
        User.objects.create_user("dave@example.org", awaits_approval=True)
        page = self.client.get("/tiers/")
        self.assertContains(page, "2 waiting for your decision")
        self.assertContains(page, PAGE)
        self.client.force_login(self.alice)
        self.assertNotContains(self.client.get("/tiers/"), PAGE)

    def test_it_is_open_to_staff_with_the_right_for_it_alone(self) -> None:
        url = reverse("account_decide_tier", args=[self.asked.pk])
        clerk = User.objects.create_user("clerk@example.org", is_staff=True)
        for user in (self.charlie, self.alice, clerk):
            self.client.force_login(user)
            self.assertEqual(self.client.get(PAGE).status_code, 403)
            answer = self.client.post(url, {"decision": "accept"})
            self.assertEqual(answer.status_code, 403)
        self.assertEqual(self.tier(), Tier.FREE)

    def test_it_shows_each_staff_what_they_may_decide(self) -> None:
        clerk = User.objects.create_user("clerk@example.org", is_staff=True)
        permission = Permission.objects.get(codename="change_tierrequest")
        clerk.user_permissions.add(permission)
        self.client.force_login(clerk)
        page = self.client.get(PAGE)
        self.assertContains(page, "charlie@example.org")
        self.assertNotContains(page, "Registrations")

    def test_it_asks_nobody_who_lost_their_staff_rights(self) -> None:
        User.objects.filter(pk=self.root.pk).update(is_staff=False)
        self.assertEqual(self.client.get(PAGE).status_code, 403)

    def test_it_costs_others_no_query(self) -> None:
        with self.assertNumQueries(0):
            self.assertEqual(approvals.number_waiting(self.alice), 0)
