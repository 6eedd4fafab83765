"""Limits as a caller of the API meets them: headers, refusals, and their price."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import async_to_sync

from accounts import days
from accounts.models import ApiToken, Reservation, UsageDay
from models_app.models import PredictionRecord
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from neuro_site.testing import BaseTestCase, Response, read_stream

PREDICT = "/api/v1/models/neo-tiny/predict"
PREFIX = "x-ratelimit-"
SIX = {
    f"{PREFIX}{kind}-{name}"
    for kind in ("limit", "remaining", "reset")
    for name in ("requests", "tokens")
}


class CallTestCase(BaseTestCase):
    def predict(self, api_token: str | None = None, **body: Any) -> Response:
        with use_backend(FakeBackend(*HELLO)):
            response: Response = self.client.post(
                PREDICT,
                json.dumps({"inputs": "Say ", **body}),
                content_type="application/json",
                headers=self.bearer(api_token or self.charlie_api_token),
            )
            if response.streaming:
                async_to_sync(read_stream)(response)
            return response

    def limit(self, **limits: int) -> None:
        self.charlie.staff_limits = limits
        self.charlie.save()

    def restrict(self, **fields: Any) -> ApiToken:
        api_token = self.api_token_of(self.charlie)
        for name, value in fields.items():
            setattr(api_token, name, value)
        api_token.save()
        return api_token


class HeaderTests(CallTestCase):
    def test_it_tells_openais_headers_on_every_answer(self) -> None:
        bearer = self.bearer(self.charlie_api_token)
        answers = [
            self.predict(),
            self.predict(parameters={"top_p": 9}),
            self.predict(inputs=""),
            self.client.get("/api/v1/models", headers=bearer),
            self.client.get("/api/v1/models/nothing", headers=bearer),
            self.client.get(PREDICT, headers=bearer),
        ]
        statuses = [answer.status_code for answer in answers]
        self.assertEqual(statuses, [200, 400, 400, 200, 404, 405])
        for answer in answers:
            self.assertLessEqual(SIX, {name.lower() for name in answer.headers})

    def test_it_tells_them_before_the_first_event_of_a_stream(self) -> None:
        answer = self.predict(stream=True)
        self.assertEqual(answer[f"{PREFIX}remaining-requests"], "9")

    def test_it_counts_this_call_with_the_most_it_could_use(self) -> None:
        answer = self.predict(parameters={"max_new_tokens": 20})
        self.assertEqual(answer[f"{PREFIX}limit-requests"], "10")
        self.assertEqual(answer[f"{PREFIX}remaining-requests"], "9")
        self.assertEqual(answer[f"{PREFIX}limit-tokens"], "5000")
        self.assertEqual(answer[f"{PREFIX}remaining-tokens"], str(5000 - 4 - 20))
        self.assertRegex(answer[f"{PREFIX}reset-tokens"], r"^(1m0s|59(\.\d+)?s)$")

    def test_it_tells_the_tighter_limit_of_the_api_token(self) -> None:
        self.restrict(own_limits={"requests_per_minute": 3})
        self.assertEqual(self.predict()[f"{PREFIX}limit-requests"], "3")

    def test_it_tells_nothing_to_who_is_refused_at_the_door(self) -> None:
        answer = self.predict("nro_wrong")
        self.assertEqual(answer.status_code, 401)
        self.assertFalse(answer.has_header(f"{PREFIX}limit-requests"))


class RefusalTests(CallTestCase):
    def refusal(self, status: int = 429) -> dict[str, Any]:
        answer = self.predict()
        self.assertEqual(answer.status_code, status, answer.content)
        if status == 429:
            self.assertGreaterEqual(int(answer["Retry-After"]), 1)
        error: dict[str, Any] = answer.json()["error"]
        return error

    def test_it_says_which_limit_who_set_it_and_when_it_resets(self) -> None:
        self.limit(requests_per_minute=1)
        self.predict()
        error = self.refusal()
        self.assertEqual(error["code"], "rate_limit_exceeded")
        self.assertEqual(error["limit"]["name"], "requests_per_minute")
        self.assertEqual(error["limit"]["set_by"], "staff")
        self.assertEqual((error["limit"]["used"], error["limit"]["allowed"]), (1, 1))
        self.assertTrue(error["limit"]["resets_at"])
        self.assertIn("Retry-After", error["hint"])

    def test_it_names_each_of_the_limits(self) -> None:
        def use_a_day() -> None:
            UsageDay.objects.create(user=self.charlie, day=days.today(), tokens_used=99)

        def run_one() -> None:
            Reservation.objects.create(
                user=self.charlie,
                day=days.today(),
                tokens=1,
                expires_at=days.next_midnight(),
            )

        cases = {
            "tokens_per_day": ("insufficient_quota", 100, use_a_day),
            "concurrent_requests": ("rate_limit_exceeded", 1, run_one),
            "tokens_per_minute": ("rate_limit_exceeded", 54, run_one),
        }
        for name, (code, allowed, prepare) in cases.items():
            with self.subTest(name):
                UsageDay.objects.all().delete()
                Reservation.objects.all().delete()
                self.limit(**{name: allowed})
                prepare()
                error = self.refusal()
                self.assertEqual((error["code"], error["limit"]["name"]), (code, name))

    def test_it_charges_nothing_for_a_refused_call(self) -> None:
        self.limit(concurrent_requests=1, tokens_per_minute=54)
        self.predict(parameters={"max_new_tokens": 49})
        before = UsageDay.objects.values().get()
        self.refusal()
        self.assertEqual(UsageDay.objects.values().get(), before)
        self.assertEqual(PredictionRecord.objects.count(), 1)

    def test_it_needs_the_scope_and_the_model(self) -> None:
        self.restrict(scopes=["read:usage", "manage:tokens"])
        self.assertEqual(self.refusal(403)["code"], "insufficient_scope")
        self.restrict(scopes=["predict"], allowed_models=["gpt-neo-125m"])
        self.assertEqual(self.refusal(403)["code"], "model_not_allowed")
        self.assertFalse(PredictionRecord.objects.exists())


class PriceTests(CallTestCase):
    def test_it_asks_the_database_ten_things_for_a_prediction(self) -> None:
        """SELECT the API token and the model; in a transaction UPDATE the day, SELECT
        the windows, INSERT reservation and record; in another UPDATE the record, the
        reservation, the day and the hour. A test's transactions are savepoints, which are
        two each."""
        self.predict()
        with self.assertNumQueries(10 + 4):
            self.predict()
