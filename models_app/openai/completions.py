"""Predictions as OpenAI's text completions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from models_app.backends import get_backend
from models_app.openai.answers import Writer, best_first
from models_app.openai.calls import CompletionCall
from models_app.openai.logprobs import Columns, ColumnWriter, Scored
from models_app.predictions import (
    Finished,
    Prediction,
    Started,
    TextDelta,
    TokenDetail,
)
from models_app.services import Admission

PromptDetails = Sequence[TokenDetail | None]
Part = TextDelta | Finished


class CompletionWriter(Writer[CompletionCall]):
    id_prefix = "cmpl"
    object_type = chunk_type = "text_completion"

    def __init__(self, admission: Admission, call: CompletionCall) -> None:
        super().__init__(admission, call)
        self._columns: dict[int, ColumnWriter] = defaultdict(self._new_columns)
        self._begun: set[int] = set()
        self._prompt_details: dict[int, PromptDetails] = {}
        self._held: dict[int, list[Part]] = defaultdict(list)

    def choices(self, prediction: Prediction) -> list[dict[str, object]]:
        completions = prediction.completions
        for one in completions:
            self._note_prompt(one.prompt_index, one.prompt_logprobs)
        if self.call.chooses:
            completions = best_first(completions, self.call.n)
        return [self._whole(index, one) for index, one in enumerate(completions)]

    def begin(self, event: Started) -> Iterator[dict[str, object]]:
        """Prompts that wait for no logprobs are echoed before anything is computed."""
        if self.call.echoes and not self.call.has_logprobs:
            for index in range(event.prompts * self.call.n):
                yield self._echo(index)

    def grow(self, part: Part) -> Iterator[dict[str, object]]:
        prompt_index = part.index // self.call.n
        self._note_prompt(prompt_index, part.prompt_logprobs)
        self._held[prompt_index].append(part)
        if self._may_begin(prompt_index):
            yield from self._release(prompt_index)

    def end(self) -> Iterator[dict[str, object]]:
        """What still waits: a prompt of which the engine never told the logprobs."""
        for prompt_index in list(self._held):
            yield from self._release(prompt_index)

    def _new_columns(self) -> ColumnWriter:
        return ColumnWriter(get_backend().token_bytes(self.model))

    def _note_prompt(self, prompt_index: int, details: PromptDetails | None) -> None:
        """They stand on one of the prompt's sequences and are told with all of them."""
        if details is not None:
            self._prompt_details.setdefault(prompt_index, details)

    def _may_begin(self, prompt_index: int) -> bool:
        waits = self.call.echoes and self.call.has_logprobs
        return not waits or prompt_index in self._prompt_details

    def _release(self, prompt_index: int) -> Iterator[dict[str, object]]:
        for part in self._held.pop(prompt_index, []):
            if self.call.echoes and part.index not in self._begun:
                yield self._echo(part.index)
            yield from self._piece(part)

    def _echo(self, index: int) -> dict[str, object]:
        self._begun.add(index)
        prompt_index = index // self.call.n
        prompt = self.admission.run.prompts[prompt_index]
        return self._choice(index, prompt.text, self._prompt_tokens(prompt_index))

    def _piece(self, part: Part) -> Iterator[dict[str, object]]:
        if isinstance(part, Finished):
            yield self._choice(part.index, "", None, part.finish_reason)
        elif self.call.has_completion:
            yield self._choice(part.index, part.text, _scored(part.logprobs or ()))

    def _whole(self, index: int, one: Finished) -> dict[str, object]:
        text, tokens = "", list[Scored]()
        if self.call.echoes:
            text, tokens = one.prompt, self._prompt_tokens(one.prompt_index)
        if self.call.has_completion:
            text, tokens = text + one.text, tokens + _scored(one.logprobs or ())
        return self._choice(index, text, tokens, one.finish_reason)

    def _prompt_tokens(self, prompt_index: int) -> list[Scored]:
        if not self.call.has_logprobs:
            return []
        token_ids = self.admission.run.prompts[prompt_index].token_ids
        details = self._prompt_details.get(prompt_index, ())
        return list(zip(token_ids, details, strict=False))

    def _choice(
        self,
        index: int,
        text: str,
        tokens: Iterable[Scored] | None,
        finish_reason: str | None = None,
    ) -> dict[str, object]:
        logprobs: Columns | None = None
        if self.call.has_logprobs and tokens is not None:
            logprobs = self._columns[index].write(tokens)
        return {
            "index": index,
            "text": text,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }


def _scored(details: Iterable[TokenDetail]) -> list[Scored]:
    return [(detail.token_id, detail) for detail in details]
