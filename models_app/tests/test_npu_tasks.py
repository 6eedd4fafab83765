"""The npu client's mode that is not deployed, request by request."""

from __future__ import annotations

import datetime
import io
import json
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import override_settings

from accounts import quota
from accounts.closing import close_account
from accounts.export import sections
from accounts.models import Project, User
from accounts.projects import archive_project, create_project
from models_app.asynchronous import service
from models_app.asynchronous.event_log import EventLog
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.errors import GenerationFailed
from models_app.models import PredictionRecord
from models_app.npu.models import NpuTask, UploadedData
from models_app.predictions import Started, TextDelta
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all
from models_app.tests.test_npu import NpuTestCase, md5
from neuro_site.testing import Response


def npz(*prompts: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{str(number): one for number, one in enumerate(prompts)})
    return file.getvalue()


def delta(index: int, token_count: int) -> TextDelta:
    return TextDelta(index=index, text="x" * token_count, token_count=token_count)


class UploadTestCase(NpuTestCase):
    """Alice uploads; `bearer` and `project` make it somebody else."""

    def hash(
        self,
        file: bytes,
        api_token: str | None = None,
        method: str = "get",
        **query: object,
    ) -> Response:
        response: Response = getattr(self.client, method)(
            "/Hash",
            {"token": "…", "hash": md5(file), "collection": 1, **query},
            headers=self.bearer(api_token or self.alice_api_token),
        )
        return response

    def upload(
        self, file: bytes, api_token: str | None = None, **fields: Any
    ) -> Response:
        call = {"hash": md5(file), "collection": 1, "given_name": ""} | fields
        return self.client.post(
            "/UploadData",
            {"file": SimpleUploadedFile("file", file), "json": json.dumps(call)},
            headers=self.bearer(api_token or self.alice_api_token),
        )

    def uploaded(self, *prompts: Any, **fields: Any) -> str:
        response = self.upload(npz(*prompts), **fields)
        self.assertEqual(response.status_code, 201, response.content)
        data_id: str = response.json()
        return data_id

    def pass_hours(self, hours: float) -> None:
        passed = datetime.timedelta(hours=hours)
        for data in UploadedData.objects.all():
            data.used_at -= passed
            data.save()


