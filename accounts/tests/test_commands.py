from __future__ import annotations

import io
from typing import Any
from unittest.mock import patch

from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.authentication import authenticate_plaintext
from accounts.models import ApiToken, User
from accounts.projects import archive_project, create_project
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class CommandTestCase(BaseTestCase):
    def run_command(self, *args: Any, stdin: io.StringIO | None = None) -> list[str]:
        stdout = io.StringIO()
        with patch("sys.stdin", stdin or Terminal()):
            call_command(*args, stdout=stdout)
        return stdout.getvalue().splitlines()


class CreateAccountTestCase(CommandTestCase):
    def test_it_takes_the_password_from_standard_input(self) -> None:
        lines = self.run_command(
            "create_account",
            "dave@example.org",
            "--tier",
            "developer",
            stdin=io.StringIO("a long enough phrase\n"),
        )
        user = User.objects.get(email="dave@example.org")
        self.assertEqual(user.tier, Tier.DEVELOPER)
        self.assertTrue(user.check_password("a long enough phrase"))
        self.assertEqual(lines, ["Created dave@example.org on Developer."])

    def test_it_makes_a_password_up_and_prints_it(self) -> None:
        for stdin in (Terminal(), io.StringIO("")):
            User.objects.filter(email="dave@example.org").delete()
            lines = self.run_command("create_account", "dave@example.org", stdin=stdin)
            user = User.objects.get(email="dave@example.org")
            self.assertEqual(user.tier, Tier.FREE)
            self.assertTrue(user.check_password(lines[-1].removeprefix("Password: ")))

    def test_it_lets_the_new_account_sign_in(self) -> None:
        lines = self.run_command("create_account", "dave@example.org")
        password = lines[-1].removeprefix("Password: ")
        response = self.client.post(
            "/accounts/login/", {"login": "dave@example.org", "password": password}
        )
        self.assertRedirects(response, "/dashboard/", fetch_redirect_response=False)

    def test_it_refuses_an_address_that_has_an_account(self) -> None:
        with self.assertRaisesMessage(CommandError, "account for alice@example.org"):
            self.run_command("create_account", "Alice@example.org")

    def test_it_refuses_a_weak_password_and_says_why(self) -> None:
        with self.assertRaisesMessage(CommandError, "too short"):
            self.run_command(
                "create_account", "dave@example.org", stdin=io.StringIO("x7!k\n")
            )
        self.assertFalse(User.objects.filter(email="dave@example.org").exists())

    def test_it_refuses_a_bad_address_and_an_unknown_tier(self) -> None:
        with self.assertRaisesMessage(CommandError, "valid email address"):
            self.run_command("create_account", "dave")
        with self.assertRaisesMessage(CommandError, "invalid choice"):
            self.run_command("create_account", "dave@example.org", "--tier", "gold")


class CreateApiTokenTestCase(CommandTestCase):
    def test_it_prints_the_api_token_alone_on_its_last_line(self) -> None:
        lines = self.run_command(
            "create_api_token", "alice@example.org", "--name", "night job"
        )
        api_token = authenticate_plaintext(lines[-1])
        self.assertEqual(api_token.name, "night job")
        self.assertEqual(api_token.project, self.alice.default_project)

    def test_it_takes_every_choice(self) -> None:
        chosen = {
            "--project": ["Thesis"],
            "--scope": ["predict", "read:usage"],
            "--model": ["neo-tiny"],
            "--expires-in-days": ["30"],
            "--limit": ["tokens_per_day=500", "requests_per_minute=5"],
        }
        words = [
            word
            for name, values in chosen.items()
            for v in values
            for word in (name, v)
        ]
        lines = self.run_command(
            "create_api_token", "alice@example.org", "--name", "job", *words
        )
        api_token = authenticate_plaintext(lines[-1])
        self.assertEqual(api_token.project.name, "Thesis")
        self.assertEqual(api_token.scopes, ["predict", "read:usage"])
        self.assertEqual(api_token.allowed_models, ["neo-tiny"])
        self.assertEqual(
            api_token.own_limits, {"tokens_per_day": 500, "requests_per_minute": 5}
        )
        assert api_token.expires_at
        left = api_token.expires_at - timezone.now()
        self.assertAlmostEqual(left.total_seconds(), 30 * 86_400, delta=60)

    def test_it_refuses_what_makes_no_sense_and_names_it(self) -> None:
        project = create_project(user=self.alice, name="Old")
        archive_project(project=project)
        for word, choice in (
            ("--scope", ("--scope", "everything")),
            ("gpt-9", ("--model", "gpt-9")),
            ("expires_in_seconds", ("--expires-in-days", "0")),
            ("whole|valid integer", ("--limit", "tokens_per_day")),
            ("priority", ("--limit", "priority=2")),
            ("Tokens a day", ("--limit", "tokens_per_day=999999999")),
            ("archived", ("--project", "Old")),
        ):
            with (
                self.subTest(choice),
                self.assertRaisesRegex(CommandError, word),
            ):
                self.run_command(
                    "create_api_token", "alice@example.org", "--name", "x", *choice
                )
        self.assertFalse(ApiToken.objects.filter(name="x").exists())

    def test_it_names_the_command_that_mends_an_unknown_account(self) -> None:
        with self.assertRaisesMessage(CommandError, "create_account dave@example.org"):
            self.run_command("create_api_token", "dave@example.org", "--name", "x")

    def test_it_refuses_a_name_that_is_empty_or_endless(self) -> None:
        for name in (" ", "x" * 101):
            with self.assertRaises(CommandError):
                self.run_command(
                    "create_api_token", "alice@example.org", "--name", name
                )
