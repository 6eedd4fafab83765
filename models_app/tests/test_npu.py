from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import ApiToken, Project
from accounts.projects import archive_project
from models_app.models import PredictionRecord
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.npu import NpuTestCase, md5
from neuro_site.testing import Response

SYNC_PREDICT = "/SyncPredict?include_result=True"


class TokenTests(NpuTestCase):
    def post(self, api_token: str, project_name: str = "Default") -> Response:
        body = {"token": api_token, "project_name": project_name}
        return self.post_json("/Token", body, api_token)

    def test_it_answers_with_the_id_of_the_project(self) -> None:
        response = self.post(self.alice_api_token)

        self.assertEqual(response.json(), self.alice.default_project.public_id)

    def test_it_finds_another_project_of_the_account(self) -> None:
        thesis = Project.objects.create(user=self.alice, name="Thesis")

        response = self.post(self.alice_api_token, "Thesis")

        self.assertEqual(response.json(), thesis.public_id)

    def test_it_makes_a_project_that_there_is_none_of(self) -> None:
        Project.objects.create(user=self.bob, name="Secret")

        response = self.post(self.alice_api_token, "Secret")

        project = Project.objects.get(user=self.alice, name="Secret")
        self.assertEqual(response.json(), project.public_id)

    def test_it_refuses_a_name_that_no_project_can_have(self) -> None:
        error = self.error(self.post(self.alice_api_token, "x" * 101), 400)

        self.assertIn("name of a project", error)

    def test_it_refuses_an_archived_project(self) -> None:
        thesis = Project.objects.create(user=self.alice, name="Thesis")
        archive_project(project=thesis)

        self.assertIn(
            "archived", self.error(self.post(self.alice_api_token, "Thesis"), 400)
        )

    def test_it_makes_none_for_an_api_token_that_may_not_predict(self) -> None:
        ApiToken.objects.update(scopes=["read:usage"])

        self.error(self.post(self.alice_api_token, "New"), 403)

        self.assertFalse(Project.objects.filter(name="New").exists())

    def test_it_refuses_a_wrong_api_token(self) -> None:
        for api_token in ("", "wrong", self.alice_api_token[:-1]):
            with self.subTest(api_token=api_token):
                self.assertIn("API token", self.error(self.post(api_token), 401))

    def test_it_refuses_what_is_no_object(self) -> None:
        self.error(self.post_json("/Token", []), 400)


class SyncPredictJsonTests(NpuTestCase):
    def predict(self, **body: Any) -> Response:
        call = {"modelId": "neo-tiny", "data": "Say "} | body
        with use_backend(FakeBackend(*HELLO)):
            return self.post_json("/SyncPredict?include_result=true", call)

    def test_it_answers_a_text(self) -> None:
        answer = self.predict().json()

        self.assertEqual(
            answer, {"state": "COMPLETE", "result": [{"generated_text": "Say Hello"}]}
        )
        self.assertEqual(PredictionRecord.objects.get().source, "npu")

    def test_it_answers_a_list_in_its_order(self) -> None:
        result = self.predict(data=["a", "b"]).json()["result"]

        self.assertEqual(
            [one["generated_text"] for one in result], ["aHello", "bHello"]
        )

    def test_it_takes_numbers_for_the_token_ids_of_one_prompt(self) -> None:
        result = self.predict(data=[72, 105]).json()["result"]

        self.assertEqual(result, [{"generated_text": "HiHello"}])

    def test_it_leaves_the_prompt_out_when_asked(self) -> None:
        result = self.predict(input_kwargs={"remove_input": True}).json()["result"]

        self.assertEqual(result, [{"generated_text": "Hello"}])

    def test_it_answers_sequences_in_the_same_flat_list(self) -> None:
        result = self.predict(
            data=["a", "b"], input_kwargs={"num_return_sequences": 2}
        ).json()["result"]

        self.assertEqual(
            result, [{"generated_text": f"{prompt}Hello"} for prompt in "aabb"]
        )

    def test_it_adds_the_details_that_the_call_asks_for(self) -> None:
        result = self.predict(input_kwargs={"return_token_ids": True}).json()["result"]

        self.assertEqual(result[0]["token_ids"], [ord(letter) for letter in "Hello"])

    def test_it_knows_models_by_their_published_id_and_by_name(self) -> None:
        by_id = self.predict(modelId="60a40f81b635d67d627bf6b2")
        by_name = self.predict(modelId=None, model_name="neo-tiny")

        self.assertEqual((by_id.status_code, by_name.status_code), (200, 200))

    def test_it_charges_the_project_that_the_call_names(self) -> None:
        thesis = Project.objects.create(user=self.alice, name="Thesis")

        self.predict(project=thesis.public_id)

        self.assertEqual(PredictionRecord.objects.get().project, thesis)

    def test_it_refuses_the_project_of_somebody_else(self) -> None:
        response = self.predict(project=self.bob.default_project.public_id)

        self.assertIn("no project", self.error(response, 400))

    def test_it_says_what_is_wrong_in_one_string(self) -> None:
        cases: list[tuple[dict[str, Any], int, str]] = [
            ({"modelId": None}, 400, "modelId"),
            ({"modelId": "neo-tinny"}, 404, "neo-tiny"),
            ({"data": None}, 400, "data"),
            ({"data": [1, "2"]}, 400, "text"),
            ({"data": []}, 400, "prompt"),
            ({"input_kwargs": []}, 400, "input_kwargs"),
            ({"input_kwargs": {"max_length": 4}}, 400, "4 tokens"),
            ({"input_kwargs": {"num_beam_groups": 4}}, 400, "num_beam_groups"),
            ({"input_kwargs": {"num_beams": 99}}, 400, "num_beams"),
            ({"scripts": ["clean.py"]}, 400, "scripts"),
            ({"scripts": {}}, 400, "scripts"),
            ({"modelId": 0, "model_name": "neo-tiny"}, 400, "modelId"),
            ({"input_kwargs": {"temprature": None}}, 400, "temprature"),
            ({"input_kwargs": {"temprature": 4}}, 400, "Did you mean temperature?"),
        ]
        for body, status, words in cases:
            with self.subTest(body=body):
                self.assertIn(words, self.error(self.predict(**body), status))

    def test_it_says_how_to_install_missing_weights(self) -> None:
        body = {"modelId": "60a40f81b635d67d627bf6b2", "data": "x"}

        error = self.error(self.post_json("/SyncPredict", body), 503)

        self.assertIn("manage.py models pull gpt-neo-125m", error)

    def test_it_refuses_broken_json(self) -> None:
        response = self.client.post(
            "/SyncPredict",
            "{",
            content_type="application/json",
            headers=self.bearer(self.alice_api_token),
        )

        self.assertIn("not JSON", self.error(response, 400))


