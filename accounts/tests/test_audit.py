from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from accounts import audit
from accounts.models import AuditEvent, User
from neuro_site.testing import BaseTestCase


class AuditTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        AuditEvent.objects.all().delete()

    def record_by(
        self, asking: User | AnonymousUser, browser: str = "Firefox"
    ) -> AuditEvent:
        request = RequestFactory().post(
            "/", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT=browser
        )
        request.user = asking
        audit.record(
            user=self.alice,
            kind="project.renamed",
            request=request,
            before="a",
            after="b",
        )
        return self.alice.audit_events.get()

    def test_it_notes_who_did_what_from_where(self) -> None:
        event = self.record_by(self.alice)
        self.assertEqual(audit.sentence_of(event), "Renamed the project “a” to “b”")
        self.assertEqual(audit.category_of(event), audit.Category.PROJECT)
        self.assertEqual(event.actor, AuditEvent.Actor.OWNER)
        self.assertEqual((event.address, event.browser), ("192.0.2.7", "Firefox"))

    def test_it_keeps_where_staff_sit_to_itself(self) -> None:
        event = self.record_by(self.bob)
        self.assertEqual(event.actor, AuditEvent.Actor.STAFF)
        self.assertEqual((event.address, event.browser), (None, ""))

    def test_it_notes_what_a_visitor_tried(self) -> None:
        event = self.record_by(AnonymousUser())
        self.assertEqual(event.address, "192.0.2.7")

    def test_it_takes_what_happens_outside_a_request_for_the_servers_doing(
        self,
    ) -> None:
        audit.record(user=self.alice, kind="account.approved")
        event = self.alice.audit_events.get()
        self.assertEqual((event.actor, event.address), ("server", None))

    def test_it_cuts_a_browser_that_calls_itself_too_much(self) -> None:
        self.assertEqual(self.record_by(self.alice, "x" * 999).browser, "x" * 200)

    def test_it_refuses_a_kind_that_nobody_has_described(self) -> None:
        with self.assertRaises(ValueError):
            audit.record(user=self.alice, kind="api_token.eaten")

    def test_it_can_read_events_that_say_less_than_todays(self) -> None:
        audit.record(user=self.alice, kind="tier.changed", after="Premium")
        event = self.alice.audit_events.get()
        self.assertEqual(audit.sentence_of(event), "Changed from … to Premium")
        event.kind = "gone"
        self.assertEqual(audit.sentence_of(event), "gone")
