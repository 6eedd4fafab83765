from __future__ import annotations

from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db.models import ForeignKey, Model
from django.test import Client

from accounts import audit
from accounts.authentication import authenticate_plaintext
from accounts.closing import account_closing
from accounts.errors import InvalidApiToken
from accounts.export import sections
from accounts.models import ApiToken, AuditEvent, User
from accounts.tier_requests import request_tier
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase, Response

URL = "/account/data/delete/"
# Each table with a column for its account, and the part of the export that tells it.
EXPORTED = {
    "ApiToken": "api_tokens",
    "ApiTokenDay": "api_token_days",
    "AsyncPrediction": "asynchronous_predictions",
    "AuditEvent": "activity",
    "Authenticator": "second_steps",
    "Batch": "batches",
    "BatchLine": "batch_lines",
    "PredictionRecord": "predictions",
    "PredictionTexts": "texts_of_calls",
    "Project": "projects",
    "Refusal": "refusals",
    "TierRequest": "tier_requests",
    "UploadedBatch": "uploaded_batches",
    "UploadedData": "uploaded_data",
    "UsageDay": "usage_days",
    "UsageHour": "usage_hours",
    "UserSession": "sessions",
    "Webhook": "webhooks",
    "WebhookAttempt": "webhook_attempts",
    "WebhookDelivery": "webhook_deliveries",
}
NOT_EXPORTED = {
    "IdempotencyKey": "copies of answers, gone in a day",
    "AsyncEvents": "the way to a result, which is exported",
    "EmailAddress": "the account has the address",
    "EmailConfirmation": "made by older versions of allauth alone",
    "NpuTask": "how the npu client is told of a prediction, which is exported",
    "LogEntry": "the administration's own log",
    "Reservation": "gone in minutes; the usage tells it",
    "WebhookSecret": "a credential",
    "UtilityTask": "which part of uploaded data, which is exported, was worked on",
    "User_groups": "what staff may do",
    "User_user_permissions": "what staff may do",
}


def columns_naming(owner: type[Model]) -> list[tuple[type[Model], str]]:
    """Every table, of whatever app, with a column that names one row of `owner`."""
    return [
        (table, field.name)
        for table in apps.get_models(include_auto_created=True)
        for field in table._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model is owner
    ]


def owned_tables() -> set[type[Model]]:
    """What belongs to an account, be it by way of its project or its API token."""
    owned: set[type[Model]] = set()
    looked_at: list[type[Model]] = [User]
    while looked_at:
        found = {table for table, _ in columns_naming(looked_at.pop())} - owned
        owned |= found
        looked_at += found
    return owned


def rows_with(text: str) -> list[str]:
    """Every row of every table, sessions as their owner sees them, that says `text`."""
    return [
        f"{table.__name__}: {row}"
        for table in apps.get_models(include_auto_created=True)
        for row in table._base_manager.values()
        if text in str(_legible(row))
    ]


def _legible(row: dict[str, Any]) -> dict[str, Any]:
    if "session_data" in row:
        row["session_data"] = SessionStore().decode(row["session_data"])
    return row


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
        tables = columns_naming(User)
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
        named = {table.__name__ for table in owned_tables()}
        self.assertEqual(named, {*EXPORTED, *NOT_EXPORTED})
        self.assertLessEqual(set(EXPORTED.values()), {one.name for one in sections()})

    def test_it_leaves_their_address_in_no_row_of_any_table(self) -> None:
        self.client.logout()
        form = {"login": "alice@example.org", "password": "wrong"}
        self.client.post("/accounts/login/", form)
        self.client.post("/accounts/login/", form | {"password": self.password})
        TOTP.activate(self.alice, generate_totp_secret())
        request_tier(user=self.alice, tier=Tier.PREMIUM, page="…")
        form = {"email": "alice@elsewhere.example", "action_add": ""}
        self.client.post("/accounts/email/", form)
        self.assertGreaterEqual(len(rows_with("alice@")), 3)
        self.delete()
        self.assertEqual(rows_with("alice@"), [])

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
