"""`/api/v1/tokens` and `/api/v1/me`."""

from __future__ import annotations

import datetime
import json
from typing import Any

from django.utils import timezone

from accounts import quota
from accounts.api_tokens import issue_api_token
from accounts.authentication import authenticate_plaintext
from accounts.errors import InvalidApiToken
from accounts.models import ApiToken, AuditEvent, Scope
from accounts.projects import create_project
from accounts.token_options import TokenOptions
from neuro_site.testing import BaseTestCase, Response

TOKENS = "/api/v1/tokens"
ALL = list(Scope.values)


class TokenApiTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager = self.manager_with()

    def manager_with(self, **options: Any) -> str:
        options = {"scopes": ALL} | options
        _, plaintext = issue_api_token(
            project=self.alice.default_project,
            name="manager",
            options=TokenOptions(**options),
        )
        return plaintext

    def ask(
        self, method: str, path: str, body: object = None, *, api_token: str = ""
    ) -> Response:
        if method == "get":
            return self.client.get(path, headers=self.bearer(api_token or self.manager))
        response: Response = getattr(self.client, method)(
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers=self.bearer(api_token or self.manager),
        )
        return response

    def create(self, *, api_token: str = "", **body: Any) -> Response:
        body = {"name": "made by a script"} | body
        return self.ask("post", TOKENS, body, api_token=api_token)

    def refusal(self, response: Response, status: int) -> dict[str, Any]:
        self.assertEqual(response.status_code, status, response.content)
        error: dict[str, Any] = response.json()["error"]
        return error


class CreateTests(TokenApiTestCase):
    def test_it_is_named_on_one_line(self) -> None:
        error = self.refusal(self.create(name="a\r\nb"), 400)
        self.assertEqual((error["code"], error["param"]), ("invalid_input", "name"))

    def test_it_tells_the_value_once_and_it_works(self) -> None:
        answer = self.create()
        self.assertEqual(answer.status_code, 201)
        created = answer.json()
        api_token = authenticate_plaintext(created["api_token"])
        self.assertEqual(api_token.public_id, created["id"])
        self.assertEqual(api_token.scopes, ["predict"])
        self.assertEqual(api_token.project, self.alice.default_project)
        listed = self.ask("get", TOKENS).content.decode()
        self.assertNotIn(created["api_token"], listed)
        self.assertNotIn(api_token.digest, listed)

    def test_it_takes_every_choice(self) -> None:
        created = self.create(
            scopes=["predict", "read:usage"],
            expires_in_seconds=3600,
            allowed_models=["neo-tiny"],
            limits={"requests_per_minute": 5, "tokens_per_day": 1000},
        ).json()
        self.assertEqual(created["limits"]["requests_per_minute"], 5)
        self.assertEqual(created["allowed_models"], ["neo-tiny"])
        expires_at = datetime.datetime.fromisoformat(created["expires_at"])
        left = expires_at - timezone.now()
        self.assertAlmostEqual(left.total_seconds(), 3600, delta=60)

    def test_it_refuses_what_makes_no_sense_and_names_the_field(self) -> None:
        cases: list[tuple[str, dict[str, Any]]] = [
            ("name", {"name": " "}),
            ("name", {"name": "x" * 101}),
            ("scopes", {"scopes": []}),
            ("scopes.0", {"scopes": ["everything"]}),
            ("expires_in_seconds", {"expires_in_seconds": 0}),
            ("expires_in_seconds", {"expires_in_seconds": 10**12}),
            ("allowed_models", {"allowed_models": ["gpt-9"]}),
            ("limits", {"limits": {"priority": 2}}),
            ("limits", {"limits": {"tokens_per_day": 10**9}}),
            ("scope", {"scope": ["predict"]}),
        ]
        before = ApiToken.objects.count()
        for param, body in cases:
            with self.subTest(body=body):
                error = self.refusal(self.create(**body), 400)
                self.assertEqual(error["param"], param)
        self.assertEqual(ApiToken.objects.count(), before)

    def test_it_takes_no_type_for_another(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": 5}, "name"),
            ({"scopes": [True]}, "scopes"),
            ({"allowed_models": ["neo-tiny", 5]}, "allowed_models"),
            ({"expires_in_seconds": "60"}, "expires_in_seconds"),
            ({"expires_in_seconds": True}, "expires_in_seconds"),
            ({"limits": {"tokens_per_day": "5"}}, "limits"),
        ]
        for body, param in cases:
            with self.subTest(body):
                error = self.refusal(self.create(**body), 400)
                self.assertEqual(error["param"], param)
                self.assertIn("must be", error["message"])

    def test_it_makes_none_that_may_do_more_than_the_one_that_asks(self) -> None:
        soon = timezone.now() + datetime.timedelta(hours=1)
        cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"scopes": ["manage:tokens"]}, {}),
            ({"expires_at": soon}, {}),
            ({"expires_at": soon}, {"expires_in_seconds": 7200}),
            ({"allowed_models": ["neo-tiny"]}, {}),
            ({"allowed_models": ["neo-tiny"]}, {"allowed_models": ["gpt-neo-125m"]}),
            ({"own_limits": {"tokens_per_day": 10}}, {}),
            (
                {"own_limits": {"tokens_per_day": 10}},
                {"limits": {"tokens_per_day": 11}},
            ),
        ]
        for own, wanted in cases:
            with self.subTest(own=own, wanted=wanted):
                manager = self.manager_with(**own)
                error = self.refusal(self.create(api_token=manager, **wanted), 403)
                self.assertEqual(error["code"], "insufficient_scope")

    def test_it_makes_one_that_may_do_as_much(self) -> None:
        manager = self.manager_with(
            allowed_models=["neo-tiny"], own_limits={"tokens_per_day": 10}
        )
        answer = self.create(
            api_token=manager,
            allowed_models=["neo-tiny"],
            limits={"tokens_per_day": 10},
        )
        self.assertEqual(answer.status_code, 201)

    def test_it_makes_so_many_and_no_more(self) -> None:
        project = self.alice.default_project
        ApiToken.objects.bulk_create(
            ApiToken(project=project, name="x", prefix=f"nro_{number}", digest="")
            for number in range(100)
        )
        error = self.refusal(self.create(), 409)
        self.assertEqual(error["code"], "conflict")

    def test_it_is_noted_in_the_audit_log(self) -> None:
        self.create()
        event = AuditEvent.objects.filter(user=self.alice).first()
        assert event
        self.assertEqual(event.kind, "api_token.created")
        self.assertEqual(event.details["name"], "made by a script")


