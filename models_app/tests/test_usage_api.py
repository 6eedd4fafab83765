from __future__ import annotations

import csv
import datetime
import importlib
import io
import json
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django.apps import apps

from accounts.api_tokens import issue_api_token
from accounts.models import ApiToken, Scope
from accounts.token_options import TokenOptions
from models_app import usage_hours
from models_app.backends.base import TokenEvent
from models_app.errors import EngineUnavailable
from models_app.models import PredictionSource, PredictionStatus, UsageHour
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.usage import ended, read, utc
from neuro_site.testing import BaseTestCase, Response

USAGE = "/api/v1/usage"
PREDICT = "/api/v1/models/neo-tiny/predict"
UNLIKE_THE_ROW = {"id", "pk"}


def rows() -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in UNLIKE_THE_ROW}
        for row in UsageHour.objects.order_by("hour", "api_token", "pk").values()
    ]


class CountingTests(BaseTestCase):
    def predict(self, *script: TokenEvent | Exception) -> Response:
        with use_backend(FakeBackend(*script)):
            return self.client.post(
                PREDICT,
                json.dumps({"inputs": "Say "}),
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

    def test_it_counts_a_prediction_as_it_ends(self) -> None:
        self.predict(*HELLO)
        self.predict(*HELLO)

        hour = UsageHour.objects.get()
        self.assertEqual((hour.requests, hour.failed), (2, 0))
        self.assertEqual((hour.prompt_tokens, hour.completion_tokens), (8, 10))
        self.assertEqual(hour.charged_tokens, 18)
        self.assertEqual(hour.api_token, self.api_token_of(self.alice).public_id)

    def test_it_counts_a_failure_without_its_tokens(self) -> None:
        self.predict(EngineUnavailable())

        hour = UsageHour.objects.get()
        self.assertEqual((hour.requests, hour.failed), (1, 1))
        self.assertEqual((hour.prompt_tokens, hour.charged_tokens), (0, 0))

    def test_it_closes_a_prediction_with_one_more_query_than_without(self) -> None:
        record = ended(self.alice, utc(2026, 3, 1, 12))
        with self.assertNumQueries(1):
            usage_hours.count(record)

    def test_it_takes_the_hours_of_the_owners_clock(self) -> None:
        self.alice.time_zone = "Asia/Kolkata"
        ended(self.alice, utc(2026, 3, 1, 18, 29))
        ended(self.alice, utc(2026, 3, 1, 18, 31))

        hours = list(UsageHour.objects.order_by("hour").values_list("hour", flat=True))
        self.assertEqual(hours, [utc(2026, 3, 1, 17, 30), utc(2026, 3, 1, 18, 30)])

    def test_it_counts_what_is_in_a_ledger_from_before(self) -> None:
        self.bob.time_zone = "Asia/Kolkata"
        self.bob.save()
        api_token = self.api_token_of(self.alice)
        for minute in (5, 50):
            ended(self.alice, utc(2026, 3, 1, 12, minute), api_token=api_token)
            ended(self.bob, utc(2026, 3, 1, 12, minute))
        failed = {"status": PredictionStatus.FAILED, "charged_tokens": 0}
        ended(self.alice, utc(2026, 3, 2, 1), **failed)
        counted = rows()
        UsageHour.objects.all().delete()

        migration = importlib.import_module(
            "models_app.migrations.0004_count_usage_hours"
        )
        migration.count_what_has_ended(apps, None)

        self.assertCountEqual(rows(), counted)


class UsageApiTests(BaseTestCase):
    api_token: ClassVar[ApiToken]
    reader: ClassVar[str]

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.api_token, cls.reader = issue_api_token(
            project=cls.alice.default_project,
            name="reader",
            options=TokenOptions(scopes=[Scope.READ_USAGE]),
        )

    def ask(self, plaintext: str = "", **query: Any) -> Response:
        response: Response = self.client.get(
            USAGE,
            {"end": "2026-03-31", **query},
            headers=self.bearer(plaintext or self.reader),
        )
        return response

    def live(self, zone: str) -> None:
        self.alice.time_zone = zone
        self.alice.save()

    def lines(self, **query: Any) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.ask(**query).json()["usage"]
        return lines

    def test_it_wants_the_scope(self) -> None:
        response = self.ask(self.alice_api_token)
        self.assertEqual(response.status_code, 403)
        self.assertEqual(response.json()["error"]["code"], "insufficient_scope")

    def test_it_adds_up_by_day(self) -> None:
        ended(self.alice, utc(2026, 3, 1, 9))
        ended(self.alice, utc(2026, 3, 1, 23))
        ended(self.alice, utc(2026, 3, 3, 9))
        answer = self.ask(days=31).json()
        self.assertEqual(
            answer["usage"],
            [
                {
                    "day": "2026-03-01",
                    "requests": 2,
                    "failed": 0,
                    "refused": 0,
                    "prompt_tokens": 8,
                    "completion_tokens": 10,
                    "charged_tokens": 18,
                },
                {
                    "day": "2026-03-03",
                    "requests": 1,
                    "failed": 0,
                    "refused": 0,
                    "prompt_tokens": 4,
                    "completion_tokens": 5,
                    "charged_tokens": 9,
                },
            ],
        )
        self.assertEqual(answer["total"]["charged_tokens"], 27)
        self.assertEqual((answer["start"], answer["end"]), ("2026-03-01", "2026-03-31"))

    def test_it_tells_nothing_of_others(self) -> None:
        ended(self.bob, utc(2026, 3, 1, 9))
        self.assertEqual(self.lines(days=31), [])

    def test_its_days_begin_where_the_owner_is(self) -> None:
        self.live("America/New_York")
        ended(self.alice, utc(2026, 3, 2, 4, 59))
        ended(self.alice, utc(2026, 3, 2, 5, 0))
        days = [line["day"] for line in self.lines(days=31)]
        self.assertEqual(days, ["2026-03-01", "2026-03-02"])

    def test_its_first_day_begins_where_the_owner_is(self) -> None:
        self.live("America/New_York")
        ended(self.alice, utc(2026, 3, 31, 3, 59))
        ended(self.alice, utc(2026, 3, 31, 4, 0))
        self.assertEqual(len(self.lines(days=1)), 1)

    def test_it_groups_by_whatever_is_asked(self) -> None:
        api_token = self.api_token
        ended(self.alice, utc(2026, 3, 1, 9), api_token=api_token)
        ended(self.alice, utc(2026, 3, 2, 9), source=PredictionSource.PLAYGROUND)
        lines = self.lines(days=31, group_by="api_token,source,project,model")
        project = {"id": self.alice.default_project.public_id, "name": "Default"}
        self.assertCountEqual(
            [(line["api_token"], line["source"]) for line in lines],
            [
                (None, "playground"),
                ({"id": api_token.public_id, "name": "reader"}, "api"),
            ],
        )
        self.assertEqual([line["project"] for line in lines], [project] * 2)
        self.assertEqual([line["model"] for line in lines], ["neo-tiny"] * 2)

    def test_it_filters(self) -> None:
        other = self.alice.projects.create(name="Other")
        ended(self.alice, utc(2026, 3, 1, 9), project=other)
        ended(self.alice, utc(2026, 3, 2, 9), source=PredictionSource.NPU)
        ended(self.alice, utc(2026, 3, 3, 9), model="gpt-neo-125m")
        ended(self.alice, utc(2026, 3, 4, 9), api_token=self.api_token)
        for filters, day in (
            ({"project": other.public_id}, 1),
            ({"source": "npu"}, 2),
            ({"model": "gpt-neo-125m"}, 3),
            ({"api_token": self.api_token.public_id}, 4),
        ):
            with self.subTest(filters):
                days = [line["day"] for line in self.lines(days=31, **filters)]
                self.assertEqual(days, [f"2026-03-0{day}"])

    def test_it_gives_the_same_as_csv(self) -> None:
        ended(self.alice, utc(2026, 3, 1, 9), api_token=self.api_token)
        ended(self.alice, utc(2026, 3, 2, 9))
        wanted = [
            ("2026-03-01", "reader", self.api_token.public_id, "9"),
            ("2026-03-02", "", "", "9"),
        ]
        query = "end=2026-03-31&days=31&group_by=day,api_token"
        for more, accept in (("&format=csv", "*/*"), ("", "text/csv")):
            with self.subTest(accept):
                response = self.client.get(
                    f"{USAGE}?{query}{more}",
                    headers={**self.bearer(self.reader), "accept": accept},
                )
                self.assertEqual(response["Content-Type"], "text/csv; charset=utf-8")
                lines = csv.DictReader(io.StringIO(async_to_sync(read)(response)))
                names = ("day", "api_token", "api_token_id", "charged_tokens")
                found = [tuple(line[name] for name in names) for line in lines]
                self.assertEqual(found, wanted)

    def test_it_gives_a_line_for_nothing_as_csv(self) -> None:
        content = async_to_sync(read)(self.ask(format="csv", group_by="model"))
        header = "model,requests,failed,refused,prompt_tokens,completion_tokens"
        self.assertEqual(content.splitlines(), [f"{header},charged_tokens"])

    def test_it_adds_up_alike_however_it_is_grouped(self) -> None:
        self.live("America/New_York")
        for day in (7, 8, 9):
            for hour in (4, 5, 12):
                ended(self.alice, utc(2026, 3, day, hour), api_token=self.api_token)
        by_day = self.lines(days=31)
        finer = self.lines(days=31, group_by="api_token,model,day")
        self.assertEqual(
            [(line["day"], line["requests"]) for line in finer],
            [(line["day"], line["requests"]) for line in by_day],
        )

    def test_it_counts_what_was_refused(self) -> None:
        ended(self.alice, utc(2026, 3, 1, 9))
        UsageHour.objects.update(refused=4)
        self.assertEqual(self.lines(days=31)[0]["refused"], 4)

    def test_it_answers_for_the_last_thirty_days_unless_asked(self) -> None:
        reader = self.bearer(self.reader)
        answer = self.client.get(USAGE, headers=reader).json()
        start, end = (
            datetime.date.fromisoformat(answer[name]) for name in ("start", "end")
        )
        self.assertEqual((end - start).days, 29)

    def test_it_refuses_what_it_does_not_know(self) -> None:
        of_bob = self.bob.default_project.public_id
        for param, value in (
            ("days", 400),
            ("end", "soon"),
            ("end", "0001-01-01"),
            ("end", "9999-12-31"),
            ("project", of_bob),
            ("group_by", "hour"),
            ("group_by", ""),
            ("end", ""),
            ("format", ""),
            ("colour", "red"),
            ("format", "xml"),
        ):
            with self.subTest(param=param, value=value):
                response = self.ask(**{param: str(value)})
                self.assertEqual(response.status_code, 400)
                self.assertEqual(response.json()["error"]["param"], param)

    def test_it_refuses_one_name_with_two_values(self) -> None:
        response = self.client.get(
            f"{USAGE}?days=3&days=4", headers=self.bearer(self.reader)
        )

        self.assertEqual(response.status_code, 400)
        self.assertEqual(response.json()["error"]["param"], "days")