class SyncPredictNpzTests(NpuTestCase):
    """As the published client sends it."""

    def predict(self, file: bytes | None, fields: str | None = None) -> Response:
        call = {
            "hash": md5(file or b""),
            "collection": 1,
            "project": self.alice.default_project.public_id,
            "modelId": "neo-tiny",
            "input_kwargs": {"max_length": 15},
            "scripts": [],
            "generic_file": False,
        }
        parts: dict[str, Any] = {"json": fields or json.dumps(call)}
        if file is not None:
            parts["file"] = SimpleUploadedFile("file", file)
        with use_backend(FakeBackend(*HELLO)):
            return self.client.post(
                SYNC_PREDICT, parts, headers=self.bearer(self.alice_api_token)
            )

    def npz(self, *values: Any) -> bytes:
        file = io.BytesIO()
        np.savez(file, **{str(number): value for number, value in enumerate(values)})
        return file.getvalue()

    def test_it_answers_the_texts_of_the_archive(self) -> None:
        answer = self.predict(self.npz("Say ", "b")).json()

        self.assertEqual(answer["state"], "COMPLETE")
        self.assertEqual(
            answer["result"],
            [{"generated_text": "Say Hello"}, {"generated_text": "bHello"}],
        )

    def test_it_answers_lists_of_token_ids(self) -> None:
        answer = self.predict(self.npz(np.array([72, 105]), [33])).json()

        texts = [one["generated_text"] for one in answer["result"]]
        self.assertEqual(texts, ["HiHello", "!Hello"])

    def test_it_takes_the_text_of_a_file_that_the_caller_named(self) -> None:
        named = {"modelId": "neo-tiny", "generic_file": True}
        answer = self.predict(b"Say ", json.dumps(named)).json()

        self.assertEqual(answer["result"], [{"generated_text": "Say Hello"}])

    def test_it_never_unpickles(self) -> None:
        response = self.predict(self.npz(np.array([object], dtype=object)))

        self.assertIn("pickled", self.error(response, 400))
        self.assertFalse(PredictionRecord.objects.exists())

    def test_it_refuses_a_bomb(self) -> None:
        file = io.BytesIO()
        np.savez_compressed(file, np.full(50_000_000, "", dtype="<U1"))
        self.assertLess(len(file.getvalue()), 1_000_000)

        self.assertIn("unpacks to", self.error(self.predict(file.getvalue()), 400))

    def test_it_refuses_what_is_not_what_the_client_sends(self) -> None:
        cases = [
            (b"garbage", None, "numpy.savez"),
            (None, None, "no part named file"),
            (self.npz("x"), "{", "not JSON"),
            (self.npz("x"), "[]", "JSON object"),
            (self.npz(np.array([0.5])), None, "whole numbers"),
            (self.npz("x"), '{"hash": "00"}', "MD5"),
        ]
        for file, fields, words in cases:
            with self.subTest(words=words):
                self.assertIn(words, self.error(self.predict(file, fields), 400))

    def test_it_needs_an_api_token(self) -> None:
        response = self.client.post(SYNC_PREDICT, {"json": "{}"})

        self.assertIn("API token", self.error(response, 401))


class UnsupportedTests(NpuTestCase):
    def test_it_says_what_to_do_instead_of_training_and_exporting(self) -> None:
        for route in ("Train", "Export", "ModelType", "UploadModel", "RetrieveModel"):
            for method in (self.client.get, self.client.post):
                with self.subTest(route=route):
                    response = method(
                        f"/{route}", headers=self.bearer(self.alice_api_token)
                    )
                    self.assertIn("npu.predict", self.error(response, 501))

    def test_it_answers_no_visitor(self) -> None:
        self.assertIn("API token", self.error(self.client.post("/Train"), 401))
