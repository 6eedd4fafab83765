"""What a call's parameters say in tokens, held against the model's own vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models_app.backends import get_backend
from models_app.errors import InvalidParameter
from models_app.parameters import GenerationParameters

TokenIds = tuple[int, ...]


def require_known_tokens(parameters: GenerationParameters, *, model: str) -> None:
    """Refuse token ids that the model does not have, naming parameter and id."""
    highest_ids = {
        name: highest
        for name, token_ids in _named_token_ids(parameters)
        if (highest := max(token_ids, default=0))
    }
    if not highest_ids:
        return
    size = get_backend().vocabulary_size(model)
    for name, highest in highest_ids.items():
        if highest >= size:
            raise InvalidParameter(
                f"{name} holds the token id {highest:,}; "
                f"{model} has the token ids 0 to {size - 1:,}.",
                hint="Each model counts its tokens in its own way: "
                "take the ids from this model's tokenizer.",
                param=name,
            )


def banned_words(
    parameters: GenerationParameters, *, model: str
) -> tuple[TokenIds, ...]:
    """`bad_words` and `bad_words_ids` as runs of token ids, each once.

    A word inside a text is mostly spelt with a token that begins with its space.
    """
    encode = get_backend().encode
    spelt = [
        tuple(encode(model, text))
        for word in parameters.bad_words
        for text in (word, f" {word}")
    ]
    return tuple(dict.fromkeys([*parameters.bad_words_ids, *spelt]))


def _named_token_ids(
    parameters: GenerationParameters,
) -> Iterator[tuple[str, Iterable[int]]]:
    yield "bad_words_ids", (one for word in parameters.bad_words_ids for one in word)
    yield "logit_bias", parameters.logit_bias
    yield "stop_token_ids", parameters.stop_token_ids
    yield "eos_token_id", parameters.eos_token_id or ()
