from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import Project, UsageDay, User
from neuro_site.testing import BaseTestCase


class UserTestCase(BaseTestCase):
    def test_it_is_known_by_its_e_mail_address(self) -> None:
        names = {str(self.alice), self.alice.get_full_name()}
        self.assertEqual(names, {"alice@example.org"})

    def test_it_is_found_whatever_the_case(self) -> None:
        found = User.objects.get_by_natural_key("Alice@Example.ORG")
        self.assertEqual(found, self.alice)

    def test_it_is_stored_in_lower_case_by_every_way_in(self) -> None:
        made = User.objects.create_user("Dave@Example.org")
        cleaned = User(email="Erin@Example.org", password="!")
        cleaned.clean()
        self.assertEqual(made.email, "dave@example.org")
        self.assertEqual(cleaned.email, "erin@example.org")

    def test_it_cannot_share_an_address(self) -> None:
        with self.assertRaises(IntegrityError), transaction.atomic():
            User.objects.create_user("ALICE@example.org")

    def test_it_takes_everything_along_when_it_is_deleted(self) -> None:
        UsageDay.objects.create(user=self.alice, day="2026-03-01")
        self.alice.delete()
        self.assertFalse(Project.objects.filter(user__email__startswith="al").exists())
        self.assertFalse(UsageDay.objects.exists())


class ProjectTestCase(BaseTestCase):
    def test_it_has_a_name_once_per_account(self) -> None:
        Project.objects.create(user=self.bob, name="shop")
        Project.objects.create(user=self.alice, name="shop")
        with self.assertRaises(IntegrityError), transaction.atomic():
            Project.objects.create(user=self.alice, name="shop")
