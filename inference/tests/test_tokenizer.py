from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Inner
from tokenizers import decoders, models, pre_tokenizers, trainers

from inference.errors import CheckpointInvalid
from inference.tokenizer import Tokenizer

TEXTS = ["", "Hello world", " leading", "naïve café €5 \N{PARTY POPPER}", "a\n\n  b\t"]


@pytest.fixture(scope="module")
def trained() -> Inner:
    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    inner.train_from_iterator(["Hello world, hello café"] * 4, trainer)
    return inner


@pytest.fixture
def as_json(trained: Inner, tmp_path: Path) -> Path:
    trained.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


@pytest.fixture
def as_pair(trained: Inner, tmp_path: Path) -> Path:
    model = json.loads(trained.to_str())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (tmp_path / "merges.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", ["as_json", "as_pair"])
def test_it_encodes_and_decodes_as_the_library_does(
    kind: str, text: str, trained: Inner, request: pytest.FixtureRequest
) -> None:
    tokenizer = Tokenizer.load(request.getfixturevalue(kind))

    assert tokenizer.encode(text) == trained.encode(text).ids
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", ["as_json", "as_pair"])
def test_it_leaves_special_tokens_out_of_the_text(
    kind: str, request: pytest.FixtureRequest
) -> None:
    tokenizer = Tokenizer.load(request.getfixturevalue(kind))
    token_ids = tokenizer.encode("a<|endoftext|>b")

    assert len(token_ids) == 3
    assert tokenizer.decode(token_ids) == "ab"


def test_it_knows_the_bytes_of_each_piece(as_json: Path) -> None:
    tokenizer = Tokenizer.load(as_json)
    token_ids = tokenizer.encode("€")

    assert b"".join(tokenizer.pieces[n] for n in token_ids) == "€".encode()


def test_it_spells_each_token(as_json: Path) -> None:
    tokenizer = Tokenizer.load(as_json)
    hello, part, *_, end = tokenizer.encode("hello€<|endoftext|>")

    assert tokenizer.spell(hello) == "hello"
    assert tokenizer.spell(part) == "\N{REPLACEMENT CHARACTER}"
    assert tokenizer.spell(end) == "<|endoftext|>"
    assert tokenizer.spell(10**6) == ""
    assert len(tokenizer.bytes_of(part)) == 1
    assert tokenizer.bytes_of(end) == b"<|endoftext|>"


def test_it_refuses_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(CheckpointInvalid, match=r"tokenizer\.json"):
        Tokenizer.load(tmp_path)


def test_it_refuses_a_tokenizer_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")

    with pytest.raises(CheckpointInvalid, match=r"no readable tokenizer\.json"):
        Tokenizer.load(tmp_path)


def test_it_refuses_to_spell_what_is_no_bytes(tmp_path: Path) -> None:
    Inner(models.BPE({"▁a": 0}, [])).save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.load(tmp_path)

    with pytest.raises(CheckpointInvalid, match="not a byte-level one: '▁a'"):
        _ = tokenizer.pieces


def test_its_added_tokens_may_have_any_letters(tmp_path: Path) -> None:
    inner = Inner(models.BPE({"a": 0, "<→end→>": 1, "東京": 2}, []))
    inner.add_special_tokens(["<→end→>"])
    inner.add_tokens(["東京"])
    inner.save(str(tmp_path / "tokenizer.json"))

    pieces = Tokenizer.load(tmp_path).pieces

    assert pieces == [b"a", b"", "東京".encode()]
