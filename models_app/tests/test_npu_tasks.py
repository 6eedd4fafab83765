"""The npu client's mode that is not deployed, request by request."""

from __future__ import annotations

from typing import Any

from accounts import quota
from accounts.models import Project
from models_app.asynchronous import service
from models_app.asynchronous.event_log import EventLog
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.errors import GenerationFailed
from models_app.models import PredictionRecord
from models_app.npu.models import NpuTask
from models_app.predictions import Started, TextDelta
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.npu import TaskTestCase, npz
from models_app.tests.queues import carry_out_all


def delta(index: int, token_count: int) -> TextDelta:
    return TextDelta(index=index, text="x" * token_count, token_count=token_count)


class TaskTests(TaskTestCase):
    def test_it_runs_a_task_on_data_that_is_here(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started(self.uploaded("Say ", "b"))
            waiting = self.status(task_id)
            carry_out_all()

        done = self.status(task_id)
        self.assertEqual((waiting["state"], waiting["progress"]), ("PENDING", 0))
        self.assertNotIn("result", waiting)
        self.assertEqual((done["state"], done["progress"]), ("COMPLETE", 1))
        self.assertEqual(self.texts(task_id), ["Say Hello", "bHello"])
        self.assertNotIn("result", self.status(task_id, result=False))

    def test_it_charges_and_notes_it_as_every_door(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started(self.uploaded("Say "))
            carry_out_all()

        record = PredictionRecord.objects.get()
        self.assertEqual((record.public_id, record.source), (task_id, "npu"))
        metrics = self.status(task_id)["metrics"]
        self.assertEqual(metrics["charged_tokens"], record.charged_tokens)
        self.assertEqual(metrics["total_tokens"], quota.status(self.alice).tokens_used)

    def test_it_uses_a_part_of_the_data(self) -> None:
        data_id = self.uploaded("a", "b", "c", "d")
        parts: list[tuple[int | None, int | None, list[str]]] = [
            (1, 3, ["bHello", "cHello"]),
            (None, -3, ["aHello"]),
            (3, None, ["dHello"]),
        ]
        with use_backend(FakeBackend(*HELLO)):
            tasks = [
                (self.started(data_id, data_start=start, data_end=end), texts)
                for start, end, texts in parts
            ]
            carry_out_all()

        for task_id, texts in tasks:
            self.assertEqual(self.texts(task_id), texts)

    def test_it_finds_data_by_the_name_that_it_was_given(self) -> None:
        self.uploaded("older", given_name="mine")
        self.uploaded("a", given_name="mine")
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started("", data_name="mine")
            carry_out_all()

        self.assertEqual(self.texts(task_id), ["aHello"])

    def test_it_takes_token_ids_and_leaves_the_prompt_out_when_asked(self) -> None:
        kwargs = {"remove_input": True, "max_new_tokens": 20}
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started(self.uploaded([72, 105]), input_kwargs=kwargs)
            carry_out_all()

        self.assertEqual(self.texts(task_id), ["Hello"])

    def test_it_says_what_is_wrong_with_a_task(self) -> None:
        bobs = self.upload(npz("a"), self.bob_api_token).json()
        mine = self.uploaded("a")
        cases: list[tuple[str | None, dict[str, Any], int, str]] = [
            (mine, {"modelId": None}, 400, "modelId"),
            (mine, {"modelId": "neo-tinny"}, 404, "neo-tiny"),
            (mine, {"data_start": "1"}, 400, "data_start"),
            (mine, {"data_start": 1}, 400, "no prompt"),
            (mine, {"input_kwargs": {"temprature": 1}}, 400, "temperature"),
            (mine, {"scripts": ["clean.py"]}, 400, "scripts"),
            (mine, {"max_length": 15}, 400, "input_kwargs"),
            (mine, {"data_hub_ds": True}, 400, "npu.upload_data"),
            (None, {}, 400, "npu.upload_data"),
            (bobs, {}, 404, "no uploaded data"),
            ("\0", {}, 404, "no uploaded data"),
            ("x.npz", {}, 404, "itself"),
        ]
        with use_backend(FakeBackend(*HELLO)):
            for data_id, changes, status, words in cases:
                with self.subTest(words=words):
                    error = self.error(self.predict(data_id, **changes), status)
                    self.assertIn(words, error)
        self.assertFalse(AsyncPrediction.objects.exists())


class StatusTests(TaskTestCase):
    def test_it_knows_tasks_of_the_account_in_any_project_and_no_other(self) -> None:
        thesis = Project.objects.create(user=self.alice, name="Thesis")
        in_thesis = {"project": thesis.public_id}
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started(self.uploaded("a", **in_thesis), **in_thesis)

        self.assertEqual(self.status(task_id)["state"], "PENDING")
        for path in (f"/status/{task_id}", "/status/" + "0" * 24, "/status/x"):
            answer = self.client.get(path, headers=self.bearer(self.bob_api_token))
            self.assertIn("no task", self.error(answer, 404))

    def test_it_prints_each_line_once(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started(self.uploaded("Say "))
        AsyncPrediction.objects.update(status=AsyncStatus.STARTING)
        first = [self.status(task_id).get("print") for _ in range(2)]
        AsyncPrediction.objects.update(status=AsyncStatus.PROCESSING)
        second = [self.status(task_id).get("print") for _ in range(2)]

        self.assertEqual(first, [["Waiting for neo-tiny."], None])
        self.assertEqual(second, [["Running neo-tiny on 4 tokens."], None])

    def test_it_shows_how_far_a_task_is(self) -> None:
        cases: list[tuple[dict[str, Any], float]] = [
            ({"max_new_tokens": 10}, (0.5 + 0.2) / 2),
            ({"max_length": 11}, (0.5 + 0.2) / 2),
            ({}, (0.1 + 0.04) / 2),
        ]
        for kwargs, expected in cases:
            with self.subTest(kwargs), use_backend(FakeBackend(*HELLO)):
                data_id = self.uploaded("a", "b")
                task_id = self.started(data_id, input_kwargs=kwargs)
                self.write_down(task_id, delta(0, 2), delta(1, 2), delta(0, 5))

                progress = self.status(task_id)["progress"]
                self.assertAlmostEqual(progress, expected)

    def write_down(self, task_id: str, *deltas: TextDelta) -> None:
        """What a worker does on the way."""
        prediction = AsyncPrediction.objects.get(public_id=task_id)
        events = EventLog(prediction, is_new=True)
        events.add(
            Started(
                prediction_id=task_id,
                model="neo-tiny",
                seed=1,
                prompts=2,
                num_return_sequences=1,
                prompt_tokens=2,
            )
        )
        for one in deltas:
            events.add(one)
            events.save()

    def test_it_tells_why_a_task_failed(self) -> None:
        with use_backend(FakeBackend(GenerationFailed())):
            task_id = self.started(self.uploaded("a"))
            carry_out_all()

        status = self.status(task_id)
        self.assertEqual(status["state"], "FAILURE")
        self.assertIn("nothing was charged", status["result"])

    def test_it_says_that_a_task_was_stopped(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            task_id = self.started(self.uploaded("a"))
        service.cancel(AsyncPrediction.objects.get())

        self.assertEqual(self.status(task_id)["state"], "STOPPED")

    def test_it_forgets_a_task_with_its_prediction(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            self.started(self.uploaded("a"))
        AsyncPrediction.objects.all().delete()

        self.assertFalse(NpuTask.objects.exists())
