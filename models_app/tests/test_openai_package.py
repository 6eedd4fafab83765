"""How OpenAI's own package understands what this server says, errors above all."""

from __future__ import annotations

from typing import Any
from unittest import mock

import httpx2
import openai
from asgiref.sync import async_to_sync
from django.test import Client

from accounts import quota
from accounts.models import ApiToken
from models_app.chat import ChatPrompt
from models_app.errors import EngineUnavailable, Overloaded
from models_app.idempotency.models import IdempotencyKey
from models_app.models import PredictionRecord
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from neuro_site.testing import BaseTestCase, read_stream


class DjangoTransport(httpx2.BaseTransport):
    """Takes the package's requests to Django instead of to a network."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = Client().generic(
            request.method,
            request.url.path,
            request.read(),
            content_type=request.headers.get("content-type", ""),
            headers={
                name: request.headers[name]
                for name in ("authorization", "idempotency-key")
                if name in request.headers
            },
        )
        content = (
            async_to_sync(read_stream)(response)
            if response.streaming
            else response.content
        )
        return httpx2.Response(
            response.status_code, headers=dict(response.items()), content=content
        )


class PackageTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.backend = self.enterContext(use_backend(FakeBackend(*HELLO)))
        self.openai = self.client_of(self.alice_api_token)

    def client_of(self, api_token: str) -> openai.OpenAI:
        return openai.OpenAI(
            base_url="http://testserver/v1",
            api_key=api_token,
            max_retries=0,
            http_client=httpx2.Client(transport=DjangoTransport()),
        )

    def complete(self, client: openai.OpenAI | None = None) -> str:
        completion = (client or self.openai).completions.create(
            model="neo-tiny", prompt="Say "
        )
        return completion.choices[0].text


class PackageTests(PackageTestCase):
    def test_it_tells_how_the_limits_stand(self) -> None:
        raw = self.openai.completions.with_raw_response.create(
            model="neo-tiny", prompt="Say "
        )

        self.assertEqual(raw.parse().choices[0].text, "Hello")
        self.assertEqual(raw.headers["x-ratelimit-limit-requests"], "60")
        self.assertEqual(raw.headers["x-ratelimit-remaining-requests"], "59")
        self.assertRegex(raw.headers["x-ratelimit-reset-tokens"], r"^[\d.]+(ms|m?s)|m")
        self.assertEqual(raw.request_id, raw.headers["x-request-id"])

    def test_it_is_an_authentication_error_without_a_valid_api_token(self) -> None:
        with self.assertRaises(openai.AuthenticationError) as caught:
            self.complete(self.client_of("sk-of-somebody-else"))

        self.assertEqual(caught.exception.code, "invalid_api_token")

    def test_it_is_a_rate_limit_error_beyond_a_limit(self) -> None:
        ApiToken.objects.filter(project__user=self.alice).update(
            own_limits={"requests_per_minute": 1}
        )
        self.complete()

        with self.assertRaises(openai.RateLimitError) as caught:
            self.complete()

        error = caught.exception
        self.assertEqual(
            (error.code, error.type), ("rate_limit_exceeded", "rate_limit_error")
        )
        self.assertGreaterEqual(int(error.response.headers["retry-after"]), 1)

    def test_it_is_a_not_found_error_for_an_unknown_model(self) -> None:
        with self.assertRaises(openai.NotFoundError) as caught:
            self.openai.models.retrieve("neo-tinny")

        self.assertEqual(caught.exception.param, "model")

    def test_it_is_a_permission_error_beyond_the_tier(self) -> None:
        with self.assertRaises(openai.PermissionDeniedError) as caught:
            self.openai.completions.create(model="gpt-neo-2.7b", prompt="Say ")

        self.assertEqual(caught.exception.code, "tier_required")

    def test_it_is_a_bad_request_error_for_a_parameter(self) -> None:
        with self.assertRaises(openai.BadRequestError) as caught:
            self.openai.completions.create(
                model="neo-tiny", prompt="Say ", extra_body={"top_q": 1}
            )

        error = caught.exception
        self.assertEqual((error.code, error.param), ("invalid_parameter", "top_q"))

    def test_it_is_a_server_error_that_says_when_to_come_again(self) -> None:
        self.backend.unready = Overloaded(retry_after=2)

        with self.assertRaises(openai.InternalServerError) as caught:
            self.complete()

        error = caught.exception
        self.assertEqual((error.status_code, error.code), (503, "overloaded"))
        self.assertEqual(error.response.headers["retry-after"], "2")

    def test_it_raises_on_an_error_in_a_stream(self) -> None:
        self.backend.script = (*HELLO[:1], EngineUnavailable())
        parts = []

        with self.assertRaises(openai.APIError) as caught:
            for chunk in self.openai.completions.create(
                model="neo-tiny", prompt="Say ", stream=True
            ):
                parts.append(chunk.choices[0].text)  # noqa: PERF401

        self.assertEqual(parts, ["Hel"])
        self.assertEqual(caught.exception.code, "engine_unavailable")


class IdempotencyTests(PackageTestCase):
    """The package sends the key as one of its `extra_headers`."""

    def complete_once(self, key: str, **changes: Any) -> Any:
        call = {"model": "neo-tiny", "prompt": "Say ", **changes}
        raw = self.openai.completions.with_raw_response
        return raw.create(**call, extra_headers={"Idempotency-Key": key})

    def test_it_carries_a_call_out_once_under_its_key(self) -> None:
        first, second = self.complete_once("one"), self.complete_once("one")

        self.assertEqual(second.parse(), first.parse())
        self.assertEqual(first.parse().choices[0].text, "Hello")
        self.assertNotIn("idempotent-replayed", first.headers)
        self.assertEqual(second.headers["idempotent-replayed"], "true")
        self.assertEqual(
            second.headers["x-prompt-tokens"], first.headers["x-prompt-tokens"]
        )
        record = PredictionRecord.objects.get()
        self.assertEqual(quota.status(self.alice).tokens_used, record.charged_tokens)

    def test_it_is_a_conflict_with_another_call_and_with_one_that_runs(self) -> None:
        self.complete_once("one")
        with self.assertRaises(openai.ConflictError) as reused:
            self.complete_once("one", prompt="Shout ")
        IdempotencyKey.objects.update(answer="")
        with self.assertRaises(openai.ConflictError) as running:
            self.complete_once("one")

        self.assertEqual(reused.exception.code, "idempotency_key_reuse")
        self.assertEqual(running.exception.code, "idempotency_key_in_use")
        self.assertEqual(running.exception.response.headers["retry-after"], "1")

    def test_it_remembers_refusals_and_forgets_what_failed_here(self) -> None:
        for _ in range(2):
            with self.assertRaises(openai.BadRequestError) as refused:
                self.complete_once("bad", max_tokens=0)
            self.assertEqual(refused.exception.param, "max_tokens")
        self.backend.unready = Overloaded(retry_after=2)
        with self.assertRaises(openai.InternalServerError):
            self.complete_once("later")
        self.backend.unready = None

        self.assertEqual(self.complete_once("later").parse().choices[0].text, "Hello")

    def test_it_remembers_what_was_charged_even_if_nobody_was_answered(self) -> None:
        """As if the process had been killed between charging and answering."""
        with (
            mock.patch(
                "models_app.openai.views.Response", side_effect=KeyboardInterrupt
            ),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.complete_once("one")

        second = self.complete_once("one")
        self.assertEqual(second.parse().choices[0].text, "Hello")
        self.assertEqual(second.headers["idempotent-replayed"], "true")
        self.assertEqual(PredictionRecord.objects.count(), 1)

    def test_it_streams_the_same_answer_again(self) -> None:
        call = {
            "stream": True,
            "stream_options": {"include_usage": True},
            "logprobs": 1,
        }
        first, second = (
            list(self.complete_once("one", **call).parse()) for _ in range(2)
        )

        self.assertEqual({chunk.id for chunk in first + second}, {first[0].id})
        self.assertEqual(second[-1], first[-1])
        texts = [
            "".join(one.choices[0].text for one in all_[:-1])
            for all_ in (first, second)
        ]
        self.assertEqual(texts, ["Hello", "Hello"])
        self.assertEqual(PredictionRecord.objects.count(), 1)

    def test_it_answers_a_conversation_once(self) -> None:
        call = {
            "model": "smollm2-135m-instruct",
            "messages": [{"role": "user", "content": "Hi"}],
            "extra_headers": {"Idempotency-Key": "one"},
        }
        with mock.patch("models_app.openai.views.chat_prompt") as chat_prompt:
            chat_prompt.return_value = ChatPrompt(text="Hi", stop_token_ids=())
            create: Any = self.openai.chat.completions.create
            first, second = create(**call), create(**call)

        self.assertEqual(first, second)
        self.assertEqual(PredictionRecord.objects.count(), 1)
