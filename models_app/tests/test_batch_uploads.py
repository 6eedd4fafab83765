from __future__ import annotations

from typing import Any

from django.test import override_settings

from accounts.errors import TierLimitExceeded, TierRequired
from models_app.batches.models import Batch, BatchStatus
from models_app.batches.reading import MAX_LINE_BYTES, MAX_PROBLEMS
from models_app.errors import (
    InvalidBatch,
    InvalidInput,
    QueueFull,
)
from models_app.tests.batches import CALL, BatchTestCase, calls
from models_app.tests.fakes import FakeBackend, use_backend


class UploadTests(BatchTestCase):
    def problems(self, *lines: object) -> list[dict[str, Any]]:
        with use_backend(FakeBackend()), self.assertRaises(InvalidBatch) as caught:
            self.create(*lines)
        self.assertFalse(Batch.objects.exists())
        return list(caught.exception.problems)

    def test_it_takes_the_file_in_and_holds_nothing(self) -> None:
        with use_backend(FakeBackend()):
            batch = self.create(*calls(2))

        self.assertEqual((batch.status, batch.total), (BatchStatus.STARTING, 2))
        self.assertEqual(self.statuses(batch), ["waiting", "waiting"])
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_refuses_the_whole_file_and_names_every_line(self) -> None:
        good = {"custom_id": "good", **CALL}
        cases: list[tuple[object, str, str | None]] = [
            (b"{\n", "invalid_json", None),
            (b'{"custom_id": "\xff"}\n', "invalid_json", None),
            (b"[" * 50_000 + b"\n", "invalid_json", None),
            ([1], "invalid_input", None),
            ({"custom_id": "a", "model": "neo-tiny"}, "invalid_input", "inputs"),
            ({**good, "custom_id": "b", "stream": True}, "invalid_input", "stream"),
            (good, "invalid_input", "custom_id"),
            ({**good, "custom_id": "x" * 101}, "invalid_input", "custom_id"),
            ({**good, "custom_id": "\0"}, "invalid_input", "custom_id"),
            (
                {**good, "custom_id": "c", "model": "neo-tony"},
                "model_not_found",
                "model",
            ),
            ({**good, "custom_id": "d", "inputs": 3}, "invalid_input", "inputs"),
            ({**good, "custom_id": "e", "inputs": [[0.5]]}, "invalid_input", "inputs"),
            (
                {**good, "custom_id": "g", "inputs": ["a", ""]},
                "invalid_input",
                "inputs",
            ),
            (
                {**good, "custom_id": "f", "parameters": {"top_p": 2}},
                "invalid_parameter",
                "top_p",
            ),
        ]
        problems = self.problems(good, *(line for line, _, _ in cases))

        expected = [(n, code, param) for n, (_, code, param) in enumerate(cases, 2)]
        told = [(one["line"], one["code"], one["param"]) for one in problems]
        self.assertEqual(told, expected)

    def test_it_counts_lines_as_an_editor_does(self) -> None:
        (problem,) = self.problems(b"\xef\xbb\xbf\n", next(calls(1)), b"\r\n", b"{\r\n")

        self.assertEqual(problem["line"], 4)

    def test_it_stops_at_a_line_that_is_too_long(self) -> None:
        (problem,) = self.problems(b"x" * (MAX_LINE_BYTES + 1), b"y\n")

        self.assertIn("longer than", problem["message"])

    def test_it_tells_only_the_first_of_many_problems(self) -> None:
        self.assertEqual(len(self.problems(*[b"{\n"] * 99)), MAX_PROBLEMS)

    def test_it_refuses_a_file_without_lines(self) -> None:
        with use_backend(FakeBackend()), self.assertRaises(InvalidInput):
            self.create(b"\n\n")

    def test_it_takes_as_many_lines_as_the_tier_allows(self) -> None:
        self.bob.staff_limits = {"lines_per_batch": 2}
        with use_backend(FakeBackend()):
            self.create(*calls(2))
            with self.assertRaises(TierLimitExceeded):
                self.create(*calls(3))

    def test_it_names_the_tier_that_has_batches(self) -> None:
        with self.assertRaisesMessage(TierRequired, "Premium"):
            self.create(caller=self.caller(self.alice))

    def test_it_bounds_the_batches_of_an_account(self) -> None:
        with use_backend(FakeBackend()), override_settings(BATCHES_PER_ACCOUNT=1):
            self.create()
            with self.assertRaises(QueueFull):
                self.create()
