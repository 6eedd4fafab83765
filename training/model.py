"""GPT-Neo written for training on a CPU, with the parameter names of transformers.

``GPTNeo(config).state_dict()`` loads into ``GPTNeoForCausalLM`` key by key; only the
way there is faster: one matrix product for query, key and value, attention that leaves
out what is masked anyway, and a loss that never holds all logits at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Rows of logits held at a time, and queries that attend together: measured on a CPU
# whose cache holds what they need.
CHUNK = 1024
BLOCK = 128


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of a GPT-Neo; layers alternate global, local, global, local…"""

    vocab_size: int = 4096
    hidden_size: int = 256
    num_layers: int = 6
    num_heads: int = 4
    max_position_embeddings: int = 1024
    window_size: int = 256

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError("hidden_size must be a multiple of num_heads")
        if self.num_layers % 2:
            raise ValueError("num_layers must be even: layers come in pairs")

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads


class SelfAttention(nn.Module):
    """Causal attention without the usual division by the root of the head size."""

    def __init__(self, config: ModelConfig, *, is_local: bool) -> None:
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.is_local = is_local
        self.k_proj = nn.Linear(size, size, bias=False)
        self.v_proj = nn.Linear(size, size, bias=False)
        self.q_proj = nn.Linear(size, size, bias=False)
        self.out_proj = nn.Linear(size, size, bias=True)

    def forward(self, hidden: Tensor) -> Tensor:
        batch, length, size = hidden.shape
        weight = torch.cat([p.weight for p in (self.q_proj, self.k_proj, self.v_proj)])
        fused = F.linear(hidden, weight)
        shape = (batch, length, 3, self.config.num_heads, self.config.head_dim)
        query, key, value = fused.view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        window = self.config.window_size if self.is_local else length
        mixed = causal_attention(query, key, value, window=window)
        return self._project(mixed.transpose(1, 2).reshape(batch, length, size))

    def _project(self, mixed: Tensor) -> Tensor:
        projected: Tensor = self.out_proj(mixed)
        return projected


class AttentionSlot(nn.Module):
    """Holds ``attention`` so that parameters are named as transformers names them."""

    def __init__(self, config: ModelConfig, *, is_local: bool) -> None:
        super().__init__()
        self.attention = SelfAttention(config, is_local=is_local)

    def forward(self, hidden: Tensor) -> Tensor:
        mixed: Tensor = self.attention(hidden)
        return mixed


class MLP(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.hidden_size, 4 * config.hidden_size)
        self.c_proj = nn.Linear(4 * config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = F.gelu(self.c_fc(hidden), approximate="tanh")
        projected: Tensor = self.c_proj(inner)
        return projected


class Block(nn.Module):
    def __init__(self, config: ModelConfig, *, is_local: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.hidden_size)
        self.attn = AttentionSlot(config, is_local=is_local)
        self.ln_2 = nn.LayerNorm(config.hidden_size)
        self.mlp = MLP(config)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.attn(self.ln_1(hidden))
        mixed: Tensor = hidden + self.mlp(self.ln_2(hidden))
        return mixed


class Transformer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.hidden_size)
        self.wpe = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.h = nn.ModuleList(
            Block(config, is_local=layer % 2 == 1) for layer in range(config.num_layers)
        )
        self.ln_f = nn.LayerNorm(config.hidden_size)

    def forward(self, token_ids: Tensor, first_positions: Tensor | None) -> Tensor:
        length = token_ids.shape[1]
        positions = torch.arange(length)[None]
        if first_positions is not None:
            positions = positions + first_positions[:, None]
        hidden = self.wte(token_ids) + self.wpe(positions)
        for block in self.h:
            hidden = block(hidden)
        normed: Tensor = self.ln_f(hidden)
        return normed


class GPTNeo(nn.Module):
    """The language model; its output matrix is its embedding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = Transformer(config)
        self.apply(_initialise)
        self._scale_initial_weights()

    def forward(
        self, token_ids: Tensor, first_positions: Tensor | None = None
    ) -> Tensor:
        """Return logits; row ``i`` starts at position ``first_positions[i]`` or 0."""
        hidden = self.transformer(token_ids, first_positions)
        return F.linear(hidden, self.transformer.wte.weight)

    def loss(
        self, token_ids: Tensor, targets: Tensor, first_positions: Tensor | None = None
    ) -> Tensor:
        """Return the mean cross entropy of ``targets`` in nats."""
        hidden = self.transformer(token_ids, first_positions).flatten(0, 1)
        pairs = zip(hidden.split(CHUNK), targets.flatten().split(CHUNK), strict=True)
        losses = [self._summed_loss(part, wanted) for part, wanted in pairs]
        return torch.stack(losses).sum() / targets.numel()

    def _summed_loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        logits = F.linear(hidden, self.transformer.wte.weight).float()
        return F.cross_entropy(logits, targets, reduction="sum")

    @torch.no_grad()
    def _scale_initial_weights(self) -> None:
        """Start attention scores, which nothing divides, and residual sums small."""
        for name, parameter in self.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                parameter.mul_(self.config.head_dim**-0.25)
            elif name.endswith(("out_proj.weight", "c_proj.weight")):
                parameter.mul_((2 * self.config.num_layers) ** -0.5)


def causal_attention(
    query: Tensor, key: Tensor, value: Tensor, *, window: int
) -> Tensor:
    """Let each position attend to itself and the ``window - 1`` before it.

    A block of queries meets only the keys that some query of it may see, which for
    short rows is faster on a CPU than ``scaled_dot_product_attention``.
    """
    length = query.shape[2]
    mixed = []
    for first in range(0, length, BLOCK):
        last = min(first + BLOCK, length)
        oldest = max(0, (first - window + 1) // BLOCK * BLOCK)
        scores = query[:, :, first:last] @ key[:, :, oldest:last].mT
        mask = _mask(last - first, last - oldest, window).to(scores.dtype)
        mixed.append((scores + mask).softmax(-1) @ value[:, :, oldest:last])
    return torch.cat(mixed, dim=2)


@lru_cache(maxsize=64)
def _mask(num_queries: int, num_keys: int, window: int) -> Tensor:
    """Return 0 where the last queries of a row may look, and minus infinity elsewhere."""
    query = torch.arange(num_keys - num_queries, num_keys)[:, None]
    distance = query - torch.arange(num_keys)
    is_seen = (distance >= 0) & (distance < window)
    return torch.zeros(is_seen.shape).masked_fill(~is_seen, -torch.inf)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
