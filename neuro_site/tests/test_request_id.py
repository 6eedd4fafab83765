from __future__ import annotations

import logging
from typing import Any

from django.conf import settings

from neuro_site.request_id import RequestIdFilter
from neuro_site.testing import BaseTestCase


class RequestIdTests(BaseTestCase):
    def request_id(self, offered: str | None = None) -> str:
        headers = {} if offered is None else {"X-Request-Id": offered}
        return str(self.client.get("/api/v1/models", headers=headers)["X-Request-Id"])

    def test_it_makes_one_for_each_request(self) -> None:
        self.assertRegex(self.request_id(), r"^[0-9a-f]{24}$")
        self.assertNotEqual(self.request_id(), self.request_id())

    def test_it_keeps_the_callers_own(self) -> None:
        self.assertEqual(self.request_id("order-7.retry_2"), "order-7.retry_2")

    def test_it_replaces_one_that_could_upset_a_log(self) -> None:
        for offered in ("", "a b", "x" * 65, "<script>", "a\tb", "é"):
            with self.subTest(offered=offered):
                self.assertRegex(self.request_id(offered), r"^[0-9a-f]{24}$")

    def test_it_stands_in_errors_and_in_the_log(self) -> None:
        with self.assertLogs("django.request", "WARNING"):
            response = self.client.get(
                "/api/v1/models", headers={"X-Request-Id": "mine"}
            )

        self.assertEqual(response.json()["error"]["request_id"], "mine")

    def test_every_line_of_the_log_can_carry_it(self) -> None:
        logging_settings: dict[str, Any] = settings.LOGGING
        handler = logging_settings["handlers"]["console"]
        self.assertEqual(handler["filters"], ["request_id"])
        self.client.get("/tiers/", headers={"X-Request-Id": "mine"})
        record = logging.makeLogRecord({"msg": "Hello"})

        RequestIdFilter().filter(record)

        formats = logging_settings["formatters"][handler["formatter"]]["format"]
        self.assertIn("[mine] Hello", logging.Formatter(formats).format(record))

    def test_it_is_on_pages_too(self) -> None:
        self.assertTrue(self.client.get("/tiers/")["X-Request-Id"])
