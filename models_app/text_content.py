"""What a prediction said: as it is stored and exported, and as its page shows it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from models_app.runs import GenerationRun, PredictionRun

# Of all prompts of one call, and of all its completions.
MAX_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCompletion:
    """`finish_reason` is empty where it was not finished."""

    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPrompt:
    text: str
    completions: list[KeptCompletion]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTexts:
    """What is kept of one prediction; `is_cut` where it was too long to keep whole."""

    prompts: list[KeptPrompt]
    is_cut: bool
    kept_until: datetime.datetime


def content_of(run: PredictionRun) -> tuple[dict[str, Any], bool]:
    """Prompts and completions so far, and whether anything was too long."""
    prompts = [prompt.text for prompt in run.prompts]
    completions = [one for each in run.generations for one in _completions_of(each)]
    written = [one["text"] for one in completions]
    kept_prompts, kept_written = _cut(prompts), _cut(written)
    content = {
        "prompts": kept_prompts,
        "completions": [
            {**one, "text": text}
            for one, text in zip(completions, kept_written, strict=True)
        ],
    }
    return content, (kept_prompts, kept_written) != (prompts, written)


def read_prompts(content: dict[str, Any]) -> list[KeptPrompt]:
    return [
        KeptPrompt(
            text=text,
            completions=[
                KeptCompletion(text=one["text"], finish_reason=one["finish_reason"])
                for one in content["completions"]
                if one["prompt_index"] == index
            ],
        )
        for index, text in enumerate(content["prompts"])
    ]


def _completions_of(run: GenerationRun) -> Iterator[dict[str, Any]]:
    """Those that are done, or as far as the one came that is not."""
    for one in run.finished:
        yield _completion(run, one.text, one.finish_reason)
    if run.parts and not run.finished:
        yield _completion(run, "".join(run.parts), "")


def _completion(run: GenerationRun, text: str, finish_reason: str) -> dict[str, Any]:
    return {
        "prompt_index": run.prompt_index,
        "text": text,
        "finish_reason": finish_reason,
    }


def _cut(texts: Iterable[str]) -> list[str]:
    left, kept = MAX_CHARACTERS, []
    for text in texts:
        kept.append(text[:left])
        left -= len(kept[-1])
    return kept
