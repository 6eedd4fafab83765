from __future__ import annotations

from django.core.cache import cache

from accounts import audit
from accounts.models import AuditEvent, User
from neuro_site.testing import BaseTestCase


class AccountEventsTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        AuditEvent.objects.all().delete()

    def log_in(self, email: str = "alice@example.org", password: str = "") -> None:
        form = {"login": email, "password": password or self.password}
        self.client.post("/accounts/login/", form, headers={"user-agent": "Firefox/1"})

    def sentences(self, user: User | None = None) -> list[str]:
        events = AuditEvent.objects.filter(user=user or self.alice)
        return [audit.sentence_of(event) for event in events]

    def test_it_notes_sign_ins_and_where_they_came_from(self) -> None:
        self.log_in()
        event = self.alice.audit_events.get()
        self.assertEqual(audit.sentence_of(event), "Signed in with a password")
        self.assertEqual((event.address, event.browser), ("127.0.0.1", "Firefox/1"))

    def test_it_notes_failed_sign_ins(self) -> None:
        self.log_in(password="wrong")
        self.assertEqual(self.sentences(), ["A sign-in failed: wrong password"])

    def test_it_takes_as_many_queries_for_an_address_that_nobody_has(self) -> None:
        for email in ("alice@example.org", "nobody@example.org"):
            AuditEvent.objects.all().delete()
            self.log_in(email, "wrong")
            self.assertEqual(AuditEvent.objects.count(), 1)
        self.assertIsNone(AuditEvent.objects.get().user)

    def test_it_notes_the_sign_out(self) -> None:
        self.log_in()
        self.client.post("/accounts/logout/")
        self.assertEqual(self.sentences()[0], "Signed out")

    def test_it_notes_a_new_password(self) -> None:
        self.log_in()
        new = "another long phrase"
        form = {"oldpassword": self.password, "password1": new, "password2": new}
        self.client.post("/accounts/password/change/", form)
        self.assertEqual(self.sentences()[0], "Changed the password")

    def test_it_notes_a_new_account(self) -> None:
        form = {"email": "dave@example.org", "password1": "a long enough phrase"}
        self.client.post("/accounts/signup/", form)
        dave = User.objects.get(email="dave@example.org")
        self.assertEqual(self.sentences(dave), ["Created the account"])
