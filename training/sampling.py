"""Plain sampling for samples on a model card; the site's engine has its own."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.bpe import END_OF_TEXT_ID
from training.model import GPTNeo


@torch.no_grad()
def sample_text(
    model: GPTNeo,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    max_new_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> str:
    """Return what follows ``prompt``; temperature 0 always takes the likeliest token."""
    generator = torch.Generator().manual_seed(seed)
    token_ids: list[int] = tokenizer.encode(prompt).ids or [END_OF_TEXT_ID]
    num_prompt_tokens = len(token_ids)
    for _ in range(max_new_tokens):
        context = token_ids[-model.config.max_position_embeddings :]
        logits = model(torch.tensor([context]))[0, -1]
        chosen = _choose(logits, temperature, top_p, generator)
        if chosen == END_OF_TEXT_ID:
            break
        token_ids.append(chosen)
    text: str = tokenizer.decode(token_ids[num_prompt_tokens:])
    return text


def _choose(
    logits: Tensor, temperature: float, top_p: float, generator: torch.Generator
) -> int:
    if temperature == 0:
        return int(logits.argmax())
    chances, ids = (logits / temperature).softmax(-1).sort(descending=True)
    # Keep each token before which less than top_p has been given out.
    chances[chances.cumsum(-1) - chances >= top_p] = 0
    return int(ids[torch.multinomial(chances, 1, generator=generator)])
