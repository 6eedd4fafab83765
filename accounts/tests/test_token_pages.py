"""The dashboard's further choices, rotation, and the page of projects."""

from __future__ import annotations

import datetime
import re
from typing import Any

from django.core import mail
from django.test import override_settings
from django.utils import timezone

from accounts import quota
from accounts.api_tokens import issue_api_token
from accounts.authentication import authenticate_plaintext
from accounts.errors import InvalidApiToken
from accounts.mailing import wait_until_sent
from accounts.models import ApiToken, Project
from accounts.projects import archive_project, create_project
from neuro_site.testing import PASSWORD, BaseTestCase, Response


class SignedInTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        # Creating and rotating want a fresh sign-in, which a form makes.
        self.client.post(
            "/accounts/login/", {"login": self.alice.email, "password": PASSWORD}
        )

    def plaintext(self, response: Response) -> str:
        page = (
            self.client.get("/dashboard/") if response.status_code == 302 else response
        )
        found = re.search(r'id="new-api-token">(nro_\w+)<', page.content.decode())
        assert found
        return found[1]


class CreateTestCase(SignedInTestCase):
    def create(self, **fields: object) -> Response:
        fields = {"name": "night job", "more": "1", "scopes": ["predict"]} | fields
        return self.client.post("/dashboard/api-tokens/", fields)

    def test_it_is_named_on_one_line(self) -> None:
        self.assertContains(self.create(name="a\nb"), "A name is one line")

    def test_it_takes_every_choice(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        response = self.create(
            project=thesis.public_id,
            scopes=["predict", "read:usage"],
            lifetime="30",
            allowed_models=["neo-tiny"],
            limit_tokens_per_day="500",
        )
        api_token = authenticate_plaintext(self.plaintext(response))
        self.assertEqual(api_token.project, thesis)
        self.assertEqual(api_token.scopes, ["predict", "read:usage"])
        self.assertEqual(api_token.allowed_models, ["neo-tiny"])
        self.assertEqual(api_token.own_limits, {"tokens_per_day": 500})
        assert api_token.expires_at
        left = api_token.expires_at - timezone.now()
        self.assertAlmostEqual(left.total_seconds(), 30 * 86_400, delta=60)

    def test_it_refuses_what_makes_no_sense_and_shows_the_choices(self) -> None:
        bobs = self.bob.default_project
        cases: list[dict[str, Any]] = [
            {"project": bobs.public_id},
            {"scopes": ["everything"]},
            {"scopes": []},
            {"lifetime": "-1"},
            {"allowed_models": ["gpt-9"]},
            {"limit_tokens_per_day": "999999999"},
            {"limit_requests_per_minute": "0"},
        ]
        for fields in cases:
            with self.subTest(fields):
                response = self.create(**fields)
                self.assertContains(response, "open>")
        self.assertFalse(ApiToken.objects.filter(name="night job").exists())

    def test_it_makes_none_in_an_archived_project(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        archive_project(project=thesis)
        self.assertEqual(self.create(project=thesis.public_id).status_code, 200)
        self.assertFalse(thesis.api_tokens.exists())


class RotateTestCase(SignedInTestCase):
    def rotate(self, api_token: ApiToken, grace: str = "0") -> Response:
        url = f"/dashboard/api-tokens/{api_token.public_id}/rotate/"
        return self.client.post(url, {"grace": grace})

    def test_it_shows_the_new_value_and_ends_the_old_one(self) -> None:
        new = self.plaintext(self.rotate(self.api_token_of(self.alice)))
        self.assertNotEqual(new, self.alice_api_token)
        authenticate_plaintext(new)
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(self.alice_api_token)

    def test_it_says_how_long_the_old_value_lives(self) -> None:
        self.rotate(self.api_token_of(self.alice), "86400")
        authenticate_plaintext(self.alice_api_token)
        self.assertContains(self.client.get("/dashboard/"), "Old value until")

    def test_it_takes_no_grace_period_but_those_it_offers(self) -> None:
        self.rotate(self.api_token_of(self.alice), "99999999")
        self.assertIsNone(self.api_token_of(self.alice).rotated_at)

    def test_it_knows_only_the_owners(self) -> None:
        self.assertEqual(self.rotate(self.api_token_of(self.bob)).status_code, 404)


class FilterTestCase(SignedInTestCase):
    def test_it_shows_one_project_or_all(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        issue_api_token(project=thesis, name="evaluation")
        everything = self.client.get("/dashboard/")
        self.assertContains(everything, "evaluation")
        self.assertContains(everything, "test script")
        one = self.client.get(f"/dashboard/?project={thesis.public_id}")
        self.assertNotContains(one, "test script")

    def test_it_says_that_a_project_has_none(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        response = self.client.get(f"/dashboard/?project={thesis.public_id}")
        self.assertContains(response, "No API tokens in Thesis")

    def test_it_does_not_know_the_projects_of_others(self) -> None:
        public_id = self.bob.default_project.public_id
        response = self.client.get(f"/dashboard/?project={public_id}")
        self.assertEqual(response.status_code, 404)


class ProjectsPageTestCase(SignedInTestCase):
    def post(self, path: str, **fields: str) -> Response:
        return self.client.post(f"/projects/{path}", fields, follow=True)

    def test_it_creates_renames_archives_and_restores(self) -> None:
        self.assertContains(self.post("", name="Thesis"), "“Thesis” is ready")
        project = Project.objects.get(name="Thesis")
        path = project.public_id
        self.assertContains(self.post(f"{path}/rename/", name="Book"), "“Book” now")
        self.assertContains(self.post(f"{path}/archive/"), "“Book” is archived")
        self.assertContains(self.client.get("/projects/"), "Restore")
        self.assertContains(self.post(f"{path}/restore/"), "“Book” is back")

    def test_it_says_what_is_wrong(self) -> None:
        self.assertContains(self.post("", name="default"), "already")
        path = self.alice.default_project.public_id
        self.assertContains(self.post(f"{path}/archive/"), "every account&#x27;s own")

    def test_it_knows_only_the_owners(self) -> None:
        path = self.bob.default_project.public_id
        for action in ("rename", "archive", "restore"):
            self.assertEqual(self.post(f"{path}/{action}/").status_code, 404)


class WarningTestCase(SignedInTestCase):
    def use(self, tokens: int) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            quota.settle(quota.reserve(user=self.alice, tokens=tokens), used=tokens)

    def setUp(self) -> None:
        super().setUp()
        self.alice.staff_limits = {"tokens_per_day": 100}
        self.alice.save()

    def test_it_warns_on_the_dashboard(self) -> None:
        self.use(80)
        self.assertContains(self.client.get("/dashboard/"), "Over 80%")
        self.use(20)
        self.assertContains(self.client.get("/dashboard/"), "are refused until")

    @override_settings(MAIL_IS_CONFIGURED=True)
    def test_it_mails_once_a_day_for_each_threshold(self) -> None:
        for tokens in (79, 1, 1, 19):
            self.use(tokens)
        wait_until_sent()
        subjects = [str(one.subject) for one in mail.outbox]
        self.assertEqual(len(subjects), 2, subjects)
        self.assertIn("80%", subjects[0])
        self.assertIn("used up", subjects[1])
        self.assertEqual(mail.outbox[0].to, ["alice@example.org"])

    def test_it_mails_nothing_without_a_mail_server(self) -> None:
        self.use(100)
        wait_until_sent()
        self.assertEqual(mail.outbox, [])


class ExpiryTestCase(BaseTestCase):
    def test_it_ends_at_the_moment_that_was_chosen(self) -> None:
        api_token = self.api_token_of(self.alice)
        api_token.expires_at = timezone.now() + datetime.timedelta(seconds=60)
        api_token.save()
        authenticate_plaintext(self.alice_api_token)
        ApiToken.objects.update(expires_at=timezone.now())
        with self.assertRaises(InvalidApiToken) as caught:
            authenticate_plaintext(self.alice_api_token)
        self.assertEqual(caught.exception.code, "expired_api_token")
