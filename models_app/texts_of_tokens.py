"""Token ids that callers send as text, and texts that have token ids at all."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.storable import is_whole
from models_app.backends import get_backend
from models_app.backends.base import TokenBytes
from models_app.errors import InvalidInput
from models_app.parameters.parameter import shown


def text_of(token_ids: Sequence[object], *, model: str, param: str) -> str:
    """What token ids from a caller, who may have sent anything, stand for; special
    ones stand for their names. Raises `InvalidInput`, also where there are none."""
    if not token_ids:
        raise InvalidInput(f"{param} holds no token id.", param=param)
    backend = get_backend()
    size, bytes_of = backend.vocabulary_size(model), backend.token_bytes(model)
    return join(token_ids, size=size, bytes_of=bytes_of, of=model, param=param)


def join(
    token_ids: Sequence[object],
    *,
    size: int,
    bytes_of: TokenBytes,
    of: str,
    param: str,
) -> str:
    """The same of any vocabulary, that of `of`, which has token ids below `size`."""
    known = [_known(one, size, model=of, param=param) for one in token_ids]
    return b"".join(map(bytes_of, known)).decode(errors="replace")


def require_whole_characters(text: str, *, param: str) -> str:
    """The text, unless JSON's escapes have smuggled in what is none."""
    if not is_whole(text):
        raise InvalidInput(
            f"{param} holds half of a surrogate pair, which is not text.", param=param
        )
    return text


def _known(token_id: object, size: int, *, model: str, param: str) -> int:
    if type(token_id) is int and 0 <= token_id < size:
        return token_id
    raise InvalidInput(
        f"{param} holds {shown(token_id)}, which is not a token id of {model}: "
        f"those are 0 to {size - 1:,}.",
        param=param,
    )
