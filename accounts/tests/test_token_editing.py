"""API tokens after they were made: other names, scopes, models, expiry, limits."""

from __future__ import annotations

import datetime
import time
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import fresh_sign_in
from accounts.api_tokens import issue_api_token, revoke_api_token
from accounts.authentication import authenticate_plaintext
from accounts.models import ApiToken, AuditEvent
from accounts.tests.test_token_api import ALL, TOKENS, TokenApiTestCase
from accounts.token_options import TokenOptions
from neuro_site.testing import BaseTestCase, Response

CONFIRM = "/accounts/reauthenticate/"


class EditPageTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)
        self.api_token, self.plaintext = issue_api_token(
            project=self.alice.default_project,
            name="job",
            options=TokenOptions(
                scopes=["predict", "read:usage"],
                expires_at=timezone.now() + datetime.timedelta(days=20),
                allowed_models=["neo-tiny"],
                own_limits={"tokens_per_day": 500, "requests_per_minute": 5},
            ),
        )
        self.url = f"/dashboard/api-tokens/{self.api_token.public_id}/"

    def leave_for_a_while(self) -> None:
        session = self.client.session
        session[fresh_sign_in.SIGNED_IN_AT] = (
            time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT - 1
        )
        session.save()

    def edit(self, **changes: Any) -> Response:
        """The form as the page shows it, but for `changes`."""
        fields = {
            "name": "job",
            "scopes": ["predict", "read:usage"],
            "lifetime": "unchanged",
            "allowed_models": ["neo-tiny"],
            "limit_tokens_per_day": "500",
            "limit_requests_per_minute": "5",
        }
        response: Response = self.client.post(self.url, fields | changes)
        return response

    def now(self) -> ApiToken:
        return authenticate_plaintext(self.plaintext)

    def last_event(self) -> AuditEvent:
        event = AuditEvent.objects.filter(user=self.alice).first()
        assert event
        return event

    def test_it_shows_what_holds_now_and_never_the_value(self) -> None:
        response = self.client.get(self.url)
        for said in ('value="job"', 'value="500"', "As it is:", "neo-tiny"):
            self.assertContains(response, said)
        for secret in (self.plaintext, self.api_token.digest):
            self.assertNotContains(response, secret)

    def test_it_narrows_without_asking_who_it_is(self) -> None:
        self.leave_for_a_while()
        response = self.edit(
            name="night job", scopes=["predict"], lifetime="7", limit_tokens_per_day="9"
        )
        self.assertEqual(response["Location"], "/dashboard/")
        api_token = self.now()
        self.assertEqual((api_token.name, api_token.scopes), ("night job", ["predict"]))
        self.assertEqual(api_token.own_limits["tokens_per_day"], 9)
        assert api_token.expires_at
        left = api_token.expires_at - timezone.now()
        self.assertAlmostEqual(left.total_seconds(), 7 * 86_400, delta=60)

    def test_it_widens_for_a_fresh_sign_in_alone(self) -> None:
        cases: tuple[dict[str, Any], ...] = (
            {"scopes": ["predict", "read:usage", "manage:tokens"]},
            {"lifetime": "never"},
            {"lifetime": "30"},
            {"allowed_models": []},
            {"limit_tokens_per_day": "501"},
            {"limit_requests_per_minute": ""},
        )
        for changes in cases:
            with self.subTest(changes):
                self.leave_for_a_while()
                response = self.edit(**changes)
                self.assertIn(CONFIRM, response["Location"])
                self.api_token.refresh_from_db()
                before = TokenOptions.of(self.api_token)
                self.assertEqual(TokenOptions.of(self.now()), before)
        self.client.post(CONFIRM, {"password": self.password, "next": self.url})
        self.assertEqual(self.now().own_limits, {"tokens_per_day": 500})

    def test_it_says_what_changed_in_the_audit_log(self) -> None:
        self.edit(name="night job", limit_tokens_per_day="9")
        event = self.last_event()
        self.assertEqual(event.kind, "api_token.updated")
        self.assertEqual(
            event.details["changes"],
            "Name: “job” → “night job”; "
            "Limits: Requests a minute 5, Tokens a day 500 → "
            "Requests a minute 5, Tokens a day 9",
        )

    def test_it_notes_nothing_where_nothing_changes(self) -> None:
        before = AuditEvent.objects.count()
        self.edit()
        self.assertEqual(AuditEvent.objects.count(), before)

    def test_it_refuses_what_makes_no_sense(self) -> None:
        cases: tuple[dict[str, Any], ...] = (
            {"name": " "},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"lifetime": "-1"},
            {"allowed_models": ["gpt-9"]},
            {"limit_tokens_per_day": "999999999"},
        )
        for changes in cases:
            with self.subTest(changes):
                self.assertEqual(self.edit(**changes).status_code, 200)
        self.assertEqual(self.now().name, "job")

    def test_it_keeps_a_model_that_is_offered_no_longer(self) -> None:
        """Dropped unseen, none would be left, and none means every one."""
        ApiToken.objects.filter(pk=self.api_token.pk).update(allowed_models=["gone"])
        self.assertContains(self.client.get(self.url), "gone (not offered)")
        self.edit(allowed_models=["gone"])
        self.assertEqual(self.now().allowed_models, ["gone"])

    def test_it_changes_none_that_works_no_more(self) -> None:
        revoke_api_token(api_token=self.api_token)
        self.assertEqual(self.client.get(self.url).status_code, 302)
        self.edit(name="back")
        self.assertFalse(ApiToken.objects.filter(name="back").exists())

    def test_it_knows_only_the_owners(self) -> None:
        self.client.force_login(self.bob)
        self.assertEqual(self.client.get(self.url).status_code, 404)
        self.assertEqual(self.edit(name="mine").status_code, 404)
        self.assertEqual(self.now().name, "job")


