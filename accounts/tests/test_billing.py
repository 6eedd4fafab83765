"""How an account gets a higher tier."""

from __future__ import annotations

from django.core import mail
from django.test import override_settings

from accounts.billing import PROVIDERS, get_billing
from accounts.mailing import wait_until_sent
from accounts.models import TierRequest, User
from accounts.tier_requests import accept_request, refuse_request
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase, Response


class BillingTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = User.objects.create_superuser("root@example.org", "a long phrase")
        self.client.force_login(self.charlie)

    def ask(self, tier: str = "premium") -> Response:
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post("/tiers/change/", {"tier": tier}, follow=True)

    def tier(self) -> str:
        self.charlie.refresh_from_db()
        return self.charlie.tier

    def mails(self) -> list[tuple[str, list[str]]]:
        wait_until_sent()
        return [(str(one.subject), list(one.to)) for one in mail.outbox]


class InstantTestCase(BillingTestCase):
    def test_it_is_what_a_server_of_ones_own_does(self) -> None:
        self.assertIs(get_billing(), PROVIDERS["instant"])
        self.ask()
        self.assertEqual(self.tier(), Tier.PREMIUM)
        self.assertEqual(self.mails(), [])


@override_settings(TIER_CHANGES="approval")
class ApprovalTestCase(BillingTestCase):
    def asked(self) -> TierRequest:
        return TierRequest.objects.get(outcome="waiting")

    def decide(self, action: str) -> Response:
        self.client.force_login(self.root)
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(
                "/admin/accounts/tierrequest/",
                {"action": action, "_selected_action": [self.asked().pk]},
                follow=True,
            )

    def test_it_asks_staff_and_changes_nothing_yet(self) -> None:
        response = self.ask()
        self.assertContains(response, "Staff have your request for Premium")
        self.assertContains(response, "Withdraw the request")
        self.assertEqual(self.tier(), Tier.FREE)
        ((subject, to),) = self.mails()
        self.assertIn("charlie@example.org asks for Premium", subject)
        self.assertEqual(to, ["root@example.org"])
        self.assertIn("/account/approvals/", mail.outbox[0].body)

    def test_it_takes_effect_when_staff_accept_and_says_so_by_mail(self) -> None:
        self.ask()
        self.decide("accept")
        self.assertEqual(self.tier(), Tier.PREMIUM)
        self.assertEqual(self.mails()[1][1], ["charlie@example.org"])
        self.assertIn("You are on Premium now", self.mails()[1][0])
        decided = TierRequest.objects.get()
        self.assertEqual((decided.outcome, decided.decided_by), ("accepted", self.root))

    def test_it_stays_when_staff_refuse_and_says_so_by_mail(self) -> None:
        self.ask()
        self.decide("refuse")
        self.assertEqual(self.tier(), Tier.FREE)
        self.assertIn("refused", self.mails()[1][0])
        self.assertTrue(self.charlie.audit_events.filter(kind="tier.refused").exists())

    def test_it_keeps_the_first_decision(self) -> None:
        self.ask()
        asked = self.asked()
        refuse_request(asked=asked, staff=self.root)
        accept_request(asked=asked, staff=self.root)
        self.assertEqual(self.tier(), Tier.FREE)

    def test_it_keeps_one_wish_at_a_time(self) -> None:
        self.ask("developer")
        self.ask("premium")
        self.assertEqual(self.asked().tier, Tier.PREMIUM)

    def test_it_is_asked_once_however_often_one_clicks(self) -> None:
        self.ask()
        asked = self.asked()
        self.ask()
        self.assertEqual(self.asked(), asked)
        self.assertEqual(len(self.mails()), 1)

    def test_it_fills_no_mailbox(self) -> None:
        for _ in range(3):
            self.ask()
            self.client.post("/tiers/withdraw/")
        self.assertEqual(len(self.mails()), 1)

    def test_it_can_be_withdrawn(self) -> None:
        self.ask()
        self.client.post("/tiers/withdraw/")
        self.assertFalse(TierRequest.objects.waiting().exists())

    def test_it_lets_everybody_go_down_without_asking(self) -> None:
        self.client.force_login(self.bob)
        page = self.client.get("/tiers/free/")
        self.assertContains(page, "Back up, staff have to agree again.")
        self.client.post("/tiers/change/", {"tier": "free"})
        self.bob.refresh_from_db()
        self.assertEqual(self.bob.tier, Tier.FREE)

    def test_it_is_decided_by_staff_alone(self) -> None:
        self.ask()
        clerk = User.objects.create_user("clerk@example.org", is_staff=True)
        self.client.force_login(clerk)
        response = self.client.post(
            "/admin/accounts/tierrequest/",
            {"action": "accept", "_selected_action": [self.asked().pk]},
        )
        self.assertEqual(response.status_code, 403)
        self.assertEqual(self.tier(), Tier.FREE)
