from __future__ import annotations

import csv
import io

from django.test import SimpleTestCase

from accounts.csv_text import csv_of


class CsvOfTests(SimpleTestCase):
    def written(self, value: object) -> str:
        lines = csv_of(["value"], [{"value": value}])
        (row,) = csv.DictReader(io.StringIO("".join(lines)))
        return row["value"]

    def test_it_leaves_texts_and_numbers_as_they_are(self) -> None:
        for value in ("night job", 'a "b", c', -5, 1.5, ""):
            with self.subTest(value):
                self.assertEqual(self.written(value), str(value))

    def test_it_gives_spreadsheets_no_formula_to_work_out(self) -> None:
        for text in ("=HYPERLINK(1)", "+1", "-2+3", "@SUM(1)", "\t=1"):
            with self.subTest(text):
                self.assertEqual(self.written(text), f"'{text}")
