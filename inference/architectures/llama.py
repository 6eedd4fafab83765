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

    def __init__(self, weights: Weights, prefix: str, eps: float) -> None:
        self.attention_norm = weights.rms_norm(f"{prefix}.input_layernorm", eps)
        self.qkv = weights.linear(*(f"{prefix}.self_attn.{n}_proj" for n in "qkv"))
        self.out = weights.linear(f"{prefix}.self_attn.o_proj")
        self.mlp_norm = weights.rms_norm(f"{prefix}.post_attention_layernorm", eps)
        self.gate = weights.linear(f"{prefix}.mlp.gate_proj", activation="silu")
        self.up = weights.linear(f"{prefix}.mlp.up_proj")
        self.down = weights.linear(f"{prefix}.mlp.down_proj")


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
        eps = config["rms_norm_eps"]
        self.token_embedding = weights.embedding("model.embed_tokens.weight")
        self.layers = [
            Layer(weights, f"model.layers.{number}", eps)
            for number in range(self.shape.num_layers)
        ]
        self.final_norm = weights.rms_norm("model.norm", eps)
        is_tied = config.get("tie_word_embeddings", False)
        self.head = weights.linear("model.embed_tokens" if is_tied else "lm_head")

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
