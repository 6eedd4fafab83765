from __future__ import annotations

import csv
import io
from typing import Any

from asgiref.sync import async_to_sync

from accounts.models import UsageDay
from models_app.models import PredictionSource
from models_app.tests.usage import ended, read, utc
from neuro_site.testing import BaseTestCase, Response

USAGE = "/usage/"
MARCH = {"end": "2026-03-31", "days": 30}


class UsagePageTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def visit(self, path: str = USAGE, **query: Any) -> Response:
        response: Response = self.client.get(path, {**MARCH, **query})
        return response

    def test_it_says_so_where_nothing_was_used(self) -> None:
        ended(self.bob, utc(2026, 3, 5, 9))
        self.assertContains(self.visit(), "No usage in these days")

    def test_it_offers_everything_where_the_filters_find_nothing(self) -> None:
        ended(self.alice, utc(2026, 3, 5, 9))
        self.assertContains(self.visit(source="npu"), "look at everything")

    def test_its_table_has_the_numbers_of_its_charts(self) -> None:
        for _ in range(3):
            ended(self.alice, utc(2026, 3, 5, 9), charged_tokens=1000)
        response = self.visit()
        self.assertContains(response, "<title>5 Mar 2026: 3,000 tokens</title>")
        self.assertContains(response, "<title>5 Mar 2026: 3 requests</title>")
        self.assertContains(response, "<title>6 Mar 2026: 0 requests</title>")
        self.assertContains(response, '<td class="number">3,000</td>')

    def test_it_draws_a_bar_for_every_day_of_the_range(self) -> None:
        ended(self.alice, utc(2026, 3, 5, 9))
        charts = self.visit(days=366).context["charts"]
        self.assertEqual([len(chart.bars) for chart in charts], [366, 366])

    def test_its_days_are_the_owners(self) -> None:
        self.alice.time_zone = "Pacific/Auckland"
        self.alice.save()
        ended(self.alice, utc(2026, 3, 5, 12))
        self.assertContains(self.visit(), "<title>6 Mar 2026: 9 tokens</title>")

    def test_it_breaks_usage_down(self) -> None:
        other = self.alice.projects.create(name="Side project")
        api_token = self.api_token_of(self.alice)
        ended(self.alice, utc(2026, 3, 5, 9), project=other, api_token=api_token)
        ended(self.alice, utc(2026, 3, 5, 9), source=PredictionSource.PLAYGROUND)
        breakdowns = {
            title: {name for name, _ in lines}
            for title, lines in self.visit().context["breakdowns"]
        }
        self.assertEqual(
            breakdowns,
            {
                "Model": {"Neo-Tiny"},
                "Project": {"Default", "Side project"},
                "API token": {"test script", "None (playground)"},
                "Source": {"API", "Playground"},
            },
        )

    def test_it_filters_by_what_the_address_says(self) -> None:
        other = self.alice.projects.create(name="Side project")
        ended(self.alice, utc(2026, 3, 5, 9), project=other)
        ended(self.alice, utc(2026, 3, 5, 9))
        total = self.visit(project=other.public_id).context["total"]
        self.assertEqual(total.requests, 1)

    def test_it_shows_nothing_for_filters_that_do_not_fit(self) -> None:
        ended(self.alice, utc(2026, 3, 5, 9))
        for query in ({"project": self.bob.default_project.public_id}, {"days": "x"}):
            with self.subTest(query):
                self.assertContains(self.visit(**query), "do not fit")
                self.assertEqual(self.visit("/usage/csv/", **query).status_code, 400)

    def test_it_tells_the_limits_as_they_stand(self) -> None:
        UsageDay.objects.create(
            user=self.alice, day=utc(2026, 3, 5).date(), tokens_used=50
        )
        self.assertContains(self.visit(), "Tokens a day")

    def test_it_gives_the_same_as_a_file(self) -> None:
        api_token = self.api_token_of(self.alice)
        ended(self.alice, utc(2026, 3, 5, 9), api_token=api_token)
        ended(self.alice, utc(2026, 3, 5, 10), api_token=api_token)
        ended(self.alice, utc(2026, 3, 6, 9), source=PredictionSource.PLAYGROUND)
        response = self.visit("/usage/csv/")
        content = async_to_sync(read)(response)
        lines = list(csv.DictReader(io.StringIO(content)))
        self.assertEqual(
            [
                (line["day"], line["api_token"], line["api_token_id"], line["requests"])
                for line in lines
            ],
            [
                ("2026-03-05", "test script", api_token.public_id, "2"),
                ("2026-03-06", "", "", "1"),
            ],
        )
        self.assertIn("usage-2026-03-02-2026-03-31", response["Content-Disposition"])
