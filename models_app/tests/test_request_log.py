from __future__ import annotations

import csv
import datetime
import io
from typing import Any

from asgiref.sync import async_to_sync

from models_app.models import PredictionRecord, PredictionSource, PredictionStatus
from models_app.request_log import PER_PAGE
from models_app.tests.usage import ended, read, utc
from neuro_site.testing import BaseTestCase, Response

LOG = "/usage/requests/"
MARCH = {"end": "2026-03-31"}
NOON = utc(2026, 3, 5, 12)


class RequestLogTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def visit(self, path: str = LOG, **query: Any) -> Response:
        response: Response = self.client.get(path, {**MARCH, **query})
        return response

    def shown(self, **query: Any) -> list[PredictionRecord]:
        records: list[PredictionRecord] = self.visit(**query).context["entries"]
        return records


class ListTests(RequestLogTestCase):
    def test_it_shows_ones_own_newest_first(self) -> None:
        ended(self.bob, NOON)
        first = ended(self.alice, NOON)
        second = ended(self.alice, NOON + datetime.timedelta(seconds=1))
        self.assertEqual(self.shown(), [second, first])

    def test_it_says_so_where_there_is_nothing(self) -> None:
        self.assertContains(self.visit(), "No such requests")
        unfiltered = self.client.get(LOG)
        self.assertContains(unfiltered, "No requests in these days")
        self.assertContains(unfiltered, "Open the playground")

    def test_it_unfolds_the_filters_in_use(self) -> None:
        for query, count in (
            ("", 0),
            ("?days=30&end=&model=&status=", 0),
            ("?days=7", 1),
            ("?days=30&status=failed&min_ms=x&before=0", 2),
        ):
            page = self.client.get(f"{LOG}{query}")
            is_open = '<details class="filter-fold" open>' in page.content.decode()
            self.assertEqual(page.context["filters_in_use"], count, query)
            self.assertEqual(is_open, count > 0, query)

    def test_it_filters_by_what_the_address_says(self) -> None:
        api_token = self.api_token_of(self.alice)
        ended(self.alice, NOON)
        wanted = ended(
            self.alice,
            NOON,
            api_token=api_token,
            status=PredictionStatus.FAILED,
            error_code="engine_unavailable",
            source=PredictionSource.NPU,
            model="gpt-neo-125m",
            project=self.alice.projects.create(name="Other"),
            charged_tokens=500,
            duration_ms=9000.0,
            queue_ms=800.0,
        )
        for query in (
            {"status": "failed"},
            {"error": "engine_unavailable"},
            {"api_token": api_token.public_id},
            {"source": "npu"},
            {"model": "gpt-neo-125m"},
            {"project": wanted.project.public_id},
            {"min_tokens": 500},
            {"min_ms": 9000},
            {"min_queue_ms": 800},
        ):
            with self.subTest(query):
                self.assertEqual(self.shown(**query), [wanted])

    def test_its_days_are_the_owners(self) -> None:
        self.alice.time_zone = "Pacific/Auckland"
        self.alice.save()
        ended(self.alice, utc(2026, 3, 31, 10, 59))
        ended(self.alice, utc(2026, 3, 31, 11, 0))
        self.assertEqual(len(self.shown(days=1)), 1)

    def test_it_shows_nothing_for_filters_that_do_not_fit(self) -> None:
        ended(self.alice, NOON)
        for query in ({"status": "odd"}, {"min_ms": "x"}):
            with self.subTest(query):
                self.assertContains(self.visit(**query), "do not fit")
                answer = self.visit(f"{LOG}csv/", **query)
                self.assertEqual(answer.status_code, 400)

    def test_it_goes_on_where_the_page_ended_even_within_one_moment(self) -> None:
        made = [ended(self.alice, NOON) for _ in range(PER_PAGE + 2)]
        page = self.visit(source="api")
        self.assertEqual(len(page.context["entries"]), PER_PAGE)
        ended(self.alice, NOON + datetime.timedelta(hours=1))

        older = self.client.get(
            LOG, {**MARCH, "source": "api", "before": page.context["cursor"]}
        )

        self.assertEqual(older.context["entries"], made[1::-1])
        self.assertEqual(older.context["cursor"], "")

    def test_it_takes_no_cursor_of_others(self) -> None:
        of_bob = ended(self.bob, NOON)
        self.assertEqual(self.visit(before=of_bob.public_id).status_code, 404)

    def test_it_gives_the_same_as_a_file(self) -> None:
        ended(self.bob, NOON)
        ended(self.alice, NOON, status=PredictionStatus.ABORTED)
        wanted = ended(self.alice, NOON)
        content = async_to_sync(read)(self.visit(f"{LOG}csv/", status="succeeded"))
        (line,) = csv.DictReader(io.StringIO(content))
        self.assertEqual((line["id"], line["model"]), (wanted.public_id, "neo-tiny"))


class OneRequestTests(RequestLogTestCase):
    def test_it_tells_all_that_is_known(self) -> None:
        record = ended(self.alice, NOON, parameters={"top_k": 41}, seed=1234)
        response = self.client.get(f"{LOG}{record.public_id}/")
        for said in ("Neo-Tiny", "top_k", "41", "1234", "Succeeded"):
            self.assertContains(response, said)

    def test_it_spells_values_as_a_caller_would_and_an_ending_in_words(self) -> None:
        record = ended(
            self.alice,
            NOON,
            parameters={"do_sample": True, "stop": ["The end"]},
            finish_reason="length",
        )
        response = self.client.get(f"{LOG}{record.public_id}/")
        self.assertContains(response, "<dd>true</dd>")
        self.assertContains(response, '["The end"]'.replace('"', "&quot;"))
        self.assertContains(response, "the limit on its length")

    def test_it_hides_those_of_others(self) -> None:
        record = ended(self.bob, NOON)
        self.assertEqual(self.client.get(f"{LOG}{record.public_id}/").status_code, 404)
