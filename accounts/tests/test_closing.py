from __future__ import annotations

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models import ForeignKey, Model
from django.test import Client

from accounts import audit
from accounts.authentication import authenticate_plaintext
from accounts.closing import account_closing
from accounts.errors import InvalidApiToken
from accounts.export import sections
from accounts.models import ApiToken, AuditEvent, User
from neuro_site.testing import BaseTestCase, Response

URL = "/account/data/delete/"
# Each table with a column for its account, and the part of the export that tells it.
EXPORTED = {
    "AsyncPrediction": "asynchronous_predictions",
    "AuditEvent": "activity",
    "PredictionRecord": "predictions",
    "Project": "projects",
    "TierRequest": "tier_requests",
    "UsageDay": "usage_days",
    "UsageHour": "usage_hours",
}
NOT_EXPORTED = {
    "Authenticator": "secrets, of which the activity tells",
    "EmailAddress": "the account has the address",
    "LogEntry": "the administration's own log",
    "Reservation": "gone in minutes; the usage tells it",
    "User_groups": "what staff may do",
    "User_user_permissions": "what staff may do",
    "UserSession": "the activity tells every sign-in",
}


def owned_tables() -> list[tuple[type[Model], str]]:
    """Every table, of whatever app, with a column that names an account."""
    return [
        (table, field.name)
        for table in apps.get_models(include_auto_created=True)
        for field in table._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model is User
    ]


class CloseAccountTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        self.client.force_login(self.alice)

    def delete(self, email: str = "alice@example.org") -> Response:
        return self.client.post(URL, {"email": email}, follow=True)

    def exists(self) -> bool:
        return User.objects.filter(email="alice@example.org").exists()

    def test_it_asks_for_the_address_to_be_typed(self) -> None:
        for typed in ("", "bob@example.org", "alice"):
            self.assertContains(self.delete(typed), "field-error")
        self.assertTrue(self.exists())

    def test_it_takes_the_address_however_it_is_capitalised(self) -> None:
        self.assertContains(self.delete("Alice@Example.org "), "are deleted")
        self.assertFalse(self.exists())

    def test_it_deletes_everything_that_is_theirs_and_nothing_else(self) -> None:
        audit.record(user=self.alice, kind="account.exported")
        tables = owned_tables()
        self.assertIn((AuditEvent, "user"), tables)
        self.delete()
        kept = [
            table.__name__
            for table, column in tables
            if table._base_manager.filter(**{column: self.alice.pk}).exists()
        ]
        self.assertEqual(kept, [])
        self.assertFalse(ApiToken.objects.filter(project__user=self.alice.pk).exists())
        self.assertTrue(authenticate_plaintext(self.bob_api_token))

    def test_it_gives_every_table_of_an_account_a_part_of_the_export(self) -> None:
        missing = {
            table.__name__
            for table, _ in owned_tables()
            if table.__name__ not in {*EXPORTED, *NOT_EXPORTED}
        }
        self.assertEqual(missing, set())
        self.assertLessEqual(set(EXPORTED.values()), {one.name for one in sections()})

    def test_it_stops_api_tokens_and_sessions_at_once(self) -> None:
        other = Client()
        form = {"login": "alice@example.org", "password": self.password}
        other.post("/accounts/login/", form)
        self.delete()
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(self.alice_api_token)
        self.assertEqual(other.get("/account/").status_code, 302)
        self.assertEqual(self.client.get("/account/").status_code, 302)

    def test_it_leaves_no_address_in_the_administrations_log(self) -> None:
        LogEntry.objects.create(
            user=self.bob,
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(self.alice.pk),
            object_repr=str(self.alice),
            action_flag=CHANGE,
        )
        self.delete()
        self.assertFalse(LogEntry.objects.filter(object_repr__contains="alice"))

    def test_it_lets_others_end_their_work_before_the_rows_go(self) -> None:
        seen: list[tuple[bool, bool]] = []

        def end(*, user: User, **kwargs: object) -> None:
            stored = User.objects.get(pk=user.pk)
            seen.append((stored.is_active, stored.projects.exists()))

        account_closing.connect(end)
        self.addCleanup(account_closing.disconnect, end)
        self.delete()
        self.assertEqual(seen, [(False, True)])

    def test_it_warns_the_only_staff(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(is_staff=True)
        page = self.client.get("/account/data/")
        self.assertContains(page, "the only staff")
        User.objects.filter(pk=self.bob.pk).update(is_staff=True)
        self.assertNotContains(self.client.get("/account/data/"), "the only staff")

    def test_it_takes_the_same_way_in_the_administration(self) -> None:
        User.objects.filter(pk=self.bob.pk).update(is_staff=True, is_superuser=True)
        self.client.force_login(self.bob)
        url = f"/admin/accounts/user/{self.alice.pk}/delete/"
        self.client.post(url, {"post": "yes"})
        self.assertFalse(self.exists())