class ScopeTests(TokenApiTestCase):
    def test_it_neither_lists_nor_makes_nor_ends_any_without_the_scope(self) -> None:
        victim = self.api_token_of_manager().public_id
        calls: list[tuple[str, str, object]] = [
            ("get", TOKENS, None),
            ("post", TOKENS, {"name": "x"}),
            ("delete", f"{TOKENS}/{victim}", None),
            ("post", f"{TOKENS}/{victim}/rotate", {}),
        ]
        low = self.manager_with(scopes=["predict", "read:usage"])
        for method, path, body in calls:
            answer = self.ask(method, path, body, api_token=low)
            error = self.refusal(answer, 403)
            self.assertEqual(error["code"], "insufficient_scope")
            self.assertIn("manage:tokens", error["message"])

    def api_token_of_manager(self) -> ApiToken:
        return ApiToken.objects.get(name="manager")

    def test_it_does_not_know_those_of_others_nor_of_other_projects(self) -> None:
        elsewhere, _ = issue_api_token(
            project=create_project(user=self.alice, name="Thesis"), name="other"
        )
        for public_id in (
            self.api_token_of(self.bob).public_id,
            elsewhere.public_id,
            "0" * 24,
            "x",
        ):
            for method, path in (("delete", ""), ("post", "/rotate")):
                answer = self.ask(method, f"{TOKENS}/{public_id}{path}", {})
                self.refusal(answer, 404)
        self.assertTrue(authenticate_plaintext(self.bob_api_token))
        listed = {one["id"] for one in self.ask("get", TOKENS).json()["api_tokens"]}
        self.assertNotIn(elsewhere.public_id, listed)


