from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.api_tokens import issue_api_token, revoke_api_token
from accounts.authentication import authenticate_plaintext
from accounts.errors import InvalidApiToken
from accounts.models import (
    ApiToken,
    AuditEvent,
    Project,
    TierRequest,
    UsageDay,
    User,
)
from accounts.services import register_user
from accounts.tier_requests import request_tier
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase


class AdminTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        root = User.objects.create_superuser("root@example.org", "a long phrase")
        self.client.force_login(root)
        UsageDay.objects.create(user=self.alice, day="2026-03-01", tokens_used=7)

    def test_it_lists_and_shows_every_record_of_accounts(self) -> None:
        for model in (User, Project, ApiToken, UsageDay):
            self.assertIn(model, admin.site._registry)
            name = f"admin:accounts_{model._meta.model_name}"
            listing = self.client.get(reverse(f"{name}_changelist"), {"q": "alice"})
            self.assertEqual(listing.status_code, 200)
            record = model._default_manager.first()
            assert record is not None
            page = self.client.get(reverse(f"{name}_change", args=[record.pk]))
            self.assertEqual(page.status_code, 200)

    def test_it_adds_an_account_by_e_mail(self) -> None:
        form = {
            "email": "Dave@Example.org",
            "tier": "developer",
            "password1": "a long enough phrase",
            "password2": "a long enough phrase",
            "usable_password": "true",
        }
        response = self.client.post(reverse("admin:accounts_user_add"), form)
        self.assertEqual(response.status_code, 302, response.content)
        self.assertEqual(User.objects.get(email="dave@example.org").tier, "developer")

    def test_it_can_neither_make_nor_change_an_api_token(self) -> None:
        add = self.client.get(reverse("admin:accounts_apitoken_add"))
        self.assertEqual(add.status_code, 403)
        api_token = self.api_token_of(self.alice)
        url = reverse("admin:accounts_apitoken_change", args=[api_token.pk])
        page = self.client.get(url)
        self.assertNotContains(page, api_token.digest)
        self.assertEqual(self.client.post(url, {"name": "x"}).status_code, 403)

    def test_it_revokes_api_tokens(self) -> None:
        self.client.post(
            reverse("admin:accounts_apitoken_changelist"),
            {
                "action": "revoke",
                "_selected_action": [self.api_token_of(self.alice).pk],
            },
        )
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(self.alice_api_token)
        self.assertTrue(authenticate_plaintext(self.bob_api_token))

    def test_it_changes_and_deletes_nothing_that_services_write(self) -> None:
        for model in (Project, ApiToken, UsageDay, AuditEvent, TierRequest):
            name = f"admin:accounts_{model._meta.model_name}"
            self.assertEqual(self.client.get(reverse(f"{name}_add")).status_code, 403)
            for record in model._default_manager.all()[:1]:
                for way in ("change", "delete"):
                    url = reverse(f"{name}_{way}", args=[record.pk])
                    answer = self.client.post(url, {"post": "yes"})
                    self.assertEqual(answer.status_code, 403, url)

    def test_it_asks_as_little_for_many_rows_as_for_few(self) -> None:
        urls = [
            reverse(
                f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            )
            for model in admin.site._registry
        ]
        self.client.get(urls[0])  # a session's first visit is noted
        before = [self._queries(url) for url in urls]
        for number in range(3):
            user = register_user(
                email=f"many{number}@example.org", password="a long phrase"
            )
            issue_api_token(project=user.default_project, name="one")
            UsageDay.objects.create(user=user, day="2026-03-01")
            request_tier(user=user, tier=Tier.PREMIUM, page="…")
        for url, queries in zip(urls, before, strict=True):
            self.assertEqual(self._queries(url), queries, url)

    def _queries(self, url: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            self.assertEqual(self.client.get(url).status_code, 200)
        return len(asked)

    def test_it_notes_the_tier_that_staff_give(self) -> None:
        page = self.client.get(f"/admin/accounts/user/{self.alice.pk}/change/")
        initial = page.context["adminform"].form.initial
        form = {
            name: value
            for name, value in initial.items()
            if value not in (None, False, [])
        }
        self.client.post(page.request["PATH_INFO"], form | {"tier": "premium"})
        event = self.alice.audit_events.get(kind="tier.changed")
        self.assertEqual(event.details, {"before": "Developer", "after": "Premium"})
        self.assertEqual(event.actor, "staff")

    def test_it_asks_before_it_deletes_and_shows_no_row_of_the_account(self) -> None:
        url = f"/admin/accounts/user/{self.alice.pk}/delete/"
        with CaptureQueriesContext(connection) as asked:
            page = self.client.get(url)
        self.assertContains(page, "alice@example.org, with its projects, API tokens")
        self.assertFalse([one for one in asked if "predictionrecord" in one["sql"]])
        self.assertNotContains(page, self.api_token_of(self.alice).prefix)

    def test_it_tells_working_api_tokens_from_revoked_ones(self) -> None:
        revoke_api_token(api_token=self.api_token_of(self.alice))
        url = reverse("admin:accounts_apitoken_changelist")
        working = self.client.get(url, {"revoked_at__isempty": "1"})
        self.assertNotContains(working, self.api_token_of(self.alice).prefix)
        self.assertContains(working, self.api_token_of(self.bob).prefix)
        self.assertContains(working, "Not yet")

    def test_it_confirms_addresses(self) -> None:
        EmailAddress.objects.filter(user=self.alice).delete()
        form = {"action": "confirm", "_selected_action": [self.alice.pk]}
        self.client.post(reverse("admin:accounts_user_changelist"), form)
        address = EmailAddress.objects.get(user=self.alice)
        self.assertEqual((address.email, address.verified), (self.alice.email, True))

    def test_it_changes_passwords_where_everybody_does(self) -> None:
        response = self.client.get(reverse("admin:password_change"))
        self.assertRedirects(response, "/accounts/password/change/")

    def test_it_leads_to_what_waits(self) -> None:
        request_tier(user=self.charlie, tier=Tier.PREMIUM, page="…")
        page = self.client.get(reverse("admin:index"))
        self.assertContains(page, '<a href="/account/approvals/">Approvals (1)</a>')

    def test_it_is_closed_to_accounts_that_are_not_staff(self) -> None:
        self.client.force_login(self.alice)
        response = self.client.get(reverse("admin:accounts_user_changelist"))
        self.assertEqual(response.status_code, 302)


class UserAdminTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        self.bob.is_staff = self.bob.is_superuser = True
        self.bob.save()
        self.client.force_login(self.bob)

    def can_sign_in(self, email: str) -> bool:
        self.client.logout()
        form = {"login": email, "password": self.password}
        with self.settings(ACCOUNT_EMAIL_VERIFICATION="mandatory"):
            return self.client.post("/accounts/login/", form).has_header("Location")

    def test_it_vouches_for_the_addresses_that_staff_write(self) -> None:
        form = {
            "email": "erin@example.org",
            "tier": "free",
            "password1": self.password,
            "password2": self.password,
        }
        self.client.post("/admin/accounts/user/add/", form)
        self.assertTrue(self.can_sign_in("erin@example.org"))

    def test_it_lets_nobody_in_with_an_address_that_staff_have_replaced(self) -> None:
        url = f"/admin/accounts/user/{self.alice.pk}/change/"
        page = self.client.get(url)
        form = {
            name: value
            for name, value in page.context["adminform"].form.initial.items()
            if value not in (None, False, [])
        }
        self.client.post(url, form | {"email": "alicia@example.org"})
        self.alice.refresh_from_db()
        self.assertEqual(self.alice.email, "alicia@example.org")
        self.assertFalse(self.can_sign_in("alice@example.org"))
        self.assertTrue(self.can_sign_in("alicia@example.org"))