class PatchTests(TokenApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.created = self.create(limits={"tokens_per_day": 50}).json()
        self.url = f"{TOKENS}/{self.created['id']}"

    def patch(self, *, api_token: str = "", **body: Any) -> Response:
        return self.ask("patch", self.url, body, api_token=api_token)

    def test_it_changes_what_is_given_and_leaves_the_rest(self) -> None:
        answer = self.patch(name="renamed", expires_in_seconds=3600)
        self.assertEqual(answer.status_code, 200, answer.content)
        changed = answer.json()
        self.assertEqual(changed["name"], "renamed")
        self.assertTrue(changed["expires_at"])
        for name in ("id", "prefix", "scopes", "allowed_models", "limits"):
            self.assertEqual(changed[name], self.created[name])
        self.assertNotIn("api_token", changed)
        self.assertEqual(
            authenticate_plaintext(self.created["api_token"]).name, "renamed"
        )

    def test_it_holds_from_the_next_call_on(self) -> None:
        self.patch(scopes=["read:usage"], allowed_models=["neo-tiny"], limits={})
        me = self.ask("get", "/api/v1/me", api_token=self.created["api_token"]).json()
        self.assertEqual(me["api_token"]["scopes"], ["read:usage"])
        self.assertEqual(me["api_token"]["allowed_models"], ["neo-tiny"])
        self.assertEqual(me["api_token_limits"], [])

    def test_it_takes_an_expiry_away(self) -> None:
        self.patch(expires_in_seconds=3600)
        self.assertIsNone(self.patch(expires_in_seconds=None).json()["expires_at"])

    def test_it_gives_none_more_than_the_one_that_asks_has(self) -> None:
        cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"scopes": ["manage:tokens"]}, {"name": "x"}),
            ({"scopes": ["manage:tokens", "predict"]}, {"scopes": ["read:usage"]}),
            ({"own_limits": {"tokens_per_day": 10}}, {"name": "x"}),
            ({"allowed_models": ["neo-tiny"]}, {"allowed_models": ["gpt-neo-125m"]}),
        ]
        for own, wanted in cases:
            with self.subTest(own=own, wanted=wanted):
                answer = self.patch(api_token=self.manager_with(**own), **wanted)
                self.refusal(answer, 403)
        self.assertEqual(self.last().name, "made by a script")

    def last(self) -> ApiToken:
        return ApiToken.objects.get(public_id=self.created["id"])

    def test_it_gives_itself_no_more_either(self) -> None:
        own = self.manager_with(scopes=["manage:tokens"])
        me = authenticate_plaintext(own).public_id
        answer = self.ask("patch", f"{TOKENS}/{me}", {"scopes": ALL}, api_token=own)
        self.refusal(answer, 403)

    def test_it_refuses_what_makes_no_sense_and_names_the_field(self) -> None:
        cases: tuple[tuple[str, dict[str, Any]], ...] = (
            ("name", {"name": ""}),
            ("scopes", {"scopes": []}),
            ("limits", {"limits": {"tokens_per_day": 10**9}}),
            ("prefix", {"prefix": "nro_x"}),
        )
        for param, body in cases:
            with self.subTest(body=body):
                self.assertEqual(self.refusal(self.patch(**body), 400)["param"], param)

    def test_it_changes_none_that_is_revoked(self) -> None:
        self.ask("delete", self.url)
        self.refusal(self.patch(name="back"), 409)

    def test_it_knows_none_of_others_and_wants_the_scope(self) -> None:
        bobs = self.api_token_of(self.bob).public_id
        self.refusal(self.ask("patch", f"{TOKENS}/{bobs}", {"name": "x"}), 404)
        low = self.manager_with(scopes=["predict", "read:usage"])
        self.refusal(self.patch(api_token=low, name="x"), 403)

    def test_it_is_noted_in_the_audit_log(self) -> None:
        self.patch(scopes=["read:usage"])
        event = AuditEvent.objects.filter(user=self.alice).first()
        assert event
        self.assertEqual(event.details["changes"], "May: Run models → Read usage")
