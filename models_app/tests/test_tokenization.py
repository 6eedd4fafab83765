from __future__ import annotations

import json
from typing import Any

from accounts.models import ApiToken
from models_app import tokenization
from models_app.models import PredictionRecord
from neuro_site.testing import BaseTestCase, Response


class TokenizationTests(BaseTestCase):
    """With Neo-Tiny's own tokenizer; no engine is asked."""

    def post(self, route: str, api_token: str = "", **body: object) -> Response:
        return self.client.post(
            f"/api/v1/models/neo-tiny/{route}",
            json.dumps(body),
            content_type="application/json",
            headers=self.bearer(api_token or self.alice_api_token),
        )

    def tokens(self, *texts: str) -> list[list[dict[str, Any]]]:
        answer = self.post("tokenize", inputs=list(texts)).json()
        self.assertEqual(answer["model"], "neo-tiny")
        return [one["tokens"] for one in answer["tokenizations"]]

    def refusal(self, response: Response, status: int = 400) -> dict[str, Any]:
        self.assertEqual(response.status_code, status, response.content)
        error: dict[str, Any] = response.json()["error"]
        return error

    def test_it_gives_ids_texts_and_places(self) -> None:
        text = "When I visit Bath, it rains."
        (tokens,) = self.tokens(text)

        self.assertEqual("".join(token["text"] for token in tokens), text)
        for token in tokens:
            self.assertEqual(text[token["start"] : token["end"]], token["text"])

    def test_it_spans_whole_characters(self) -> None:
        text = "é 😀<|endoftext|>!"
        (tokens,) = self.tokens(text)

        parts = [text[token["start"] : token["end"]] for token in tokens]
        self.assertGreater(parts.count("😀"), 1)
        self.assertEqual(parts[-2:], ["<|endoftext|>", "!"])

    def test_it_takes_one_text_or_several(self) -> None:
        one = self.post("tokenize", inputs="Hello").json()["tokenizations"]

        self.assertEqual(one[0]["tokens"], self.tokens("", "Hello")[1])
        self.assertEqual(one[0]["num_tokens"], len(one[0]["tokens"]))

    def test_it_goes_there_and_back(self) -> None:
        texts = ["naïve 😀", "Hello\n", "<|endoftext|>"]
        ids = [[one["token_id"] for one in tokens] for tokens in self.tokens(*texts)]

        self.assertEqual(self.post("detokenize", token_ids=ids).json()["texts"], texts)
        self.assertEqual(
            self.post("detokenize", token_ids=ids[0]).json()["texts"], texts[:1]
        )

    def test_it_costs_nothing_but_a_request(self) -> None:
        response = self.post("tokenize", inputs="Hello")

        self.assertFalse(PredictionRecord.objects.exists())
        limit = int(response["x-ratelimit-limit-requests"])
        self.assertEqual(int(response["x-ratelimit-remaining-requests"]), limit - 1)
        remaining = self.client.get(
            "/api/v1/me", headers=self.bearer(self.alice_api_token)
        )["x-ratelimit-remaining-tokens"]
        self.assertEqual(remaining, response["x-ratelimit-limit-tokens"])

    def test_it_is_limited_in_requests(self) -> None:
        allowed = self.alice.limits.requests_per_minute
        answers = [
            self.post("tokenize", inputs="").status_code for _ in range(allowed + 1)
        ]

        self.assertEqual(answers[-2:], [200, 429])

    def test_it_is_limited_in_size(self) -> None:
        for route, body in (
            ("tokenize", {"inputs": "a" * (tokenization.MAX_CHARACTERS + 1)}),
            ("tokenize", {"inputs": ["a"] * (tokenization.MAX_ITEMS + 1)}),
            ("detokenize", {"token_ids": [1] * (tokenization.MAX_TOKENS + 1)}),
            ("detokenize", {"token_ids": [[1]] * (tokenization.MAX_ITEMS + 1)}),
        ):
            with self.subTest(route=route):
                error = self.refusal(self.post(route, **body))
                self.assertIn("several calls", error["hint"])

    def test_it_refuses_what_is_neither_text_nor_token(self) -> None:
        for route, body in (
            ("tokenize", {"inputs": 3}),
            ("tokenize", {"inputs": [["a"]]}),
            ("tokenize", {"inputs": "\ud800"}),
            ("tokenize", {"text": "a"}),
            ("detokenize", {"token_ids": "a"}),
            ("detokenize", {"token_ids": [1, [2]]}),
            ("detokenize", {"token_ids": [-1]}),
            ("detokenize", {"token_ids": [True]}),
            ("detokenize", {"token_ids": [10**9]}),
            ("detokenize", {"token_ids": []}),
        ):
            with self.subTest(body=body):
                self.assertEqual(
                    self.refusal(self.post(route, **body))["code"], "invalid_input"
                )

    def test_it_is_for_who_may_run_the_model(self) -> None:
        for route, body in (
            ("tokenize", {"inputs": "a"}),
            ("detokenize", {"token_ids": [1]}),
        ):
            with self.subTest(route=route):
                ApiToken.objects.update(scopes=["predict"])
                response = self.post(route, api_token="nro_x", **body)
                self.assertEqual(
                    self.refusal(response, 401)["code"], "invalid_api_token"
                )
                ApiToken.objects.update(scopes=["read:usage"])
                self.assertEqual(
                    self.refusal(self.post(route, **body), 403)["code"],
                    "insufficient_scope",
                )
