from __future__ import annotations

import csv
import io
import json
import threading
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.test import override_settings
from django.utils import timezone

from accounts.api_tokens import issue_api_token
from accounts.models import ApiToken, UsageDay
from accounts.tiers import Tier
from accounts.token_options import TokenOptions
from models_app import refusals
from models_app.models import LanguageModel, PredictionRecord, Refusal, UsageHour
from models_app.refusals import RefusalLog, RefusedAlike
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.usage import ended, read, utc
from neuro_site.testing import BaseTestCase, Response

LOG = "/usage/requests/"
NOON = utc(2026, 3, 5, 12)


class RefusalTestCase(BaseTestCase):
    def predict(self, plaintext: str = "", **body: Any) -> Response:
        with use_backend(FakeBackend(*HELLO)):
            return self.client.post(
                "/api/v1/models/neo-tiny/predict",
                json.dumps({"inputs": "Say ", **body}),
                content_type="application/json",
                headers=self.bearer(plaintext or self.alice_api_token),
            )

    def limit(self, **limits: int) -> None:
        self.alice.staff_limits = limits
        self.alice.save()

    def alike(self, **changes: Any) -> RefusedAlike:
        values: dict[str, Any] = {
            "user_id": self.alice.pk,
            "minute": NOON,
            "project_id": self.alice.default_project.pk,
            "language_model_id": LanguageModel.objects.get(slug="neo-tiny").pk,
            "api_token": "",
            "source": "playground",
            "limit": "tokens_per_day",
            "set_by": "tier",
            "error_code": "insufficient_quota",
        }
        return RefusedAlike(**{**values, **changes})


class NotingTests(RefusalTestCase):
    def test_it_counts_calls_that_were_refused_alike_in_one_row(self) -> None:
        self.limit(requests_per_minute=1)
        now = timezone.now().replace(second=0)
        with mock.patch("django.utils.timezone.now", return_value=now):
            for _ in range(4):
                self.predict()

        refusal = Refusal.objects.get()
        self.assertEqual(refusal.calls, 3)
        self.assertEqual(
            (refusal.limit, refusal.set_by, refusal.error_code),
            ("requests_per_minute", "staff", "rate_limit_exceeded"),
        )
        self.assertEqual(refusal.api_token, self.api_token_of(self.alice).public_id)
        self.assertEqual(PredictionRecord.objects.count(), 1)
        self.assertEqual(UsageDay.objects.get().predictions, 1)

    def test_it_names_whatever_limit_refused(self) -> None:
        self.limit(max_new_tokens=5, prompts_per_call=1)
        self.predict(parameters={"max_new_tokens": 6})
        self.predict(inputs=["a", "b"])
        self.limit(tokens_per_minute=10)
        self.predict()
        only = TokenOptions(allowed_models=["gpt-neo-125m"])
        _, plaintext = issue_api_token(
            project=self.alice.default_project, name="narrow", options=only
        )
        self.predict(plaintext)
        LanguageModel.objects.update(minimum_tier=Tier.PREMIUM)
        self.predict()
        self.assertEqual(
            set(Refusal.objects.values_list("limit", "set_by")),
            {
                ("max_new_tokens", "staff"),
                ("prompts_per_call", "staff"),
                ("tokens_per_minute", "staff"),
                ("allowed_models", "api_token"),
                ("minimum_tier", "tier"),
            },
        )

    def test_it_notes_no_other_refusal(self) -> None:
        self.predict(inputs=[])
        self.predict(parameters={"odd": 1})
        self.assertFalse(Refusal.objects.exists())

    def test_it_asks_the_database_nothing_for_a_refused_call(self) -> None:
        log, call = RefusalLog(), self.alike()
        with (
            override_settings(REFUSALS_WRITTEN_AFTER_SECONDS=3600),
            mock.patch.object(threading.Timer, "start") as start,
            self.assertNumQueries(0),
        ):
            for _ in range(1000):
                log.note(call)
        start.assert_called_once_with()
        log.write()
        log.write()
        self.assertEqual(Refusal.objects.get().calls, 1000)


class WritingTests(RefusalTestCase):
    def test_it_adds_to_the_usage_of_the_hour(self) -> None:
        ended(self.alice, NOON, source="playground")
        refusals.write({self.alike(): 3, self.alike(limit="tokens_per_minute"): 2})
        hour = UsageHour.objects.get()
        self.assertEqual((hour.requests, hour.refused), (1, 5))
        self.assertEqual(hour.charged_tokens, 9)

    def test_it_keeps_few_rows_of_one_minute(self) -> None:
        limits = [f"limit {number}" for number in range(2 * refusals.ROWS_PER_MINUTE)]
        refusals.write({self.alike(limit=limit): 1 for limit in limits})
        refusals.write({self.alike(minute=utc(2026, 3, 5, 13)): 1})
        of_noon = Refusal.objects.filter(minute=NOON)
        self.assertEqual(of_noon.count(), refusals.ROWS_PER_MINUTE)
        self.assertEqual(Refusal.objects.count(), refusals.ROWS_PER_MINUTE + 1)

    def test_it_forgets_those_that_are_old(self) -> None:
        now = timezone.now()
        refusals.write({self.alike(minute=now - refusals.KEPT): 1})
        refusals.write({self.alike(minute=now): 1})
        self.assertEqual(Refusal.objects.count(), 2)
        with mock.patch.object(refusals, "SWEEP_EVERY", 1):
            refusals.write({self.alike(minute=now, source="api"): 1})
        self.assertEqual(Refusal.objects.filter(minute=now).count(), 2)
        self.assertEqual(Refusal.objects.count(), 2)
        self.assertEqual(UsageHour.objects.filter(refused=1).count(), 3)

    def test_it_writes_what_it_can_when_an_account_is_gone(self) -> None:
        refusals.write({self.alike(user_id=0): 1, self.alike(): 1})
        self.assertEqual(Refusal.objects.get().user, self.alice)

    def test_it_goes_with_its_account(self) -> None:
        refusals.write({self.alike(): 1})
        self.alice.delete()
        self.assertFalse(Refusal.objects.exists())


