from __future__ import annotations

from unittest import mock

from models_app.backends.base import ModelStatus
from models_app.models import (
    LanguageModel,
    PredictionRecord,
    PredictionSource,
    PredictionStatus,
)
from models_app.speed import Speed, load_seconds_of, speed_of
from models_app.tests.fakes import FakeBackend
from neuro_site.testing import BaseTestCase


class SpeedTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.entry = LanguageModel.objects.resolve("neo-tiny")

    def note(self, tokens: int, duration_ms: float, **fields: object) -> None:
        values: dict[str, object] = {
            "status": PredictionStatus.SUCCEEDED,
            "prompts": 1,
            "queue_ms": 0,
        } | fields
        PredictionRecord.objects.create(
            user=self.alice,
            project=self.alice.default_project,
            language_model=self.entry,
            source=PredictionSource.API,
            prompt_tokens=1,
            completion_tokens=tokens,
            duration_ms=duration_ms,
            seed=0,
            **values,
        )

    def test_it_knows_nothing_before_the_first_prediction(self) -> None:
        self.assertEqual(
            speed_of(self.entry), Speed(tokens_per_second=None, predictions=0)
        )

    def test_it_divides_tokens_by_the_time_out_of_the_queue(self) -> None:
        self.note(10, 100)
        self.note(30, 400, queue_ms=100)

        self.assertEqual(
            speed_of(self.entry), Speed(tokens_per_second=100.0, predictions=2)
        )

    def test_it_leaves_out_what_says_nothing_of_one_stream(self) -> None:
        self.note(10, 1, status=PredictionStatus.ABORTED)
        self.note(10, 1, prompts=2)
        self.note(10, 1, parameters={"num_return_sequences": 2})
        self.note(10, 1, parameters={"num_beams": 4})
        self.note(0, 1)

        self.assertEqual(speed_of(self.entry).predictions, 0)

    def test_it_says_what_loading_took_once_it_is_loaded(self) -> None:
        for state, seconds in (("ready", 1.235), ("loading", None)):
            backend = FakeBackend()
            status = ModelStatus(name="neo-tiny", state=state, load_seconds=1.23456)  # type: ignore[arg-type]
            with (
                mock.patch.object(
                    backend, "health", mock.AsyncMock(return_value=[status])
                ),
                mock.patch("models_app.speed.get_backend", return_value=backend),
            ):
                self.assertEqual(load_seconds_of(self.entry), seconds)

    def test_the_api_says_it_of_a_model(self) -> None:
        self.note(10, 100)

        model = self.client.get(
            "/api/v1/models/neo-tiny", headers=self.bearer(self.alice_api_token)
        ).json()

        self.assertEqual(model["speed"], {"tokens_per_second": 100.0, "predictions": 1})
        self.assertIn("load_seconds", model)
        self.assertIs(model["has_chat_template"], False)
