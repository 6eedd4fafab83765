from __future__ import annotations

import json
from typing import Any
from unittest import mock

import jinja2
from django.test import Client

from accounts.models import ApiToken
from models_app.chat import ChatTemplate
from models_app.errors import ModelNotInstalled, Overloaded
from models_app.idempotency.models import IdempotencyKey
from models_app.models import PredictionRecord
from models_app.tests.fakes import FakeBackend, use_backend
from models_app.tests.huggingface import URL, HuggingFaceTestCase
from neuro_site.testing import Response


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
        self.assertEqual(error["error"].count("/v1/completions"), 1)

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

    def test_it_streams_the_same_answer_again(self) -> None:
        calls: tuple[tuple[str, dict[str, Any]], ...] = (
            ("", {"stream": True}),
            ("/generate_stream", {}),
        )
        for number, (route, body) in enumerate(calls, 1):
            headers = {"idempotency-key": f"of{route}"}
            told = self.events(self.call(route=route, headers=headers, body=body))
            second = self.call(route=route, headers=headers, body=body)
            again = json.loads(
                second.content.decode().strip().split("\n\n")[-1].split("data:")[1]
            )

            self.assertEqual(again["generated_text"], "Hello")
            self.assertEqual(again["details"], told[-1]["details"])
            self.assertEqual(PredictionRecord.objects.count(), number)
