"""What is promised of the weights in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import AutoTokenizer, GPTNeoForCausalLM

from training.bpe import END_OF_TEXT_ID, encode_books
from training.evaluation import held_out_loss
from training.export import load_exported
from training.model import GPTNeo
from training.neo_tiny import CONFIG, EXPORTED

SIZE_LIMIT = 25_000_000
# Bits per byte on a book it never saw; a little above what the shipped weights reach.
LOSS_LIMIT = 1.5
EXCERPT_LENGTH = 40_000


@pytest.fixture(scope="module")
def shipped() -> tuple[GPTNeo, Tokenizer]:
    return load_exported(EXPORTED)


def test_it_is_small() -> None:
    files = [path for path in EXPORTED.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= SIZE_LIMIT


def test_it_has_the_documented_shape(shipped: tuple[GPTNeo, Tokenizer]) -> None:
    model, tokenizer = shipped
    assert model.config == CONFIG
    assert tokenizer.get_vocab_size() == CONFIG.vocab_size
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert 5_000_000 <= parameters <= 12_000_000


def test_transformers_gives_the_same_logits(
    shipped: tuple[GPTNeo, Tokenizer], excerpt: str
) -> None:
    model, tokenizer = shipped
    reference = GPTNeoForCausalLM.from_pretrained(EXPORTED).eval()
    assert reference.dtype == torch.float32
    ids = AutoTokenizer.from_pretrained(EXPORTED)(excerpt[:3000])["input_ids"]
    assert ids == tokenizer.encode(excerpt[:3000]).ids
    token_ids = torch.tensor([ids[:600]])
    with torch.no_grad():
        ours, wanted = model(token_ids), reference(token_ids).logits
    torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-3)


def test_it_beats_its_stated_bound(
    shipped: tuple[GPTNeo, Tokenizer], excerpt: str
) -> None:
    model, tokenizer = shipped
    text = encode_books(tokenizer, [excerpt[:EXCERPT_LENGTH]])
    loss = held_out_loss(model, text, length=1024)
    assert loss.bits_per_byte < LOSS_LIMIT


def test_it_reads_as_well_at_the_end_of_its_context(
    shipped: tuple[GPTNeo, Tokenizer], excerpt: str
) -> None:
    model, tokenizer = shipped
    ids = torch.tensor(tokenizer.encode(excerpt).ids[: 8 * 1025]).view(8, 1025)
    with torch.no_grad():
        logits = model(ids[:, :-1]).transpose(1, 2)
    losses = F.cross_entropy(logits, ids[:, 1:], reduction="none").mean(0)
    assert losses[768:].mean() < losses[256:512].mean() + 0.1


def test_greedy_text_is_words(shipped: tuple[GPTNeo, Tokenizer]) -> None:
    model, tokenizer = shipped
    token_ids = tokenizer.encode("When I visit Bath I will").ids
    with torch.no_grad():
        chosen = int(model(torch.tensor([token_ids]))[0, -1].argmax())
    assert chosen != END_OF_TEXT_ID
    assert tokenizer.decode([chosen]).strip().isalpha()


def test_the_card_states_the_licence() -> None:
    card = (Path(EXPORTED).parent / "card.md").read_text(encoding="utf-8")
    assert "MIT" in card
    assert "public domain" in card
