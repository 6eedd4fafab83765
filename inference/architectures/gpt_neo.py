"""GPT-Neo: unscaled scores, global and local layers by turns, head tied to embedding."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from inference.architectures.base import Attend, ModelShape
from inference.weights import Weights


class Layer:
    """One block's weights. Queries, keys and values are one matrix."""

    def __init__(self, weights: Weights, prefix: str, eps: float) -> None:
        inner = f"{prefix}.attn.attention"
        self.attention_norm = weights.layer_norm(f"{prefix}.ln_1", eps)
        self.qkv = weights.linear(*(f"{inner}.{name}_proj" for name in "qkv"))
        self.out = weights.linear(f"{inner}.out_proj")
        self.mlp_norm = weights.layer_norm(f"{prefix}.ln_2", eps)
        self.up = weights.linear(f"{prefix}.mlp.c_fc", activation="gelu_tanh")
        self.down = weights.linear(f"{prefix}.mlp.c_proj")


class GPTNeo:
    """The decoder; `forward` takes the rows of one step, whosever they are."""

    def __init__(self, config: dict[str, Any], weights: Weights) -> None:
        self.shape = ModelShape(
            num_layers=config["num_layers"],
            num_heads=config["num_heads"],
            num_kv_heads=config["num_heads"],
            head_dim=config["hidden_size"] // config["num_heads"],
            context_length=config["max_position_embeddings"],
            vocab_size=config["vocab_size"],
        )
        self.windows = _attention_windows(config)
        eps = config["layer_norm_epsilon"]
        self.token_embedding = weights.embedding("transformer.wte.weight")
        self.position_embedding = weights.embedding("transformer.wpe.weight")
        self.layers = [
            Layer(weights, f"transformer.h.{number}", eps)
            for number in range(self.shape.num_layers)
        ]
        self.final_norm = weights.layer_norm("transformer.ln_f", eps)
        self.head = weights.linear("transformer.wte")

    def forward(self, token_ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        heads = (3 * self.shape.num_heads, self.shape.head_dim)
        hidden = self.token_embedding(token_ids) + self.position_embedding(positions)
        for number, layer in enumerate(self.layers):
            qkv = layer.qkv(layer.attention_norm(hidden)).unflatten(1, heads)
            context = attend(number, qkv, self.windows[number])
            hidden = layer.out(context, onto=hidden)
            hidden = layer.down(layer.up(layer.mlp_norm(hidden)), onto=hidden)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        return self.head(self.final_norm(hidden))


def _attention_windows(config: dict[str, Any]) -> list[int | None]:
    """How far each layer looks back: `attention_types` is [[["global", "local"], 6]]."""
    kinds = [
        kind for group, count in config["attention_types"] for kind in group * count
    ]
    return [config["window_size"] if kind == "local" else None for kind in kinds]
