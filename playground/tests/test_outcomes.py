from __future__ import annotations

from django.test import SimpleTestCase

from models_app.predictions import Finished, Usage
from playground.outcomes import outcome_of_completion


class OutcomeTests(SimpleTestCase):
    def outcome(
        self, finish_reason: str, *, tokens: int = 5, stop_sequence: str | None = None
    ) -> str:
        return outcome_of_completion(
            Finished(
                index=0,
                prompt_index=0,
                sequence_index=0,
                prompt="",
                text="",
                finish_reason=finish_reason,
                stop_sequence=stop_sequence,
                seed=0,
                usage=Usage(prompt_tokens=1, completion_tokens=tokens),
            )
        )

    def test_it_says_how_a_completion_ended(self) -> None:
        self.assertEqual(
            self.outcome("length", tokens=1200),
            "Ended at the limit on its length, 1,200 tokens.",
        )
        self.assertEqual(
            self.outcome("length", tokens=1),
            "Ended at the limit on its length, 1 token.",
        )
        self.assertEqual(self.outcome("stop"), "The model ended the text here.")
        self.assertEqual(
            self.outcome("stop", stop_sequence="\n\n"),
            r"Ended before the stop sequence “\n\n”.",
        )
        self.assertEqual(
            self.outcome("abort"), "The server ended this early, after 5 tokens."
        )
