from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from models_app.errors import EngineUnavailable, Overloaded
from models_app.models import LanguageModel, PredictionRecord
from models_app.tests.fakes import (
    BEAMS,
    HELLO,
    FakeBackend,
    logprob,
    token,
    use_backend,
)
from neuro_site.testing import BaseTestCase, Response, read_stream

MODELS = "/api/v1/models"
PREDICT = f"{MODELS}/neo-tiny/predict"


class ApiTestCase(BaseTestCase):
    def get(self, path: str, api_token: str | None = None) -> Response:
        headers = self.bearer(api_token or self.alice_api_token)
        return self.client.get(path, headers=headers)

    def predict(
        self, body: object, *, api_token: str | None = None, path: str = PREDICT
    ) -> Response:
        content = body if isinstance(body, str) else json.dumps(body)
        return self.client.post(
            path,
            content,
            content_type="application/json",
            headers=self.bearer(api_token or self.alice_api_token),
        )

    def error(self, response: Response, status: int) -> dict[str, Any]:
        self.assertEqual(response.status_code, status, response.content)
        error: dict[str, Any] = response.json()["error"]
        self.assertEqual(error["request_id"], response["X-Request-Id"])
        return error


class ModelTests(ApiTestCase):
    def test_it_lists_every_model(self) -> None:
        models = {one["slug"]: one for one in self.get(MODELS).json()["models"]}

        self.assertEqual(models["gpt-neo-125m"]["id"], "60a40f81b635d67d627bf6b2")
        self.assertEqual(models["gpt-neo-125m"]["minimum_tier"], "developer")
        self.assertTrue(models["neo-tiny"]["url"].endswith("/models/neo-tiny"))

    def test_it_says_which_models_are_open_to_the_caller(self) -> None:
        def is_open(api_token: str) -> bool:
            models = self.get(MODELS, api_token).json()["models"]
            (found,) = (one for one in models if one["slug"] == "gpt-neo-125m")
            return bool(found["is_open_to_you"])

        self.assertTrue(is_open(self.alice_api_token))
        self.assertFalse(is_open(self.charlie_api_token))

    def test_it_describes_one_by_id_or_slug(self) -> None:
        by_slug = self.get(f"{MODELS}/gpt-neo-125m").json()
        by_id = self.get(f"{MODELS}/60a40f81b635d67d627bf6b2").json()

        self.assertEqual(by_slug, by_id)
        self.assertEqual(by_slug["limits"]["max_new_tokens"], 512)
        names = [parameter["name"] for parameter in by_slug["parameters"]]
        self.assertIn("repetition_penalty", names)

    def test_it_names_the_nearest_model(self) -> None:
        error = self.error(self.get(f"{MODELS}/neo-tinny"), 404)

        self.assertEqual(error["code"], "model_not_found")
        self.assertIn("neo-tiny", error["hint"])

    def test_it_hides_disabled_models(self) -> None:
        LanguageModel.objects.filter(slug="neo-tiny").update(is_enabled=False)

        self.error(self.get(f"{MODELS}/neo-tiny"), 404)
        self.error(self.predict({"inputs": "x"}), 404)


