from __future__ import annotations

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError

from accounts import api_tokens, services, tier_changes
from accounts.authentication import authenticate_plaintext
from accounts.models import Project, User
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase


class RegisterUserTestCase(BaseTestCase):
    def register(self, email: str) -> User:
        return services.register_user(email=email, password="a long enough phrase")

    def test_it_starts_on_free_with_a_default_project(self) -> None:
        user = self.register("Dave@Example.org")
        self.assertEqual(user.email, "dave@example.org")
        self.assertEqual(user.tier, Tier.FREE)
        self.assertEqual([p.name for p in user.projects.all()], ["Default"])
        self.assertTrue(user.check_password("a long enough phrase"))

    def test_it_counts_the_address_as_confirmed(self) -> None:
        user = self.register("dave@example.org")
        self.assertTrue(EmailAddress.objects.get(user=user).verified)

    def test_it_refuses_a_taken_address_in_any_case(self) -> None:
        with self.assertRaisesMessage(ValidationError, "already"):
            self.register("ALICE@example.org")

    def test_it_refuses_a_weak_password_and_a_bad_address(self) -> None:
        before = User.objects.count()
        for email, password in (
            ("dave@example.org", "12345678"),
            ("dave.example@example.org", "dave.example"),
            ("dave", "a long enough phrase"),
        ):
            with self.assertRaises(ValidationError):
                services.register_user(email=email, password=password)
        self.assertEqual(User.objects.count(), before)


class ApiTokenServicesTestCase(BaseTestCase):
    def test_it_issues_several_to_one_project(self) -> None:
        project = self.alice.default_project
        first, _ = api_tokens.issue_api_token(project=project, name="laptop")
        second, plaintext = api_tokens.issue_api_token(project=project, name="laptop")
        self.assertNotEqual(first.public_id, second.public_id)
        self.assertEqual(authenticate_plaintext(plaintext), second)
        self.assertEqual(project.api_tokens.count(), 3)

    def test_it_revokes_one_and_leaves_the_others(self) -> None:
        _, plaintext = api_tokens.issue_api_token(
            project=self.alice.default_project, name="laptop"
        )
        old = authenticate_plaintext(self.alice_api_token)
        api_tokens.revoke_api_token(api_token=old)
        self.assertTrue(old.is_revoked)
        self.assertEqual(authenticate_plaintext(plaintext).name, "laptop")

    def test_it_keeps_the_first_time_when_revoked_twice(self) -> None:
        api_token = self.api_token_of(self.alice)
        api_tokens.revoke_api_token(api_token=api_token)
        first = api_token.revoked_at
        api_tokens.revoke_api_token(api_token=api_token)
        self.assertEqual(api_token.revoked_at, first)


class ChangeTierTestCase(BaseTestCase):
    def test_it_takes_effect_at_once(self) -> None:
        tier_changes.change_tier(user=self.charlie, tier=Tier.PREMIUM)
        stored = User.objects.get(pk=self.charlie.pk)
        self.assertEqual(stored.tier, Tier.PREMIUM)
        self.assertGreater(stored.limits.tokens_per_day, 1_000_000)


class DefaultProjectTestCase(BaseTestCase):
    def test_it_exists_for_accounts_made_by_createsuperuser_too(self) -> None:
        user = User.objects.create_superuser("root@example.org", "a long phrase")
        self.assertEqual(user.default_project.name, Project.DEFAULT_NAME)
        self.assertEqual(user.default_project, user.default_project)
