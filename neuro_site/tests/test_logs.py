from __future__ import annotations

import logging

from django.test import SimpleTestCase

# As uvicorn writes it.
LINE = '%s - "%s %s HTTP/%s" %d'


class LogsTestCase(SimpleTestCase):
    def said(self, target: str) -> str:
        logger = logging.getLogger("uvicorn.access")
        with self.assertLogs(logger) as logged:
            logger.info(LINE, "127.0.0.1:9", "GET", target, "1.1", 200)
        return logged.output[0]

    def test_it_leaves_the_query_of_an_address_out(self) -> None:
        said = self.said("/playground/?prompt=secret")
        self.assertIn('"GET /playground/ HTTP/1.1" 200', said)
        self.assertNotIn("secret", said)

    def test_it_never_writes_values_of_statements(self) -> None:
        self.assertFalse(
            logging.getLogger("django.db.backends").isEnabledFor(logging.DEBUG)
        )