class PredictTests(ApiTestCase):
    def test_it_answers_in_one_piece(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            answer = self.predict({"inputs": "Say ", "parameters": {"seed": 7}}).json()

        record = PredictionRecord.objects.get()
        self.assertEqual(answer["id"], record.public_id)
        self.assertEqual((answer["model"], answer["seed"]), ("neo-tiny", 7))
        usage = {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
        self.assertEqual(answer["usage"], usage)
        self.assertEqual(answer["charged_tokens"], 9)
        self.assertEqual(
            answer["predictions"],
            [
                {
                    "index": 0,
                    "prompt_index": 0,
                    "sequence_index": 0,
                    "text": "Hello",
                    "finish_reason": "stop",
                    "stop_sequence": None,
                    "seed": 7,
                    "usage": usage,
                }
            ],
        )
        self.assertEqual(answer["timings"]["queue_ms"], 2.0)
        self.assertEqual((record.source, record.user), ("api", self.alice))

    def test_it_answers_a_list_of_prompts(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            answer = self.predict({"inputs": ["a", "b"]}).json()

        self.assertEqual([one["index"] for one in answer["predictions"]], [0, 1])

    def test_it_streams_events(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            response = self.predict({"inputs": "Say ", "stream": True})
            events = self.events_of(response)

        self.assertEqual(response["Content-Type"], "text/event-stream; charset=utf-8")
        self.assertEqual(
            [name for name, _ in events],
            ["started", "delta", "delta", "finished", "completed"],
        )
        self.assertEqual(events[1][1], {"index": 0, "text": "Hel", "token_count": 3})
        self.assertEqual(events[-1][1]["usage"]["total_tokens"], 9)

    def test_it_answers_details_where_the_call_asks_for_them(self) -> None:
        script = (
            token(
                "H", logprobs=[logprob("H", "h")], prompt_logprobs=[None, logprob("b")]
            ),
            token("", finish_reason="stop"),
        )
        parameters = {"logprobs": 1, "prompt_logprobs": 0, "return_token_ids": True}
        body = {"inputs": "ab", "parameters": parameters}
        letter = {"token_id": 72, "text": "H", "logprob": -0.5, "rank": 1}
        alternatives = [{"token_id": 104, "text": "h", "logprob": -1.0}]
        expected = {
            "token_ids": [72],
            "logprobs": [letter | {"alternatives": alternatives}],
        }

        with use_backend(FakeBackend(*script)):
            (answer,) = self.predict(body).json()["predictions"]
            events = self.events_of(self.predict(body | {"stream": True}))

        self.assertEqual({name: answer[name] for name in expected}, expected)
        nothing, second = answer["prompt_logprobs"]
        self.assertEqual((nothing, second["text"]), (None, "b"))
        named = dict(events)
        self.assertEqual({name: named["delta"][name] for name in expected}, expected)
        self.assertEqual(
            named["finished"], answer | {"seed": named["finished"]["seed"]}
        )
        self.assertEqual(named["completed"]["predictions"], [named["finished"]])

    def test_it_streams_several_sequences(self) -> None:
        body = {"inputs": "a", "parameters": {"num_return_sequences": 2}}
        with use_backend(FakeBackend(*HELLO)):
            events = self.events_of(self.predict(body | {"stream": True}))

        self.assertEqual(events[0][1]["num_return_sequences"], 2)
        finished = [data for name, data in events if name == "finished"]
        self.assertEqual(
            [
                (one["index"], one["prompt_index"], one["sequence_index"])
                for one in finished
            ],
            [(0, 0, 0), (1, 0, 1)],
        )

    def test_it_answers_the_scores_of_beams(self) -> None:
        parameters = {"num_beams": 4, "num_return_sequences": 2}
        with use_backend(FakeBackend(*BEAMS)):
            answer = self.predict({"inputs": "a", "parameters": parameters}).json()

        self.assertEqual(
            [(one["text"], one["score"]) for one in answer["predictions"]],
            [("Hi", -0.25), ("Ho", -0.5)],
        )
        self.assertEqual(answer["usage"]["completion_tokens"], 4)
        self.assertEqual(answer["charged_tokens"], 1 + 8)

    def test_it_ends_a_stream_with_an_error_event(self) -> None:
        with use_backend(FakeBackend(HELLO[0], Overloaded(retry_after=2))):
            response = self.predict({"inputs": "Say ", "stream": True})
            *_, (name, data) = self.events_of(response)

        self.assertEqual((response.status_code, name), (200, "error"))
        self.assertEqual(data["error"]["code"], "overloaded")
        self.assertEqual(data["error"]["request_id"], response["X-Request-Id"])

    async def test_it_refuses_a_stream_with_a_status_when_the_engine_is_full(
        self,
    ) -> None:
        """As `neuro_site.handler` does; Django's own would not wait for the engine."""
        body = {"inputs": "Say ", "stream": True}
        with use_backend(FakeBackend(Overloaded(retry_after=2))):
            stream: Any = await self.async_client.post(
                PREDICT,
                json.dumps(body),
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )
            response = await stream.begin()

        error = json.loads(response.content)["error"]
        self.assertEqual((response.status_code, error["code"]), (503, "overloaded"))
        self.assertEqual(error["request_id"], response["X-Request-Id"])
        self.assertEqual(response["Content-Type"], "application/json")
        self.assertEqual(response["Retry-After"], "2")
        self.assertIn("x-ratelimit-limit-requests", response)
        record = await PredictionRecord.objects.aget()
        self.assertEqual((record.status, record.charged_tokens), ("failed", 0))

    async def test_it_streams_once_the_engine_has_taken_the_call_in(self) -> None:
        body = {"inputs": "Say ", "stream": True}
        with use_backend(FakeBackend(token(""), *HELLO)):
            response = await self.async_client.post(
                PREDICT,
                json.dumps(body),
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )
            frames = (await read_stream(response)).decode()

        self.assertEqual(frames.count("event: started"), 1)
        self.assertTrue(frames.endswith("}\n\n"))
        self.assertIn("event: completed", frames)

    def test_it_tells_the_engine_how_long_it_may_take_and_what_to_share(self) -> None:
        backend = FakeBackend(*HELLO)
        with use_backend(backend), self.settings(REQUEST_SECONDS=7):
            self.predict({"inputs": "Say "})

        (one,) = backend.generations
        self.assertEqual(one.deadline_seconds, 7)
        self.assertEqual(one.cache_scope, self.alice.default_project.public_id)

    def events_of(self, response: Response) -> list[tuple[str, dict[str, Any]]]:
        frames = async_to_sync(read_stream)(response).decode().strip().split("\n\n")
        fields = [dict(line.split(": ", 1) for line in f.split("\n")) for f in frames]
        self.assertEqual(
            [int(one["id"]) for one in fields], [*range(1, len(fields) + 1)]
        )
        return [(one["event"], json.loads(one["data"])) for one in fields]

    def test_it_refuses_a_stream_with_a_status_not_with_an_event(self) -> None:
        body = {"inputs": "x", "parameters": {"top_p": 2}, "stream": True}

        error = self.error(self.predict(body), 400)

        self.assertEqual(
            (error["code"], error["param"]), ("invalid_parameter", "top_p")
        )

    def test_it_says_when_to_come_back(self) -> None:
        with use_backend(FakeBackend(unready=EngineUnavailable(retry_after=2))):
            response = self.predict({"inputs": "x"})

        self.assertEqual(self.error(response, 503)["code"], "engine_unavailable")
        self.assertEqual(response["Retry-After"], "2")

    def test_it_says_how_to_install_missing_weights(self) -> None:
        response = self.predict({"inputs": "x"}, path=f"{MODELS}/gpt-neo-125m/predict")

        error = self.error(response, 503)
        self.assertEqual(error["code"], "model_not_installed")
        self.assertIn("manage.py models pull gpt-neo-125m", error["hint"])

    def test_it_names_the_tier_that_a_model_needs(self) -> None:
        path = f"{MODELS}/gpt-neo-125m/predict"

        response = self.predict(
            {"inputs": "x"}, api_token=self.charlie_api_token, path=path
        )

        error = self.error(response, 403)
        self.assertEqual(
            (error["code"], error["type"]), ("tier_required", "permission_error")
        )
        self.assertIn("Developer", error["message"])

    def test_it_refuses_bodies_that_are_no_call(self) -> None:
        cases: list[tuple[object, str, str | None]] = [
            ("{", "invalid_json", None),
            ('{"inputs": NaN}', "invalid_json", None),
            ("[" * 100_000, "invalid_json", None),
            ([], "invalid_input", None),
            ("null", "invalid_input", None),
            ({}, "invalid_input", "inputs"),
            ({"inputs": 1}, "invalid_input", "inputs"),
            ({"inputs": []}, "invalid_input", "inputs"),
            ({"inputs": [1]}, "invalid_input", "inputs"),
            ({"inputs": "\ud800"}, "invalid_input", "inputs"),
            ({"input": "x"}, "invalid_input", "input"),
            ({"inputs": "x", "parameters": []}, "invalid_input", "parameters"),
            ({"inputs": "x", "stream": "perhaps"}, "invalid_input", "stream"),
        ]
        for body, code, param in cases:
            with self.subTest(body=str(body)[:40]), use_backend(FakeBackend()):
                error = self.error(self.predict(body), 400)
                self.assertEqual((error["code"], error["param"]), (code, param))

    def test_it_explains_a_misspelt_field(self) -> None:
        error = self.error(self.predict({"input": "x"}), 400)

        self.assertEqual(error["hint"], "Did you mean inputs?")

    def test_it_takes_only_json(self) -> None:
        response = self.client.post(
            PREDICT, {"inputs": "x"}, headers=self.bearer(self.alice_api_token)
        )

        self.assertEqual(self.error(response, 415)["code"], "unsupported_media_type")

    def test_it_takes_only_posts(self) -> None:
        self.assertEqual(
            self.error(self.get(PREDICT), 405)["code"], "method_not_allowed"
        )

    def test_it_answers_json_whatever_the_caller_accepts(self) -> None:
        headers = self.bearer(self.alice_api_token) | {"accept": "text/event-stream"}

        response = self.client.get(MODELS, headers=headers)

        self.assertEqual(response["Content-Type"], "application/json")

    def test_it_asks_for_an_api_token(self) -> None:
        response = self.client.post(PREDICT, {}, content_type="application/json")

        self.assertEqual(self.error(response, 401)["code"], "missing_api_token")
        self.assertEqual(response["WWW-Authenticate"], "Bearer")

    def test_it_refuses_a_wrong_api_token(self) -> None:
        wrong = self.alice_api_token[:-1] + "~"

        response = self.predict({"inputs": "x"}, api_token=wrong)

        self.assertEqual(self.error(response, 401)["code"], "invalid_api_token")


@pytest.mark.usefixtures("engine")
class RealEngineTests(ApiTestCase):
    def test_it_predicts_with_neo_tiny(self) -> None:
        parameters = {"max_new_tokens": 4, "do_sample": False}

        answer = self.predict({"inputs": "It was", "parameters": parameters}).json()

        self.assertTrue(answer["predictions"][0]["text"])
        self.assertEqual(answer["usage"]["completion_tokens"], 4)

    def test_it_says_which_models_are_ready(self) -> None:
        self.assertEqual(self.get(f"{MODELS}/neo-tiny").json()["status"], "ready")