class RotateTests(TokenApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.created = self.create().json()
        self.url = f"{TOKENS}/{self.created['id']}"

    def rotate(self, **body: object) -> dict[str, Any]:
        answer = self.ask("post", f"{self.url}/rotate", body)
        self.assertEqual(answer.status_code, 200, answer.content)
        rotated: dict[str, Any] = answer.json()
        return rotated

    def test_it_keeps_the_id_and_ends_the_old_value_at_once(self) -> None:
        rotated = self.rotate()
        self.assertEqual(rotated["id"], self.created["id"])
        self.assertIsNone(rotated["previous_expires_at"])
        authenticate_plaintext(rotated["api_token"])
        with self.assertRaises(InvalidApiToken) as caught:
            authenticate_plaintext(self.created["api_token"])
        self.assertEqual(caught.exception.code, "expired_api_token")

    def test_it_lets_the_old_value_live_on_for_the_grace_period(self) -> None:
        rotated = self.rotate(grace_seconds=60)
        self.assertTrue(rotated["previous_expires_at"])
        for value in (self.created["api_token"], rotated["api_token"]):
            self.assertEqual(
                authenticate_plaintext(value).public_id, self.created["id"]
            )
        ApiToken.objects.update(previous_expires_at=timezone.now())
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(self.created["api_token"])
        authenticate_plaintext(rotated["api_token"])

    def test_it_ends_the_value_before_last(self) -> None:
        second = self.rotate(grace_seconds=60)
        self.rotate(grace_seconds=60)
        authenticate_plaintext(second["api_token"])
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(self.created["api_token"])

    def test_it_ends_both_values_when_it_is_revoked(self) -> None:
        rotated = self.rotate(grace_seconds=60)
        self.assertEqual(self.ask("delete", self.url).status_code, 204)
        self.assertEqual(self.ask("delete", self.url).status_code, 204)
        for value in (self.created["api_token"], rotated["api_token"]):
            with self.assertRaises(InvalidApiToken):
                authenticate_plaintext(value)
        self.refusal(self.ask("post", f"{self.url}/rotate", {}), 409)

    def test_it_tells_no_value_that_may_do_more_than_the_one_that_asks(self) -> None:
        manager = self.manager_with(scopes=["manage:tokens"])
        answer = self.ask("post", f"{self.url}/rotate", {}, api_token=manager)
        self.refusal(answer, 403)
        authenticate_plaintext(self.created["api_token"])

    def test_it_refuses_a_grace_period_without_end(self) -> None:
        answer = self.ask("post", f"{self.url}/rotate", {"grace_seconds": 10**8})
        self.assertEqual(self.refusal(answer, 400)["param"], "grace_seconds")


class MeTests(TokenApiTestCase):
    def me(self, api_token: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = self.ask(
            "get", "/api/v1/me", api_token=api_token
        ).json()
        return answer

    def test_it_tells_every_limit_with_numbers(self) -> None:
        quota.settle(quota.reserve(user=self.alice, tokens=100), used=40)
        quota.reserve(user=self.alice, tokens=7)
        me = self.me()
        limits = {one["name"]: one for one in me["limits"]}
        self.assertEqual((me["email"], me["tier"]), ("alice@example.org", "developer"))
        self.assertEqual(limits["tokens_per_day"]["used"], 47)
        self.assertEqual(limits["tokens_per_day"]["remaining"], 250_000 - 47)
        self.assertEqual(limits["tokens_per_minute"]["used"], 47)
        self.assertEqual(limits["concurrent_requests"]["used"], 1)
        self.assertEqual(limits["requests_per_minute"]["allowed"], 60)
        self.assertEqual(limits["requests_per_minute"]["set_by"], "tier")
        self.assertEqual(me["per_call"]["prompts_per_call"], 4)
        self.assertEqual(me["warnings"], [])

    def test_it_tells_the_limits_of_the_api_token_itself(self) -> None:
        restricted = self.manager_with(
            own_limits={
                "requests_per_minute": 3,
                "tokens_per_minute": 50,
                "tokens_per_day": 100,
                "concurrent_requests": 1,
            }
        )
        me = self.me(restricted)
        self.assertEqual(
            {one["name"]: one["allowed"] for one in me["api_token_limits"]},
            me["api_token"]["limits"],
        )
        self.assertEqual(me["api_token"]["name"], "manager")

    def test_it_says_who_set_a_limit(self) -> None:
        self.alice.staff_limits = {"requests_per_minute": 7}
        self.alice.save()
        limits = {one["name"]: one for one in self.me()["limits"]}
        self.assertEqual(limits["requests_per_minute"]["set_by"], "staff")
        self.assertEqual(limits["requests_per_minute"]["allowed"], 7)

    def test_it_warns_from_four_fifths_on(self) -> None:
        self.alice.staff_limits = {"tokens_per_day": 100}
        self.alice.save()
        quota.settle(quota.reserve(user=self.alice, tokens=80), used=80)
        (warning,) = self.me()["warnings"]
        self.assertIn("80% used", warning)

    def test_it_answers_any_api_token(self) -> None:
        low = self.manager_with(scopes=["read:usage"])
        self.assertEqual(self.me(low)["api_token"]["scopes"], ["read:usage"])
