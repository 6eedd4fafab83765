from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import AutoTokenizer, GPTNeoForCausalLM

from training.export import export_checkpoint, load_exported
from training.model import GPTNeo, ModelConfig, causal_attention
from training.tests.conftest import TINY


@pytest.fixture
def exported(tiny_tokenizer: Tokenizer, tmp_path: Path) -> Path:
    """A random tiny model with biases and norms that are not just zeros and ones."""
    torch.manual_seed(1)
    model = GPTNeo(TINY)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    tiny_tokenizer.save(str(tmp_path / "source.json"))
    export_checkpoint(model, tmp_path / "source.json", tmp_path / "exported")
    return tmp_path / "exported"


@pytest.mark.parametrize("length", [1, 16, 17, 64])
def test_it_computes_what_transformers_computes(exported: Path, length: int) -> None:
    ours, _ = load_exported(exported)
    reference = GPTNeoForCausalLM.from_pretrained(exported).eval()
    assert reference.dtype == torch.float32
    token_ids = torch.randint(TINY.vocab_size, (3, length))
    with torch.no_grad():
        wanted = reference(token_ids).logits
        torch.testing.assert_close(ours(token_ids), wanted, rtol=1e-4, atol=1e-4)


def test_rows_may_start_at_later_positions(exported: Path) -> None:
    ours, _ = load_exported(exported)
    reference = GPTNeoForCausalLM.from_pretrained(exported).eval()
    token_ids, first = torch.randint(TINY.vocab_size, (2, 9)), torch.tensor([0, 30])
    positions = torch.arange(9) + first[:, None]
    with torch.no_grad():
        wanted = reference(token_ids, position_ids=positions).logits
        torch.testing.assert_close(ours(token_ids, first), wanted, rtol=1e-4, atol=1e-4)


def test_transformers_reads_the_tokenizer(
    exported: Path, tiny_tokenizer: Tokenizer
) -> None:
    reference = AutoTokenizer.from_pretrained(exported)
    text = "  I returned from the City, 'about three o'clock'.\n\nTwice."
    assert reference(text)["input_ids"] == tiny_tokenizer.encode(text).ids
    assert reference.decode(reference(text)["input_ids"]) == text
    assert reference.eos_token_id == reference.bos_token_id == 0
    assert reference.model_max_length == TINY.max_position_embeddings


@pytest.mark.parametrize("window", [1, 16, 128, 200, 256, 1000])
@pytest.mark.parametrize("length", [1, 127, 128, 300, 600])
def test_attention_sees_a_window(length: int, window: int) -> None:
    query, key, value = torch.randn(3, 2, 2, length, 8).unbind(0)
    distance = torch.arange(length)[:, None] - torch.arange(length)
    seen = (distance >= 0) & (distance < window)
    wanted = F.scaled_dot_product_attention(
        query, key, value, attn_mask=seen, scale=1.0
    )
    mixed = causal_attention(query, key, value, window=window)
    torch.testing.assert_close(mixed, wanted, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_mean_cross_entropy() -> None:
    torch.manual_seed(0)
    model = GPTNeo(TINY)
    token_ids, targets = torch.randint(TINY.vocab_size, (2, 40, 30)).unbind(0)
    logits = model(token_ids).flatten(0, 1)
    wanted = F.cross_entropy(logits, targets.flatten())
    torch.testing.assert_close(model.loss(token_ids, targets), wanted)


@pytest.mark.parametrize(
    ("shape", "message"),
    [({"hidden_size": 10, "num_heads": 4}, "hidden_size"), ({"num_layers": 3}, "even")],
)
def test_it_refuses_impossible_shapes(shape: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**shape)