class UploadTests(UploadTestCase):
    def test_it_takes_what_it_does_not_know_and_knows_it_then(self) -> None:
        file = npz("a", "b")
        unknown = self.hash(file)
        created = self.upload(file)
        known = self.hash(file)

        self.assertEqual((unknown.status_code, unknown.content), (204, b""))
        self.assertEqual(created.status_code, 201)
        self.assertRegex(created.json(), "^[0-9a-f]{24}$")
        self.assertEqual(known.json()["id"], created.json())
        self.assertIsInstance(known.json()["message"], str)

    def test_it_keeps_the_same_file_once(self) -> None:
        self.assertEqual(self.uploaded("a"), self.uploaded("a"))
        self.assertEqual(UploadedData.objects.count(), 1)

    def test_it_keeps_the_data_of_projects_apart(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        file = npz("a")
        first = self.upload(file).json()

        for api_token, query in (
            (self.bob_api_token, {}),
            (self.alice_api_token, {"project": thesis.public_id}),
        ):
            self.assertEqual(self.hash(file, api_token, **query).status_code, 204)
            self.assertNotEqual(self.upload(file, api_token, **query).json(), first)

    def test_it_takes_no_project_of_somebody_else(self) -> None:
        bobs = self.bob.default_project.public_id

        self.assertIn(
            "no project", self.error(self.upload(npz("a"), project=bobs), 400)
        )
        self.assertIn("no project", self.error(self.hash(npz("a"), project=bobs), 400))

    def test_it_says_what_is_wrong_with_an_upload(self) -> None:
        whole = npz("a")
        cases: list[tuple[bytes, dict[str, Any], int, str]] = [
            (b"garbage", {}, 400, "numpy.savez"),
            (npz(np.array([object])), {}, 400, "pickled"),
            (npz(np.zeros((2, 2, 2), int)), {}, 400, "shape"),
            (whole, {"hash": md5(b"other")}, 400, "MD5"),
            (whole, {"hash": None}, 400, "MD5"),
            (whole, {"hash": "\0" * 32}, 400, "MD5"),
            (whole, {"given_name": "x" * 201}, 400, "name"),
            (whole, {"chunked": True}, 501, "DataLoader"),
        ]
        for file, fields, status, words in cases:
            with self.subTest(words=words, fields=fields):
                error = self.error(self.upload(file, **fields), status)
                self.assertIn(words, error)
        self.assertFalse(UploadedData.objects.exists())

    def test_it_refuses_a_hash_that_is_none(self) -> None:
        for value in ("", "x", "A" * 32):
            self.assertIn("MD5", self.error(self.hash(b"", hash=value), 400))

    def test_it_takes_no_model(self) -> None:
        error = self.error(self.hash(b"", collection=2), 501)

        self.assertIn("compile", error)

    def test_it_bounds_what_a_project_keeps(self) -> None:
        with override_settings(UPLOADS_PER_PROJECT_BYTES=30):
            self.uploaded("a" * 16)
            self.uploaded("a" * 16)
            error = self.error(self.upload(npz("b" * 16)), 413)
            self.pass_hours(25)
            self.uploaded("b" * 16)

        self.assertIn("20 bytes", error)
        self.assertEqual(UploadedData.objects.count(), 1)

    def test_it_counts_an_upload_as_a_request_of_the_minute(self) -> None:
        User.objects.update(staff_limits={"requests_per_minute": 1})

        self.uploaded("a")

        self.assertIn("minute", self.error(self.upload(npz("b")), 429))


class KeepingTests(UploadTestCase):
    def test_it_forgets_what_was_not_used_for_a_day(self) -> None:
        self.uploaded("a")
        self.pass_hours(23)
        self.assertEqual(self.hash(npz("a")).status_code, 200)
        self.pass_hours(23)
        self.assertEqual(self.hash(npz("a")).status_code, 200)
        self.pass_hours(25)
        self.assertEqual(self.hash(npz("a")).status_code, 204)

    def test_it_deletes_what_it_has_forgotten(self) -> None:
        self.uploaded("old")
        self.pass_hours(25)
        self.upload(npz("new"), self.bob_api_token)

        out = io.StringIO()
        call_command("delete_expired_uploads", stdout=out)

        self.assertIn("1 upload", out.getvalue())
        self.assertEqual(UploadedData.objects.get().project.user, self.bob)

    def test_it_goes_with_its_project_and_its_account(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        self.uploaded("a", project=thesis.public_id)
        self.uploaded("a")
        archive_project(project=thesis)
        self.assertEqual(UploadedData.objects.get().project.name, "Default")
        close_account(user=self.alice)
        self.assertFalse(UploadedData.objects.exists())

    def test_it_is_exported(self) -> None:
        self.uploaded("Grüße\0!", [7, 8], given_name="greetings")

        (section,) = (one for one in sections() if one.name == "uploaded_data")
        (row,) = section.rows(self.alice)

        self.assertEqual(set(row), set(section.fields))
        self.assertEqual(row["prompts"], ["Grüße\0!", [7, 8]])
        self.assertEqual(row["name"], "greetings")
        self.assertEqual(list(section.rows(self.bob)), [])


class TaskTestCase(UploadTestCase):
    def predict(self, data_id: str | None, **changes: Any) -> Response:
        body: dict[str, Any] = {
            "task_id": "",
            "data_start": None,
            "data_end": None,
            "data_name": "",
            "project": "",
            "input_kwargs": {"max_new_tokens": 20},
            "scripts": [],
            "modelId": "neo-tiny",
            "dataId": data_id,
            "data_hub_ds": False,
        }
        return self.post_json("/Predict", body | changes)

    def started(self, data_id: str, **changes: Any) -> str:
        response = self.predict(data_id, **changes)
        self.assertEqual(response.status_code, 200, response.content)
        self.assertRegex(response.content.decode(), "^[0-9a-f]{24}$")
        return response.content.decode()

    def status(self, task_id: str, *, result: bool = True) -> dict[str, Any]:
        answer = self.client.get(
            f"/status/{task_id}?include_result={result}",
            headers=self.bearer(self.alice_api_token),
        )
        self.assertEqual(answer.status_code, 200, answer.content)
        status: dict[str, Any] = answer.json()
        return status

    def texts(self, task_id: str) -> list[str]:
        return [one["generated_text"] for one in self.status(task_id)["result"]]


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
        events = EventLog(prediction)
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
