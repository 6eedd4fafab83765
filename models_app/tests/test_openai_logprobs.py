"""`/v1/completions`: how likely the tokens were, and the likeliest of several."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from models_app.backends.base import Generation, TokenEvent, TokenLogprob
from models_app.tests.fakes import (
    FakeBackend,
    use_backend,
)
from models_app.tests.openai import COLUMNS, ECHOED, SCORED, CompletionTestCase


class LogprobTests(CompletionTestCase):
    script = SCORED

    def test_it_tells_logprobs_in_columns(self) -> None:
        (choice,) = self.answer(logprobs=1)["choices"]

        self.assertEqual(choice["logprobs"], COLUMNS)

    def test_it_tells_those_of_an_echoed_prompt_too(self) -> None:
        choices = self.answer(logprobs=1, echo=True, n=2)["choices"]

        self.assertEqual([one["text"] for one in choices], ["abHi", "abHi"])
        self.assertEqual([one["logprobs"] for one in choices], [ECHOED, ECHOED])
        asked = [one.sampling.prompt_logprobs for one in self.backend.generations]
        self.assertEqual(asked, [1, None])

    def test_it_scores_a_prompt_and_nothing_else(self) -> None:
        answer = self.answer(logprobs=1, echo=True, max_tokens=0)

        (choice,) = answer["choices"]
        self.assertEqual((choice["text"], choice["finish_reason"]), ("ab", "stop"))
        self.assertEqual(choice["logprobs"]["tokens"], ["a", "b"])
        self.assertEqual(self.backend.generations[0].sampling.max_new_tokens, 1)

    def test_it_names_the_bytes_of_a_part_of_a_character(self) -> None:
        euro = "€".encode()
        self.backend.token_bytes = lambda model: lambda n: euro[n : n + 1]  # type: ignore[method-assign]
        self.play(
            TokenEvent(
                request_id="r",
                token_ids=[0, 1, 2],
                text="€",
                finish_reason="length",
                logprobs=[TokenLogprob(n, -0.5, 1) for n in range(3)],
            )
        )

        (choice,) = self.answer(logprobs=0)["choices"]

        self.assertEqual(
            choice["logprobs"]["tokens"],
            ["bytes:\\xe2", "bytes:\\x82", "bytes:\\xac"],
        )
        self.assertEqual(choice["logprobs"]["text_offset"], [0, 0, 0])

    def test_it_returns_the_likeliest_of_best_of(self) -> None:
        with use_backend(RankedBackend({7: -2.0, 8: -0.25, 9: -1.0})):
            answer = self.answer(n=2, best_of=3, seed=7)

        self.assertEqual([one["text"] for one in answer["choices"]], ["-0.25", "-1.0"])
        self.assertEqual([one["index"] for one in answer["choices"]], [0, 1])
        self.assertIsNone(answer["choices"][0]["logprobs"])
        self.assertEqual(answer["usage"]["completion_tokens"], 3)
        self.assertEqual(self.record().charged_tokens, 2 + 3)


class RankedBackend(FakeBackend):
    """Answers each seed with one token, whose text is how likely it was."""

    def __init__(self, logprobs: dict[int, float]) -> None:
        super().__init__()
        self.logprobs = logprobs

    async def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        value = self.logprobs[generation.sampling.seed]
        yield TokenEvent(
            request_id="r",
            token_ids=[97],
            text=str(value),
            finish_reason="stop",
            logprobs=[TokenLogprob(97, value, 1)],
        )
