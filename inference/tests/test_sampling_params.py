from __future__ import annotations

import pytest

from inference.sampling_params import BeamParams, SamplingParams


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_tokens", 0),
        ("min_new_tokens", -1),
        ("min_new_tokens", 9),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("top_k", -1),
        ("top_k", 2**31),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("min_p", 1.1),
        ("typical_p", 0.0),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", float("inf")),
        ("frequency_penalty", float("nan")),
        ("presence_penalty", -101.0),
        ("no_repeat_ngram_size", -1),
        ("bad_words_ids", ((),)),
        ("bad_words_ids", ((-1,),)),
        ("logit_bias", {-1: 1.0}),
        ("logit_bias", {1: float("nan")}),
        ("logit_bias", {1: -2e9}),
        ("seed", -1),
        ("seed", 2**63),
        ("stop", ("",)),
        ("stop_token_ids", (-1,)),
        ("end_token_ids", (-1,)),
        ("logprobs", -1),
        ("logprobs", 21),
        ("prompt_logprobs", 21),
    ],
)
def test_it_names_the_parameter_that_is_wrong(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name.split("_ids")[0]):
        SamplingParams(**{"max_new_tokens": 8, name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("length_penalty", 11.0),
        ("num_beams", 1),
        ("num_sequences", 0),
        ("num_sequences", 4),
    ],
)
def test_it_names_the_beam_parameter_that_is_wrong(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        BeamParams(**{"num_beams": 3, name: value})  # type: ignore[arg-type]


def test_it_takes_every_parameter_at_the_end_of_its_range() -> None:
    SamplingParams(
        max_new_tokens=1,
        min_new_tokens=1,
        temperature=0.0,
        top_p=1.0,
        min_p=1.0,
        typical_p=1.0,
        end_token_ids=(),
        logprobs=20,
        prompt_logprobs=0,
        seed=2**63 - 1,
        beams=BeamParams(num_beams=2, num_sequences=2, length_penalty=-1.0),
    )
