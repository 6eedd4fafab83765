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


def test_it_knows_the_pipelines_name_for_the_opposite() -> None:
    assert translate({"return_full_text": False}).removes_input
    assert not translate({"return_full_text": True}).removes_input
    assert translate({"return_full_text": False, "remove_input": True}).removes_input
    for value in (True, False):
        with pytest.raises(InvalidParameter) as caught:
            translate({"return_full_text": value, "remove_input": value})
        assert "contradict" in caught.value.message


def test_it_passes_on_what_generate_takes() -> None:
    arguments = {
        "num_beams": 4,
        "early_stopping": True,
        "length_penalty": 2.0,
        "no_repeat_ngram_size": 2,
        "bad_words_ids": [[1]],
        "eos_token_id": 50256,
        "num_return_sequences": 2,
        "min_length": 5,
        "typical_p": 0.9,
    }

    assert translate(arguments).parameters == arguments


def test_it_takes_null_for_the_default_of_names_that_there_are() -> None:
    assert translate({"penalty": None, "use_cache": None}).parameters == {}
    assert translate({"no_such_name": None}).parameters == {"no_such_name": None}


def test_it_takes_no_number_for_false_nor_true_for_a_number() -> None:
    for name, value in (("output_scores", 0), ("num_beam_groups", True)):
        with pytest.raises(UnsupportedParameter):
            translate({name: value})


def test_it_refuses_one_parameter_under_two_names() -> None:
    with pytest.raises(InvalidParameter) as caught:
        translate({"penalty": 1.0, "repetition_penalty": 2.0})

    assert "repetition_penalty" in caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_beam_groups": 2},
        {"force_words_ids": [[1]]},
        {"penalty_alpha": 0.6},
        {"epsilon_cutoff": 0.1},
        {"output_scores": True},
    ],
)
def test_it_names_what_it_cannot_do(arguments: dict[str, object]) -> None:
    (name,) = arguments

    with pytest.raises(UnsupportedParameter) as caught:
        translate(arguments)

    assert caught.value.param == name
    assert name in caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_beam_groups": 1, "diversity_penalty": 0.0, "output_scores": False},
        {"num_beams": None, "bad_words_ids": None, "eos_token_id": None},
        {"pad_token_id": 50256, "use_cache": True},
    ],
)
def test_it_accepts_what_asks_for_nothing(arguments: dict[str, object]) -> None:
    assert translate(arguments).parameters == {}


def test_it_leaves_unknown_names_to_be_refused_by_the_schema() -> None:
    assert translate({"temprature": 1}).parameters == {"temprature": 1}
