"""Llama: rotary positions, grouped heads, gated layers, root-mean-square norms."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from inference.architectures.base import Attend, ModelShape
from inference.architectures.rotary import Rotary
from inference.errors import CheckpointInvalid
from inference.weights import Weights


class Layer:
    """One block's weights. Queries, keys and values are one matrix."""

    def __init__(
        self, config: dict[str, Any], shape: ModelShape, weights: Weights, prefix: str
    ) -> None:
        size, mlp_size = config["hidden_size"], config["intermediate_size"]
        eps = config["rms_norm_eps"]
        heads = shape.num_heads * shape.head_dim
        all_heads = heads + 2 * shape.num_kv_heads * shape.head_dim
        attention, mlp = f"{prefix}.self_attn", f"{prefix}.mlp"
        qkv = (f"{attention}.{name}_proj" for name in "qkv")
        widening, narrowing = (mlp_size, size), (size, mlp_size)
        self.attention_norm = weights.rms_norm(f"{prefix}.input_layernorm", size, eps)
        self.qkv = weights.linear(*qkv, size=(all_heads, size))
        self.out = weights.linear(f"{attention}.o_proj", size=(size, heads))
        self.mlp_norm = weights.rms_norm(
            f"{prefix}.post_attention_layernorm", size, eps
        )
        self.gate = weights.linear(f"{mlp}.gate_proj", size=widening, activation="silu")
        self.up = weights.linear(f"{mlp}.up_proj", size=widening)
        self.down = weights.linear(f"{mlp}.down_proj", size=narrowing)


class Llama:
    """The decoder; `forward` takes the rows of one step, whosever they are."""

    def __init__(self, config: dict[str, Any], weights: Weights) -> None:
        _refuse_other_activations(config)
        num_heads = config["num_attention_heads"]
        self.shape = ModelShape(
            num_layers=config["num_hidden_layers"],
            num_heads=num_heads,
            num_kv_heads=config.get("num_key_value_heads") or num_heads,
            head_dim=config.get("head_dim") or config["hidden_size"] // num_heads,
            context_length=config["max_position_embeddings"],
            vocab_size=config["vocab_size"],
        )
        self.rotary = Rotary(config, self.shape, weights.device)
        size, eps = config["hidden_size"], config["rms_norm_eps"]
        vocabulary = self.shape.vocab_size, size
        embedding = "model.embed_tokens"
        self.token_embedding = weights.embedding(f"{embedding}.weight", vocabulary)
        self.layers = [
            Layer(config, self.shape, weights, f"model.layers.{number}")
            for number in range(self.shape.num_layers)
        ]
        self.final_norm = weights.rms_norm("model.norm", size, eps)
        is_tied = config.get("tie_word_embeddings", False)
        self.head = weights.linear(embedding if is_tied else "lm_head", size=vocabulary)

    def forward(self, token_ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        num_heads = self.shape.num_heads + 2 * self.shape.num_kv_heads
        heads = (num_heads, self.shape.head_dim)
        turns = self.rotary.turns(positions)
        hidden = self.token_embedding(token_ids)
        for number, layer in enumerate(self.layers):
            qkv = layer.qkv(layer.attention_norm(hidden)).unflatten(1, heads)
            hidden = layer.out(attend(number, qkv, turns=turns), onto=hidden)
            rows = layer.mlp_norm(hidden)
            hidden = layer.down(layer.gate(rows) * layer.up(rows), onto=hidden)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        return self.head(self.final_norm(hidden))


def _refuse_other_activations(config: dict[str, Any]) -> None:
    if (activation := config.get("hidden_act", "silu")) != "silu":
        raise CheckpointInvalid(f"hidden_act {activation!r} is not silu")
