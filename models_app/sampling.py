"""One call's parameters as the engine takes them, generation by generation."""

from __future__ import annotations

from models_app.backends.base import BeamParams, SamplingParams
from models_app.parameters import GenerationParameters
from models_app.runs import GenerationRun


def sampling_of(
    run: GenerationRun,
    parameters: GenerationParameters,
    *,
    bad_words_ids: tuple[tuple[int, ...], ...],
) -> SamplingParams:
    return SamplingParams(
        max_new_tokens=run.prompt.max_new_tokens,
        min_new_tokens=run.prompt.min_new_tokens,
        temperature=0 if parameters.is_greedy else parameters.temperature,
        top_k=parameters.top_k,
        top_p=parameters.top_p,
        min_p=parameters.min_p,
        typical_p=parameters.typical_p,
        repetition_penalty=parameters.repetition_penalty,
        frequency_penalty=parameters.frequency_penalty,
        presence_penalty=parameters.presence_penalty,
        no_repeat_ngram_size=parameters.no_repeat_ngram_size,
        bad_words_ids=bad_words_ids,
        logit_bias=parameters.logit_bias,
        seed=run.seed,
        stop=parameters.stop,
        stop_token_ids=parameters.stop_token_ids,
        end_token_ids=parameters.eos_token_id,
        logprobs=parameters.logprobs,
        # The sequences of a prompt share it, so one of them is asked about it.
        prompt_logprobs=None if run.sequence_index else parameters.prompt_logprobs,
        beams=_beams(parameters),
    )


def _beams(parameters: GenerationParameters) -> BeamParams | None:
    if not parameters.has_beams:
        return None
    early_stopping = parameters.early_stopping
    return BeamParams(
        num_beams=parameters.num_beams,
        num_sequences=parameters.num_return_sequences,
        length_penalty=parameters.length_penalty,
        early_stopping=None if early_stopping == "never" else early_stopping,
    )
