"""The oracle: transformers' `generate`, asked for what a `SamplingParams` says."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GenerationConfig, GPTNeoConfig, GPTNeoForCausalLM
from transformers.generation.logits_process import LogitsProcessorList

from inference.sampling_params import SamplingParams

PADDING = 1
SAME_NAMES = (
    "max_new_tokens",
    "min_new_tokens",
    "top_k",
    "top_p",
    "typical_p",
    "repetition_penalty",
    "no_repeat_ngram_size",
)


def generation_config(sampling: SamplingParams, end_of_text_id: int) -> Any:
    own = (end_of_text_id,)
    ends = own if sampling.end_token_ids is None else sampling.end_token_ids
    options: dict[str, Any] = {n: getattr(sampling, n) for n in SAME_NAMES}
    options["do_sample"] = not sampling.is_greedy
    options["temperature"] = sampling.temperature or None
    options["min_p"] = sampling.min_p or None
    options["bad_words_ids"] = [list(word) for word in sampling.bad_words_ids] or None
    options["sequence_bias"] = {
        (token_id,): bias for token_id, bias in sampling.logit_bias.items()
    } or None
    options["eos_token_id"] = [*ends, *sampling.stop_token_ids] or None
    return GenerationConfig(**options, **_beam_options(sampling), pad_token_id=PADDING)


def transformers_processors(
    prompt_length: int, sampling: SamplingParams, end_of_text_id: int
) -> LogitsProcessorList:
    """What `generate` makes of the parameters before its first step."""
    config = generation_config(sampling, end_of_text_id)
    model = GPTNeoForCausalLM(
        GPTNeoConfig(
            hidden_size=2,
            num_heads=1,
            num_layers=1,
            vocab_size=1,
            attention_types=[[["global"], 1]],
        )
    )
    model._prepare_special_tokens(config, device="cpu")
    return model._get_logits_processor(
        config, input_ids_seq_length=prompt_length, device="cpu"
    )


def generate(
    model: Any, prompt: list[int], sampling: SamplingParams, end_of_text_id: int
) -> Any:
    """`sequences` of new tokens without padding, and `scores` where beams search."""
    config = generation_config(sampling, end_of_text_id)
    config.return_dict_in_generate = config.output_scores = True
    ids = torch.tensor([prompt])
    return model.generate(
        ids, attention_mask=torch.ones_like(ids), generation_config=config
    )


def _beam_options(sampling: SamplingParams) -> dict[str, Any]:
    beams = sampling.beams
    if beams is None:
        return {"num_beams": 1}
    stopping = beams.early_stopping
    return {
        "num_beams": beams.num_beams,
        "num_return_sequences": beams.num_sequences,
        "length_penalty": beams.length_penalty,
        "early_stopping": "never" if stopping is None else stopping,
    }
