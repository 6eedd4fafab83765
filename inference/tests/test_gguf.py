from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from inference.engine import load_engine
from inference.reference.gguf import convert
from inference.tests.fakes import engine_config
from inference.tests.gguf_files import write_tiny_gguf
from inference.tests.reference import generate, prompts_of, run_all
from inference.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    convert(write_tiny_gguf(folder / "tiny.gguf"), folder / "checkpoint")
    return folder / "checkpoint"


def test_it_serves_what_transformers_reads_in_the_file(converted: Path) -> None:
    prompts = prompts_of([5, 70], vocab_size=250)
    model = AutoModelForCausalLM.from_pretrained(
        converted.parent, gguf_file="tiny.gguf", dtype=torch.float32
    )

    completions = run_all(
        load_engine(converted, engine_config(precision="fp32")), prompts, 20
    )

    assert completions == [generate(model, prompt, 20) for prompt in prompts]


def test_it_leaves_no_trace_of_the_file_it_came_from(converted: Path) -> None:
    config = json.loads((converted / "config.json").read_text())

    assert "quantization_config" not in config
    assert "_model_name_or_path" not in config
    assert (converted / "chat_template.jinja").is_file()


def test_it_cuts_digits_as_the_file_says(converted: Path) -> None:
    tokenizer = Tokenizer.load(converted)

    pieces = [tokenizer.pieces[n] for n in tokenizer.encode("  42")]

    assert pieces == [b"  ", b"4", b"2"]


def test_it_refuses_a_way_of_cutting_that_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="'oracle' is not one of"):
        convert(write_tiny_gguf(tmp_path / "x.gguf", pre="oracle"), tmp_path / "out")
