"""GPT-Neo: unscaled scores, global and local layers by turns, head tied to embedding."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from inference.architectures.base import Attend, ModelShape
from inference.errors import CheckpointInvalid
from inference.weights import Weights

# transformers' names for GELU by `tanh`, which differ in how it is computed.
ACTIVATIONS = ("gelu_new", "gelu_fast", "gelu_pytorch_tanh")


class Layer:
    """One block's weights. Queries, keys and values are one matrix."""

    def __init__(
        self, config: dict[str, Any], shape: ModelShape, weights: Weights, prefix: str
    ) -> None:
        size, eps = config["hidden_size"], config["layer_norm_epsilon"]
        mlp_size = config.get("intermediate_size") or 4 * size
        heads = shape.num_heads * shape.head_dim
        attention, mlp = f"{prefix}.attn.attention", f"{prefix}.mlp"
        qkv = (f"{attention}.{name}_proj" for name in "qkv")
        self.attention_norm = weights.layer_norm(f"{prefix}.ln_1", size, eps)
        self.qkv = weights.linear(*qkv, size=(3 * heads, size))
        self.out = weights.linear(f"{attention}.out_proj", size=(size, heads))
        self.mlp_norm = weights.layer_norm(f"{prefix}.ln_2", size, eps)
        self.up = weights.linear(
            f"{mlp}.c_fc", size=(mlp_size, size), activation="gelu_tanh"
        )
        self.down = weights.linear(f"{mlp}.c_proj", size=(size, mlp_size))


class GPTNeo:
    """The decoder; `forward` takes the rows of one step, whosever they are."""

    def __init__(self, config: dict[str, Any], weights: Weights) -> None:
        _refuse_other_activations(config)
        self.shape = ModelShape(
            num_layers=config["num_layers"],
            num_heads=config["num_heads"],
            num_kv_heads=config["num_heads"],
            head_dim=config["hidden_size"] // config["num_heads"],
            context_length=config["max_position_embeddings"],
            vocab_size=config["vocab_size"],
        )
        self.windows = _attention_windows(config)
        size, eps = config["hidden_size"], config["layer_norm_epsilon"]
        vocabulary = self.shape.vocab_size, size
        positions = self.shape.context_length, size
        self.token_embedding = weights.embedding("transformer.wte.weight", vocabulary)
        self.position_embedding = weights.embedding("transformer.wpe.weight", positions)
        self.layers = [
            Layer(config, self.shape, weights, f"transformer.h.{number}")
            for number in range(self.shape.num_layers)
        ]
        self.final_norm = weights.layer_norm("transformer.ln_f", size, eps)
        is_tied = config.get("tie_word_embeddings", True)
        head = "transformer.wte" if is_tied else "lm_head"
        self.head = weights.linear(head, size=vocabulary)

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
    if len(kinds) != config["num_layers"]:
        raise CheckpointInvalid("attention_types does not tell of num_layers layers")
    if "local" in kinds and not (config["window_size"] or 0) > 0:
        raise CheckpointInvalid(f"window_size {config['window_size']} shows nothing")
    return [config["window_size"] if kind == "local" else None for kind in kinds]


def _refuse_other_activations(config: dict[str, Any]) -> None:
    activation = config.get("activation_function", ACTIVATIONS[0])
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise CheckpointInvalid(
            f"activation_function {activation!r} is not one of: {known}"
        )
