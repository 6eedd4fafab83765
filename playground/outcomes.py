"""How a run ended, in a sentence."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma

from models_app.predictions import Finished, Prediction
from playground.form_values import escape


def outcome_of(prediction: Prediction) -> str:
    """Each of several completions says for itself how it ended."""
    first, *others = prediction.completions
    if not others:
        return outcome_of_completion(first)
    return f"{len(others) + 1} completions. Use the one that you like."


def outcome_of_completion(completion: Finished) -> str:
    count = completion.usage.completion_tokens
    tokens = f"{intcomma(count)} token{'' if count == 1 else 's'}"
    if completion.finish_reason == "length":
        return f"Ended at the limit on its length, {tokens}."
    if completion.finish_reason != "stop":
        return f"The server ended this early, after {tokens}."
    if completion.stop_sequence:
        return f"Ended before the stop sequence “{escape(completion.stop_sequence)}”."
    return "The model ended the text here."
