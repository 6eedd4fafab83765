from __future__ import annotations

from unittest import mock

from models_app.backends.base import ModelStatus
from models_app.cards import read_card
from models_app.errors import EngineUnavailable
from models_app.readiness import Readiness, readiness_of
from models_app.tests.cards import CatalogueTestCase
from models_app.tests.checkpoints import write_parity, write_tiny_checkpoint
from models_app.weights import bundled_dir


class FakeBackend:
    """An engine that says what the test tells it to."""

    def __init__(self, statuses: list[ModelStatus] | None) -> None:
        self.statuses = statuses

    async def health(self) -> list[ModelStatus]:
        if self.statuses is None:
            raise EngineUnavailable
        return self.statuses


class ReadinessTests(CatalogueTestCase):
    def readiness(self, statuses: list[ModelStatus] | None) -> Readiness:
        backend = FakeBackend(statuses)
        with mock.patch("models_app.readiness.get_backend", return_value=backend):
            return readiness_of([read_card("tiny")])["tiny"]

    def test_it_is_missing_whatever_the_engine_says(self) -> None:
        ready = ModelStatus(name="tiny", state="ready")
        self.assertEqual(self.readiness([ready]), Readiness.MISSING)
        self.assertEqual(self.readiness(None), Readiness.MISSING)

    def test_it_says_why_a_model_is_not_served_whatever_the_engine_says(self) -> None:
        ready = ModelStatus(name="tiny", state="ready")
        folder = write_tiny_checkpoint(bundled_dir("tiny"), checked=False)
        self.assertEqual(self.readiness([ready]), Readiness.UNCHECKED)
        write_parity(folder, fp32=False)
        self.assertEqual(self.readiness([ready]), Readiness.MISMATCH)
        (folder / "config.json").write_text("{}")
        self.assertEqual(self.readiness([ready]), Readiness.CHANGED)

    def test_it_repeats_what_the_engine_says(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        for state, readiness in (
            ("ready", Readiness.READY),
            ("loading", Readiness.LOADING),
            ("failed", Readiness.FAILED),
        ):
            status = ModelStatus(name="tiny", state=state)  # type: ignore[arg-type]
            self.assertEqual(self.readiness([status]), readiness)

    def test_it_loads_later_what_the_engine_does_not_know_yet(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        self.assertEqual(self.readiness([]), Readiness.INSTALLED)

    def test_it_says_that_the_engine_is_down(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        self.assertEqual(self.readiness(None), Readiness.ENGINE_DOWN)
