from __future__ import annotations

import pytest

from models_app.errors import InvalidParameter, UnsupportedParameter
from models_app.npu.keyword_arguments import translate


def test_it_knows_the_old_names() -> None:
    arguments = translate({"response_length": 9, "penalty": 1.2, "top_k": 3})

    assert arguments.parameters == {
        "max_new_tokens": 9,
        "repetition_penalty": 1.2,
        "top_k": 3,
    }


def test_it_leaves_the_prompt_in_unless_told_otherwise() -> None:
    assert not translate({}).removes_input
    assert not translate({"remove_input": None}).removes_input
    assert translate({"remove_input": True}).removes_input
    with pytest.raises(InvalidParameter):
        translate({"remove_input": "yes"})


def test_it_refuses_one_parameter_under_two_names() -> None:
    with pytest.raises(InvalidParameter) as caught:
        translate({"penalty": 1.0, "repetition_penalty": 2.0})

    assert "repetition_penalty" in caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_beams": 4},
        {"no_repeat_ngram_size": 2},
        {"bad_words_ids": [[1]]},
        {"eos_token_id": 50256},
        {"num_return_sequences": 2},
        {"min_length": 5},
    ],
)
def test_it_names_what_it_cannot_do_yet(arguments: dict[str, object]) -> None:
    (name,) = arguments

    with pytest.raises(UnsupportedParameter) as caught:
        translate(arguments)

    assert caught.value.param == name
    assert name in caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_beams": 1, "early_stopping": True, "length_penalty": 2.0},
        {"no_repeat_ngram_size": 0, "bad_words_ids": None, "eos_token_id": None},
        {"pad_token_id": 50256, "use_cache": True, "num_return_sequences": 1},
    ],
)
def test_it_accepts_what_asks_for_nothing(arguments: dict[str, object]) -> None:
    assert translate(arguments).parameters == {}


def test_it_leaves_unknown_names_to_be_refused_by_the_schema() -> None:
    assert translate({"temprature": 1}).parameters == {"temprature": 1}