class LogTests(RefusalTestCase):
    api_token: ApiToken

    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)
        self.api_token = self.api_token_of(self.alice)

    def visit(self, path: str = LOG, **query: Any) -> Response:
        response: Response = self.client.get(path, {"end": "2026-03-31", **query})
        return response

    def shown(self, **query: Any) -> list[str]:
        entries = self.visit(**query).context["entries"]
        return [getattr(entry, "limit", "prediction") for entry in entries]

    def test_it_shows_them_among_the_predictions_by_time(self) -> None:
        for hour in (11, 13):
            ended(self.alice, utc(2026, 3, 5, hour))
        refusals.write({self.alike(): 1234, self.alike(user_id=self.bob.pk): 1})
        self.assertEqual(self.shown(), ["prediction", "Tokens a day", "prediction"])
        page = self.visit()
        self.assertContains(page, "1,234 calls")
        self.assertContains(page, '<a href="/tiers/">Compare tiers</a>')
        self.assertContains(page, "limit=tokens_per_day")

    def test_it_filters_them_by_what_the_address_says(self) -> None:
        ended(self.alice, NOON)
        token = {"api_token": self.api_token.public_id, "limit": "max_new_tokens"}
        refusals.write({self.alike(): 1, self.alike(**token, source="npu"): 1})
        wanted = ["Longest completion"]
        for query in (
            {"limit": "max_new_tokens"},
            {"status": "refused", "source": "npu"},
            {"api_token": self.api_token.public_id},
        ):
            with self.subTest(query):
                self.assertEqual(self.shown(**query), wanted)
        for name, value in (("min_tokens", 1), ("min_ms", 1), ("status", "succeeded")):
            with self.subTest(name):
                self.assertEqual(self.shown(**{name: value}), ["prediction"])
        self.assertEqual(
            self.shown(error="insufficient_quota", status="refused"),
            ["Longest completion", "Tokens a day"],
        )
        self.assertContains(self.visit(limit="odd"), "do not fit")

    def test_it_goes_on_from_either_kind(self) -> None:
        for _ in range(2):
            ended(self.alice, NOON)
        refusals.write({self.alike(): 1, self.alike(source="npu"): 1})
        seen: list[str] = []
        cursor = ""
        with mock.patch("models_app.request_log.PER_PAGE", 1):
            for _ in range(4):
                page = self.visit(**({"before": cursor} if cursor else {}))
                cursor = page.context["cursor"]
                (entry,) = page.context["entries"]
                seen.append(str(getattr(entry, "refusal", entry).public_id))
        records = PredictionRecord.objects.values_list("public_id", flat=True)
        rows = Refusal.objects.values_list("public_id", flat=True)
        self.assertEqual(seen, [*records, *rows])
        self.assertEqual(cursor, "")

    def test_it_takes_no_cursor_of_others(self) -> None:
        refusals.write({self.alike(user_id=self.bob.pk): 1})
        of_bob = Refusal.objects.get()
        self.assertEqual(self.visit(before=of_bob.public_id).status_code, 404)

    def test_it_gives_a_long_file_in_parts(self) -> None:
        for minute in range(4):
            for _ in range(2):
                ended(self.alice, utc(2026, 3, 5, 12, minute))
            refusals.write({self.alike(minute=utc(2026, 3, 5, 12, minute)): 1})
        whole = async_to_sync(read)(self.visit(f"{LOG}csv/"))
        with mock.patch("models_app.request_log_pages.ROWS_PER_PART", 3):
            in_parts = async_to_sync(read)(self.visit(f"{LOG}csv/"))
        self.assertEqual(in_parts, whole)
        self.assertEqual(len(whole.splitlines()), 13)

    def test_it_gives_them_in_the_file_too(self) -> None:
        ended(self.alice, NOON)
        refusals.write({self.alike(api_token=self.api_token.public_id): 7})
        content = async_to_sync(read)(self.visit(f"{LOG}csv/"))
        made, refused = csv.DictReader(io.StringIO(content))
        self.assertEqual((made["status"], made["calls"]), ("succeeded", ""))
        self.assertEqual(
            (refused["status"], refused["limit"], refused["calls"]),
            ("refused", "tokens_per_day", "7"),
        )
        self.assertEqual(refused["api_token"], "test script")
