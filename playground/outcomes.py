"""How a completion ended, in a sentence."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma

from models_app.predictions import Finished
from playground.form_values import escape


def outcome_of(completion: Finished) -> str:
    count = completion.usage.completion_tokens
    tokens = f"{intcomma(count)} token{'' if count == 1 else 's'}"
    if completion.finish_reason == "length":
        return f"Ended at the longest length, {tokens}."
    if completion.finish_reason != "stop":
        return f"The server ended this early, after {tokens}."
    if completion.stop_sequence:
        return f"Ended before the stop sequence “{escape(completion.stop_sequence)}”."
    return "The model ended the text here."
