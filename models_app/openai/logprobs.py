"""How likely tokens were, in OpenAI's two shapes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import Any

from models_app.backends.base import TokenBytes
from models_app.predictions import TokenDetail

# A token and what is known of it; nothing is of the first one of a prompt.
Scored = tuple[int, TokenDetail | None]
Columns = dict[str, list[Any]]


class ColumnWriter:
    """The shape of completions: parallel lists, part by part as a choice grows."""

    def __init__(self, bytes_of: TokenBytes) -> None:
        self._bytes_of = bytes_of
        # A character begins where the bytes before it make whole ones.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0

    def write(self, tokens: Iterable[Scored]) -> Columns:
        columns: Columns = {
            "tokens": [],
            "token_logprobs": [],
            "top_logprobs": [],
            "text_offset": [],
        }
        for token_id, detail in tokens:
            columns["tokens"].append(self._name(token_id))
            columns["token_logprobs"].append(detail and detail.logprob)
            columns["top_logprobs"].append(detail and self._best(detail))
            columns["text_offset"].append(self._offset)
            self._offset += len(self._decoder.decode(self._bytes_of(token_id)))
        return columns

    def _best(self, detail: TokenDetail) -> dict[str, float]:
        """The alternatives, best first, and the token itself."""
        best = {
            self._name(other.token_id): other.logprob for other in detail.alternatives
        }
        return best | {self._name(detail.token_id): detail.logprob}

    def _name(self, token_id: int) -> str:
        data = self._bytes_of(token_id)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def chat_logprobs(
    tokens: Sequence[TokenDetail], bytes_of: TokenBytes
) -> dict[str, object]:
    """The shape of chat: an object for each token."""
    return {
        "content": [
            {
                "token": token.text,
                "logprob": token.logprob,
                "bytes": list(bytes_of(token.token_id)),
                "top_logprobs": [
                    {
                        "token": other.text,
                        "logprob": other.logprob,
                        "bytes": list(bytes_of(other.token_id)),
                    }
                    for other in token.alternatives
                ],
            }
            for token in tokens
        ],
        "refusal": None,
    }
