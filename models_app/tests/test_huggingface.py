from __future__ import annotations

import json
from typing import Any
from unittest import mock

import jinja2
from asgiref.sync import async_to_sync
from django.test import Client

from accounts.models import ApiToken
from models_app.chat import ChatTemplate
from models_app.errors import ModelNotInstalled, Overloaded
from models_app.idempotency.models import IdempotencyKey
from models_app.models import PredictionRecord
from models_app.tests.fakes import FakeBackend, logprob, token, use_backend
from neuro_site.testing import BaseTestCase, Response, read_stream

URL = "/models/neo-tiny"
HELLO = (
    token(
        "Hel", queue_seconds=0.002, logprobs=[logprob(one, "x", "y") for one in "Hel"]
    ),
    token(
        "lo",
        logprobs=[logprob(one, "x", "y") for one in "lo"],
        finish_reason="length",
    ),
)


class HuggingFaceTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.backend = FakeBackend(*HELLO)

    def call(
        self,
        inputs: object = "Say ",
        route: str = "",
        api_token: str | None = None,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> Response:
        call = {"inputs": inputs, "parameters": parameters} | (body or {})
        with use_backend(self.backend):
            return self.client.post(
                URL + route,
                json.dumps(call),
                content_type="application/json",
                headers=self.bearer(api_token or self.alice_api_token)
                | (headers or {}),
            )

    def generate(self, **parameters: Any) -> dict[str, Any]:
        response = self.call(route="/generate", **parameters)
        self.assertEqual(response.status_code, 200, response.content)
        answer: dict[str, Any] = response.json()
        return answer

    def events(self, response: Response) -> list[dict[str, Any]]:
        with use_backend(self.backend):
            content = async_to_sync(read_stream)(response).decode()
        return [
            json.loads(line.removeprefix("data: "))
            for line in content.splitlines()
            if line.startswith("data: ")
        ]

    def error(self, response: Response, status: int) -> dict[str, Any]:
        self.assertEqual(response.status_code, status, response.content)
        body: dict[str, Any] = response.json()
        self.assertIsInstance(body["error"], str)
        self.assertEqual(body["request_id"], response["X-Request-Id"])
        return body


class AddressTests(HuggingFaceTestCase):
    def test_it_is_a_page_to_who_reads_it(self) -> None:
        page = self.client.get(URL)

        self.assertTemplateUsed(page, "models_app/model_detail.html")
        self.assertEqual(self.client.head(URL).status_code, 200)

    def test_it_answers_a_call_as_the_hub_does(self) -> None:
        self.assertEqual(self.call().json(), [{"generated_text": "Hello"}])
        self.assertEqual(PredictionRecord.objects.get().source, "hugging_face")

    def test_it_takes_every_spelling_of_a_model(self) -> None:
        with use_backend(self.backend):
            response = self.client.post(
                "/models/60a40f81b635d67d627bf6b2",
                {"inputs": "Hi"},
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

        self.assertEqual(response.status_code, 200)

    def test_it_wants_an_api_token_and_says_so_in_json(self) -> None:
        response = self.client.post(URL, {}, content_type="application/json")

        error = self.error(response, 401)
        self.assertEqual(error["code"], "missing_api_token")
        self.assertEqual(response["WWW-Authenticate"], "Bearer")

    def test_it_never_runs_for_a_browsers_session(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.alice)

        response = client.post(URL, {"inputs": "x"}, content_type="application/json")

        self.error(response, 401)
        self.assertFalse(PredictionRecord.objects.exists())

    def test_it_needs_no_csrf_token_beside_an_api_token(self) -> None:
        with use_backend(self.backend):
            response = Client(enforce_csrf_checks=True).post(
                URL,
                {"inputs": "x"},
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

        self.assertEqual(response.status_code, 200)

    def test_it_says_405_to_other_methods(self) -> None:
        response = self.client.put(URL, headers=self.bearer(self.alice_api_token))

        self.assertEqual(self.error(response, 405)["code"], "method_not_allowed")

    def test_it_shows_people_a_page_where_there_is_no_model(self) -> None:
        self.assertTemplateUsed(
            self.client.get("/models/none"), "models_app/model_not_found.html"
        )
        response = self.client.post(
            "/models/none",
            {"inputs": "x"},
            content_type="application/json",
            headers=self.bearer(self.alice_api_token),
        )
        self.assertEqual(self.error(response, 404)["code"], "model_not_found")


class ParameterTests(HuggingFaceTestCase):
    def recorded(self, **parameters: Any) -> dict[str, Any]:
        self.generate(**parameters)
        recorded: dict[str, Any] = PredictionRecord.objects.latest("id").parameters
        return recorded

    def test_it_takes_the_likeliest_tokens_unless_told_otherwise(self) -> None:
        recorded = self.recorded()

        self.assertIs(recorded["do_sample"], False)
        self.assertEqual((recorded["temperature"], recorded["top_k"]), (1.0, 0))
        self.assertEqual(self.backend.generations[0].sampling.max_new_tokens, 60)

    def test_it_generates_a_hundred_tokens_unless_told_otherwise(self) -> None:
        self.backend.length = 1000

        self.generate()

        self.assertEqual(self.backend.generations[0].sampling.max_new_tokens, 100)

    def test_it_samples_where_a_parameter_needs_it(self) -> None:
        for name, value in {
            "do_sample": True,
            "temperature": 0.7,
            "top_k": 5,
            "top_p": 0.9,
            "typical_p": 0.9,
        }.items():
            with self.subTest(name=name):
                self.assertIs(self.recorded(**{name: value})["do_sample"], True)
        self.assertIs(self.recorded(temperature=1.0, top_p=1)["do_sample"], False)

    def test_it_hands_over_what_both_have(self) -> None:
        given = {
            "max_new_tokens": 5,
            "repetition_penalty": 1.2,
            "frequency_penalty": 0.5,
            "seed": 7,
            "min_p": 0.1,
        }

        recorded = self.recorded(stop_sequences=["."], **given)

        self.assertEqual(recorded["stop"], ["."])
        self.assertEqual({name: recorded[name] for name in given}, given)

    def test_it_takes_what_clients_send_without_being_asked(self) -> None:
        self.generate(
            watermark=False, best_of=None, grammar=None, adapter_id=None, details=None
        )
        response = self.call(body={"options": {"wait_for_model": True}, "model": "x"})

        self.assertEqual(response.status_code, 200)

    def test_it_refuses_what_it_cannot_do_by_name(self) -> None:
        refused: dict[str, Any] = {
            "watermark": True,
            "grammar": {"type": "regex", "value": "a"},
            "adapter_id": "mine",
            "num_return_sequences": 2,
            "logprobs": 1,
        }
        for name, value in refused.items():
            with self.subTest(name=name):
                error = self.error(self.call(**{name: value}), 400)
                self.assertEqual(error["code"], "unsupported_parameter")
                self.assertEqual(error["param"], name)
                self.assertEqual(error["error_type"], "validation")

    def test_it_refuses_what_makes_no_sense(self) -> None:
        for name, parameters in (
            ("best_of", {"best_of": 2}),
            ("best_of", {"best_of": 0}),
            ("top_n_tokens", {"top_n_tokens": 21}),
            ("truncate", {"truncate": 0}),
            ("details", {"details": "yes"}),
            ("do_sample", {"do_sample": "yes"}),
            ("stop", {"stop": ["a"], "stop_sequences": ["b"]}),
            ("temprature", {"temprature": 1}),
        ):
            with self.subTest(parameters=parameters):
                error = self.error(self.call(**parameters), 400)
                self.assertIn(name, error["error"])
                self.assertEqual(error["code"], "invalid_parameter")

    def test_it_refuses_a_body_that_is_no_call(self) -> None:
        for name, body in (
            ("inputs", {"inputs": ["a", "b"]}),
            ("inputs", {"inputs": None}),
            ("parameters", {"parameters": []}),
            ("stream", {"stream": "yes"}),
            ("prompt", {"prompt": "x"}),
        ):
            with self.subTest(body=body):
                error = self.error(self.call(body=body), 400)
                self.assertEqual(
                    (error["code"], error["param"]), ("invalid_input", name)
                )

    def test_it_keeps_the_last_tokens_of_a_prompt(self) -> None:
        answer = self.generate(truncate=2, return_full_text=True)

        self.assertEqual(
            self.backend.generations[0].prompt_token_ids, [ord("y"), ord(" ")]
        )
        self.assertEqual(answer["generated_text"], "Say Hello")

    def test_it_truncates_a_prompt_that_would_not_fit(self) -> None:
        response = self.call("long " * 20, route="/generate", truncate=60)

        self.assertEqual(response.status_code, 200)


class AnswerTests(HuggingFaceTestCase):
    def test_it_says_no_more_than_it_was_asked(self) -> None:
        self.assertEqual(self.generate(), {"generated_text": "Hello"})

    def test_it_puts_the_prompt_before_the_text(self) -> None:
        answer = self.generate(return_full_text=True)

        self.assertEqual(answer, {"generated_text": "Say Hello"})

    def test_it_gives_details(self) -> None:
        details = self.generate(details=True, seed=3)["details"]

        tokens = details.pop("tokens")
        self.assertEqual(
            details,
            {
                "finish_reason": "length",
                "generated_tokens": 5,
                "seed": 3,
                "prefill": [],
            },
        )
        self.assertEqual(
            tokens[0], {"id": ord("H"), "text": "H", "logprob": -0.5, "special": False}
        )
        self.assertEqual(len(tokens), 5)

    def test_it_gives_alternatives(self) -> None:
        details = self.generate(details=True, top_n_tokens=2)["details"]

        self.assertEqual(
            [[one["text"] for one in tokens] for tokens in details["top_tokens"]],
            [["x", "y"]] * 5,
        )

    def test_it_gives_the_tokens_of_the_prompt(self) -> None:
        prompt = [None, *(logprob(one) for one in "ay ")]
        self.backend.script = [
            token("H", logprobs=[logprob("H")], prompt_logprobs=prompt),
            token("", finish_reason="stop"),
        ]

        details = self.generate(details=True, decoder_input_details=True)["details"]

        self.assertEqual(
            details["prefill"][:2],
            [
                {"id": ord("S"), "text": "S", "logprob": None},
                {"id": ord("a"), "text": "a", "logprob": -0.5},
            ],
        )

    def test_it_says_which_way_a_text_ended(self) -> None:
        for stop_sequence, reason in ((None, "eos_token"), ("o", "stop_sequence")):
            with self.subTest(reason=reason):
                self.backend.script = [
                    token("H", finish_reason="stop", stop_sequence=stop_sequence)
                ]
                details = self.generate(details=True)["details"]
                self.assertEqual(details["finish_reason"], reason)

    def test_it_answers_with_the_likeliest_of_several(self) -> None:
        answer = self.generate(best_of=2, do_sample=True, details=True, seed=1)

        (other,) = answer["details"]["best_of_sequences"]
        self.assertEqual(
            {answer["details"]["seed"], other["seed"]}, {1, 2}, "each has its own"
        )
        self.assertEqual(other["generated_text"], "Hello")

    def test_its_headers_say_what_it_took(self) -> None:
        response = self.call()

        self.assertEqual(response["x-prompt-tokens"], "4")
        self.assertEqual(response["x-generated-tokens"], "5")
        self.assertEqual(response["x-queue-time"], "2")
        for name in ("x-inference-time", "x-time-per-token"):
            self.assertRegex(response[name], r"^\d+$")


class StreamTests(HuggingFaceTestCase):
    def stream(self, **parameters: Any) -> list[dict[str, Any]]:
        return self.events(self.call(body={"stream": True}, **parameters))

    def test_it_sends_every_token_and_the_text_with_the_last(self) -> None:
        events = self.stream(seed=5)

        self.assertEqual([one["index"] for one in events], [1, 2, 3, 4, 5])
        self.assertEqual("".join(one["token"]["text"] for one in events), "Hello")
        self.assertEqual(
            [one["token"]["id"] for one in events], [ord(letter) for letter in "Hello"]
        )
        self.assertEqual(
            [one["generated_text"] for one in events], [None] * 4 + ["Hello"]
        )
        self.assertEqual(
            events[-1]["details"],
            {
                "finish_reason": "length",
                "generated_tokens": 5,
                "seed": 5,
                "input_length": 4,
            },
        )

    def test_it_does_so_at_the_address_of_streams(self) -> None:
        response = self.call(route="/generate_stream")

        self.assertEqual(response["x-prompt-tokens"], "4")
        self.assertEqual(self.events(response)[-1]["generated_text"], "Hello")

    def test_it_gives_alternatives(self) -> None:
        for event in self.stream(top_n_tokens=2):
            self.assertEqual(len(event["top_tokens"]), 2)

    def test_it_ends_with_an_error_that_clients_understand(self) -> None:
        self.backend.script = [HELLO[0], Overloaded(retry_after=2)]

        error = self.stream()[-1]

        self.assertEqual((error["code"], error["error_type"]), ("overloaded",) * 2)
        self.assertIsInstance(error["error"], str)

    def test_it_says_that_a_text_was_cut_off(self) -> None:
        self.backend.script = [HELLO[0], token("", finish_reason="abort")]

        self.assertEqual(self.stream()[-1]["error_type"], "incomplete_generation")

    def test_it_refuses_what_no_stream_can_have(self) -> None:
        for parameters in (
            {"best_of": 2, "do_sample": True},
            {"decoder_input_details": True},
        ):
            with self.subTest(parameters=parameters):
                self.error(self.call(route="/generate_stream", **parameters), 400)


class OtherRoutesTests(HuggingFaceTestCase):
    def test_it_tokenizes_without_charge(self) -> None:
        tokens = self.call("Hé!", route="/tokenize").json()

        self.assertEqual(
            tokens[1], {"id": ord("é"), "text": "é", "start": 1, "stop": 2}
        )
        self.assertFalse(PredictionRecord.objects.exists())

    def test_it_tells_the_limits_of_the_account(self) -> None:
        info = self.client.get(
            f"{URL}/info", headers=self.bearer(self.alice_api_token)
        ).json()

        self.assertEqual(info["max_best_of"], self.alice.limits.completions_per_call)
        self.assertEqual(self.client.get(f"{URL}/info").status_code, 401)

    def test_it_tells_anybody_whether_it_answers(self) -> None:
        with use_backend(self.backend):
            self.assertEqual(self.client.get(f"{URL}/health").status_code, 200)
        with use_backend(FakeBackend(unready=ModelNotInstalled())):
            self.error(self.client.get(f"{URL}/health"), 503)


class ChatTests(HuggingFaceTestCase):
    def chat(self, *, stream: bool = False) -> Response:
        messages = [{"role": "user", "content": "Hi!"}]
        body = {"model": "dummy", "messages": messages, "stream": stream}
        with use_backend(self.backend):
            return self.client.post(
                f"{URL}/v1/chat/completions",
                body,
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

    def test_a_base_model_says_so_to_its_clients(self) -> None:
        error = self.error(self.chat(), 400)

        self.assertEqual(error["code"], "chat_not_supported")
        self.assertEqual(error["error_type"], "validation")

    def test_it_answers_for_the_model_of_the_address(self) -> None:
        template = ChatTemplate(jinja2.Template("Hi"), {})
        with mock.patch("models_app.chat._template_in", return_value=template):
            answer = self.chat()

        self.assertEqual(answer.json()["model"], "neo-tiny")
        self.assertEqual(answer.json()["choices"][0]["message"]["content"], "Hello")
        self.assertEqual(answer["x-generated-tokens"], "5")
        self.assertEqual(PredictionRecord.objects.get().source, "hugging_face")


class ErrorTests(HuggingFaceTestCase):
    def test_it_says_which_kind_a_client_raises(self) -> None:
        self.backend.unready = Overloaded(retry_after=2)
        self.assertEqual(self.error(self.call(), 503)["error_type"], "overloaded")
        self.backend.unready = ModelNotInstalled()
        self.assertNotIn("error_type", self.error(self.call(), 503))

    def test_it_has_no_rules_of_its_own(self) -> None:
        ApiToken.objects.update(scopes=["read:usage"])

        for route in ("", "/generate", "/generate_stream", "/tokenize"):
            with self.subTest(route=route):
                self.assertEqual(
                    self.error(self.call(route=route), 403)["code"],
                    "insufficient_scope",
                )


class IdempotencyTests(HuggingFaceTestCase):
    key = {"idempotency-key": "one"}

    def test_it_generates_once_under_a_key(self) -> None:
        for route in ("", "/generate"):
            first = self.call(route=route, headers=self.key)
            second = self.call(route=route, headers=self.key)

            self.assertEqual(first.status_code, 200)
            self.assertEqual(second.json(), first.json())
            self.assertEqual(second["Idempotent-Replayed"], "true")
            PredictionRecord.objects.get().delete()
            IdempotencyKey.objects.all().delete()

    def test_it_remembers_the_answer_in_the_transaction_that_charges(self) -> None:
        """As if the process had been killed between charging and answering."""
        with (
            mock.patch(
                "models_app.huggingface.views.Response", side_effect=KeyboardInterrupt
            ),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.call(headers=self.key)

        second = self.call(headers=self.key)
        self.assertEqual(second.json()[0]["generated_text"], "Hello")
        self.assertEqual(PredictionRecord.objects.count(), 1)

    def test_it_takes_no_key_for_a_stream(self) -> None:
        calls: tuple[tuple[str, dict[str, Any]], ...] = (
            ("", {"stream": True}),
            ("/generate_stream", {}),
        )
        for route, body in calls:
            headers = {"idempotency-key": f"of{route}"}
            refused = self.call(route=route, headers=headers, body=body)
            self.assertEqual(refused.status_code, 400)
            self.assertEqual(refused.json()["code"], "idempotency_key_of_stream")
        self.assertFalse(PredictionRecord.objects.exists())
