"""Several completions of a prompt: sampled one by one, or found by beams."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.errors import TierLimitExceeded
from accounts.tiers import TIER_LIMITS
from models_app import services
from models_app.backends.base import BeamParams, TokenEvent
from models_app.errors import EngineUnavailable, InvalidParameter
from models_app.models import PredictionRecord
from models_app.predictions import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    TextDelta,
)
from models_app.tests.fakes import (
    BEAMS,
    HELLO,
    FakeBackend,
    Scripted,
    logprob,
    sequence,
    token,
    use_backend,
)
from models_app.tests.test_services import ServiceTestCase

BEAM_SEARCH: dict[str, Any] = {
    "num_beams": 4,
    "num_return_sequences": 2,
    "max_new_tokens": 20,
}


class SequencesTestCase(ServiceTestCase):
    def admit(
        self, backend: FakeBackend, *, prompts: tuple[str, ...], **parameters: Any
    ) -> services.Admission:
        with use_backend(backend):
            return services.admit(
                **self.call(
                    prompts=prompts,
                    parameters={"seed": 7, "max_new_tokens": 20} | parameters,
                )
            )

    def events(
        self, *script: Scripted, prompts: tuple[str, ...] = ("Say ",), **parameters: Any
    ) -> list[PredictEvent]:
        self.backend = FakeBackend(*script)
        admission = self.admit(self.backend, prompts=prompts, **parameters)

        async def collect() -> list[PredictEvent]:
            return [event async for event in services.stream(admission)]

        with use_backend(self.backend):
            return async_to_sync(collect)()

    def completions(self, *script: Scripted, **call: Any) -> list[Finished]:
        *_, last = self.events(*script, **call)
        assert isinstance(last, Completed)
        return list(last.prediction.completions)


class SampledSequencesTests(SequencesTestCase):
    def test_it_runs_one_generation_for_each_sequence(self) -> None:
        completions = self.completions(
            *HELLO, prompts=("a", "bc"), num_return_sequences=2
        )

        self.assertEqual(
            [
                (one.index, one.prompt_index, one.sequence_index, one.prompt, one.seed)
                for one in completions
            ],
            [
                (0, 0, 0, "a", 7),
                (1, 0, 1, "a", 8),
                (2, 1, 0, "bc", 9),
                (3, 1, 1, "bc", 10),
            ],
        )
        generations = self.backend.generations
        self.assertEqual([one.sampling.seed for one in generations], [7, 8, 9, 10])
        self.assertEqual(len({one.request_id for one in generations}), 4)
        self.assertTrue(all(one.sampling.beams is None for one in generations))

    def test_it_streams_each_sequence_under_its_index(self) -> None:
        events = self.events(*HELLO, num_return_sequences=2)

        for index in (0, 1):
            deltas = [
                one.text
                for one in events
                if isinstance(one, TextDelta) and one.index == index
            ]
            self.assertEqual("".join(deltas), "Hello")

    def test_it_reserves_every_sequence_and_charges_the_prompt_once(self) -> None:
        admission = self.admit(FakeBackend(), prompts=("Say ",), num_return_sequences=3)
        self.assertEqual(self.tokens(), (0, 4 + 3 * 20))
        services.discard(admission)

        *_, last = self.events(*HELLO, num_return_sequences=3)

        assert isinstance(last, Completed)
        self.assertEqual(self.tokens(), (4 + 3 * 5, 0))
        self.assertEqual(last.prediction.usage.total_tokens, 4 + 3 * 5)
        record = self.newest_record()
        self.assertEqual((record.prompts, record.prompt_tokens), (1, 4))
        self.assertEqual((record.completion_tokens, record.charged_tokens), (15, 19))
        self.assertEqual(record.parameters["num_return_sequences"], 3)

    def newest_record(self) -> PredictionRecord:
        return PredictionRecord.objects.all()[0]

    def test_it_counts_sequences_and_beams_against_the_tier(self) -> None:
        allowed = self.alice.limits.completions_per_call
        for parameters in (
            {"num_return_sequences": allowed // 2 + 1},
            {"num_beams": 8},
        ):
            (name,) = parameters
            with self.subTest(name), self.assertRaises(TierLimitExceeded) as caught:
                self.admit(FakeBackend(), prompts=("a", "b", "c"), **parameters)
            self.assertEqual(caught.exception.param, name)
            self.assertIn(f"Developer tier allows {allowed}", caught.exception.message)
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_refuses_more_beams_than_the_engine_has_slots(self) -> None:
        with self.assertRaises(InvalidParameter) as caught:
            self.admit(FakeBackend(), prompts=("a",), num_beams=9)

        self.assertEqual(caught.exception.param, "num_beams")
        self.assertIn("at most 8 beams", caught.exception.message)

    def test_every_tier_lets_each_of_its_prompts_have_a_completion(self) -> None:
        for tier, limits in TIER_LIMITS.items():
            with self.subTest(tier):
                self.assertGreaterEqual(
                    limits.completions_per_call, limits.prompts_per_call
                )


class BeamTests(SequencesTestCase):
    def test_it_asks_for_all_sequences_of_a_prompt_at_once(self) -> None:
        completions = self.completions(*BEAMS, prompts=("a", "b"), **BEAM_SEARCH)

        self.assertEqual(
            [(one.index, one.prompt_index, one.sequence_index) for one in completions],
            [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1)],
        )
        self.assertEqual([one.text for one in completions], ["Hi", "Ho"] * 2)
        self.assertEqual([one.score for one in completions], [-0.25, -0.5] * 2)
        self.assertEqual([one.seed for one in completions], [7, 7, 8, 8])
        self.assertEqual(
            [one.sampling.beams for one in self.backend.generations],
            [BeamParams(num_beams=4, num_sequences=2)] * 2,
        )

    def test_it_tells_the_engine_how_to_search(self) -> None:
        for given, expected in ((True, True), (False, False), ("never", None)):
            with self.subTest(given=given):
                self.events(
                    *BEAMS, **BEAM_SEARCH, length_penalty=-2, early_stopping=given
                )
                (generation,) = self.backend.generations
                beams = generation.sampling.beams
                assert beams is not None
                self.assertEqual(beams.early_stopping, expected)
                self.assertEqual(beams.length_penalty, -2)

    def test_it_brings_each_text_in_one_delta(self) -> None:
        events = self.events(*BEAMS, **BEAM_SEARCH)

        deltas = [one for one in events if isinstance(one, TextDelta)]
        self.assertEqual(
            deltas,
            [
                TextDelta(index=0, text="Hi", token_count=2, is_last=True),
                TextDelta(index=1, text="Ho", token_count=2, is_last=True),
            ],
        )

    def test_it_reserves_all_beams_and_charges_what_they_computed(self) -> None:
        admission = self.admit(FakeBackend(), prompts=("Say ",), **BEAM_SEARCH)
        self.assertEqual(self.tokens(), (0, 4 + 4 * 20))
        services.discard(admission)

        *_, last = self.events(*BEAMS, **BEAM_SEARCH)

        assert isinstance(last, Completed)
        self.assertEqual(self.tokens(), (4 + 8, 0))
        self.assertEqual(last.prediction.usage.completion_tokens, 4)
        self.assertEqual(last.prediction.charged_tokens, 12)

    def test_it_charges_what_was_computed_when_the_listener_leaves(self) -> None:
        backend = FakeBackend(*BEAMS[:2], token(""), *BEAMS[2:])
        admission = self.admit(backend, prompts=("Say ",), **BEAM_SEARCH)

        async def leave_at_the_first_text() -> None:
            async with aclosing(services.stream(admission)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        return

        with use_backend(backend):
            async_to_sync(leave_at_the_first_text)()

        self.assertEqual(self.tokens(), (4 + 8, 0))
        self.assertEqual(self.record().status, "aborted")

    def test_it_charges_nothing_when_it_fails(self) -> None:
        *_, last = self.events(*BEAMS[:2], EngineUnavailable(), **BEAM_SEARCH)

        assert isinstance(last, Failed)
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_never_charges_more_than_it_reserved(self) -> None:
        """An engine that died under a search has computed some of it twice."""
        wasted = TokenEvent(request_id="r", num_hidden_tokens=1000)

        self.events(wasted, *BEAMS, **BEAM_SEARCH)

        self.assertEqual(self.tokens(), (4 + 80, 0))
        self.assertEqual(self.record().charged_tokens, 84)

    def test_it_says_so_when_the_engine_aborts_a_search(self) -> None:
        completions = self.completions(
            BEAMS[0], token("", finish_reason="abort"), **BEAM_SEARCH
        )

        self.assertEqual([one.finish_reason for one in completions], ["abort"] * 2)
        self.assertEqual(self.record().status, "aborted")
        self.assertEqual(self.tokens(), (4 + 4, 0))


class DetailTests(SequencesTestCase):
    SCRIPT = (
        token("H", queue_seconds=0.0, logprobs=[logprob("H", "H", "h")]),
        TokenEvent(request_id="r", token_ids=[105], logprobs=[logprob("i")]),
        token("", finish_reason="stop"),
    )

    def test_it_tells_only_what_was_asked(self) -> None:
        (completion,) = self.completions(*self.SCRIPT)

        self.assertIsNone(completion.token_ids)
        self.assertIsNone(completion.logprobs)
        self.assertIsNone(completion.prompt_logprobs)
        self.assertIsNone(completion.score)

    def test_it_tells_token_ids(self) -> None:
        (completion,) = self.completions(*self.SCRIPT, return_token_ids=True)

        self.assertEqual(completion.token_ids, (72, 105))

    def test_it_spells_the_tokens_of_logprobs(self) -> None:
        (completion,) = self.completions(*self.SCRIPT, logprobs=2)

        assert completion.logprobs is not None
        first, second = completion.logprobs
        self.assertEqual((first.token_id, first.text, first.rank), (72, "H", 1))
        self.assertEqual(first.logprob, -0.5)
        self.assertEqual(
            [(one.text, one.logprob) for one in first.alternatives],
            [("H", -1.0), ("h", -2.0)],
        )
        self.assertEqual((second.text, second.alternatives), ("i", ()))

    def test_it_brings_details_of_tokens_whose_text_is_held_back(self) -> None:
        """So that joined deltas tell of every token."""
        events = self.events(*self.SCRIPT, return_token_ids=True)

        deltas = [one for one in events if isinstance(one, TextDelta)]
        self.assertEqual(
            [(one.text, one.token_ids) for one in deltas], [("H", (72,)), ("", (105,))]
        )

    def test_it_asks_about_a_prompt_once(self) -> None:
        prompt = [None, logprob("a")]
        first, second = self.completions(
            token("H", prompt_logprobs=prompt),
            token("", finish_reason="stop"),
            num_return_sequences=2,
            prompt_logprobs=0,
        )

        self.assertEqual(
            [one.sampling.prompt_logprobs for one in self.backend.generations],
            [0, None],
        )
        assert first.prompt_logprobs is not None
        nothing, second_token = first.prompt_logprobs
        assert second_token is not None
        self.assertIsNone(nothing)
        self.assertEqual(second_token.text, "a")
        self.assertIsNone(second.prompt_logprobs)

    def test_it_tells_details_of_every_sequence_of_beams(self) -> None:
        end = TokenEvent(
            request_id="r",
            finish_reason="stop",
            sequences=[
                sequence(letter, 0.0, logprobs=[logprob(letter)]) for letter in "ab"
            ],
        )

        completions = self.completions(end, **BEAM_SEARCH, logprobs=0)

        self.assertEqual(
            [one.logprobs and one.logprobs[0].text for one in completions], ["a", "b"]
        )


@pytest.mark.usefixtures("engine")
class RealEngineTests(ServiceTestCase):
    """The same through the local backend, an engine process and Neo-Tiny."""

    def predict(self, **parameters: Any) -> Prediction:
        return services.predict(
            **self.call(
                prompts=["It was a dark"],
                parameters={"max_new_tokens": 8, "seed": 7} | parameters,
            )
        )

    def test_it_gives_each_sequence_again_by_its_own_seed(self) -> None:
        several = self.predict(num_return_sequences=3).completions

        self.assertEqual(len({one.text for one in several}), 3)
        for one in several:
            (again,) = self.predict(seed=one.seed).completions
            self.assertEqual(again.text, one.text)

    def test_it_searches_with_beams_and_charges_each(self) -> None:
        prediction = self.predict(
            num_beams=3, num_return_sequences=2, do_sample=False, eos_token_id=[]
        )

        best, second = prediction.completions
        assert best.score is not None
        assert second.score is not None
        self.assertGreater(best.score, second.score)
        self.assertNotEqual(best.text, second.text)
        self.assertEqual(prediction.usage.completion_tokens, 2 * 8)
        self.assertEqual(prediction.charged_tokens, 4 + 3 * 8)

    def test_it_tells_how_likely_each_token_was(self) -> None:
        (completion,) = self.predict(
            do_sample=False, logprobs=2, prompt_logprobs=0, return_token_ids=True
        ).completions

        assert completion.logprobs is not None
        assert completion.prompt_logprobs is not None
        self.assertEqual(
            "".join(one.text for one in completion.logprobs), completion.text
        )
        self.assertEqual(
            tuple(one.token_id for one in completion.logprobs), completion.token_ids
        )
        for one in completion.logprobs:
            self.assertEqual(one.rank, 1)
            self.assertEqual(one.alternatives[0].logprob, one.logprob)
        first, *others = completion.prompt_logprobs
        self.assertIsNone(first)
        self.assertEqual("".join(one.text for one in others if one), " was a dark")

    def test_it_never_writes_a_bad_word(self) -> None:
        (free,) = self.predict(do_sample=False, max_new_tokens=20).completions
        word = free.text.split()[1]

        (bound,) = self.predict(
            do_sample=False, max_new_tokens=20, bad_words=[word]
        ).completions

        self.assertIn(word, free.text.split())
        self.assertNotIn(word, bound.text.split())
