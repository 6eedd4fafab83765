"""The kinds of parameters: what each takes, and how error messages say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from accounts.storable import is_storable

if TYPE_CHECKING:
    from models_app.parameters.parameter import Parameter

KindName = Literal[
    "integer",
    "number",
    "boolean",
    "choice",
    "strings",
    "token_ids",
    "token_id_lists",
    "token_biases",
]
TokenIds = tuple[int, ...]
Value = (
    int
    | float
    | bool
    | str
    | tuple[str, ...]
    | TokenIds
    | tuple[TokenIds, ...]
    | dict[int, float]
    | None
)

MAX_TEXT_CHARACTERS = 200
MAX_IDS_PER_WORD = 32
# Beyond every vocabulary; `models_app.vocabulary` checks against the model's own.
MAX_TOKEN_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` gives the value of what a caller sent, or None for what is not allowed."""

    read: Callable[[object, Parameter], Value]
    allowed: Callable[[Parameter], str]


def _integer(raw: object, parameter: Parameter) -> int | None:
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    return raw if parameter.includes(raw) else None


def _number(raw: object, parameter: Parameter) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if parameter.includes(raw) else None


def _boolean(raw: object, parameter: Parameter) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _choice(raw: object, parameter: Parameter) -> bool | str | None:
    """One of the choices; 1 equals true in Python and is none of them all the same."""
    if isinstance(raw, bool | str) and raw in parameter.choices:
        return raw
    return None


def _strings(raw: object, parameter: Parameter) -> tuple[str, ...] | None:
    texts = [raw] if isinstance(raw, str) else raw
    if not isinstance(texts, list | tuple) or len(texts) > parameter.max_items:
        return None
    if all(isinstance(text, str) and _is_sane(text) for text in texts):
        return tuple(texts)
    return None


def _token_ids(raw: object, parameter: Parameter) -> TokenIds | None:
    ids = raw if isinstance(raw, list | tuple) else [raw]
    if len(ids) > parameter.max_items or not all(map(_is_token_id, ids)):
        return None
    return tuple(ids)


def _token_id_lists(raw: object, parameter: Parameter) -> tuple[TokenIds, ...] | None:
    if not isinstance(raw, list | tuple) or len(raw) > parameter.max_items:
        return None
    if all(_is_word(word) for word in raw):
        return tuple(tuple(word) for word in raw)
    return None


def _token_biases(raw: object, parameter: Parameter) -> dict[int, float] | None:
    """Objects of JSON have texts for keys, so token ids arrive as texts here."""
    if not isinstance(raw, dict) or len(raw) > parameter.max_items:
        return None
    biases = {_id_of(key): _number(value, parameter) for key, value in raw.items()}
    if len(biases) < len(raw) or None in biases or None in biases.values():
        return None
    return cast("dict[int, float]", biases)


def _id_of(key: object) -> int | None:
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 10:
        key = int(key)
    return cast("int", key) if _is_token_id(key) else None


def _is_word(raw: object) -> bool:
    return (
        isinstance(raw, list | tuple)
        and 1 <= len(raw) <= MAX_IDS_PER_WORD
        and all(map(_is_token_id, raw))
    )


def _is_token_id(raw: object) -> bool:
    return (
        isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= MAX_TOKEN_ID
    )


def _is_sane(text: str) -> bool:
    """The ledger keeps parameters as they were, and in JSON."""
    return 1 <= len(text) <= MAX_TEXT_CHARACTERS and is_storable(text)


def _range(noun: str) -> Callable[[Parameter], str]:
    def allowed(parameter: Parameter) -> str:
        lower = "above" if parameter.excludes_minimum else "from"
        joint = "and at most" if parameter.excludes_minimum else "to"
        return f"{noun} {lower} {parameter.minimum:,} {joint} {parameter.maximum:,}"

    return allowed


def _choices_allowed(parameter: Parameter) -> str:
    *others, last = map(_in_json, parameter.choices)
    return f"{', '.join(others)} or {last}"


def _in_json(choice: bool | str) -> str:
    return f'"{choice}"' if isinstance(choice, str) else str(choice).lower()


def _texts_allowed(parameter: Parameter) -> str:
    return (
        f"a text or a list of up to {parameter.max_items} texts, "
        f"each of 1 to {MAX_TEXT_CHARACTERS} characters without NUL"
    )


def _token_ids_allowed(parameter: Parameter) -> str:
    return f"a token id or a list of up to {parameter.max_items} token ids"


def _token_id_lists_allowed(parameter: Parameter) -> str:
    return (
        f"a list of up to {parameter.max_items} lists, "
        f"each of 1 to {MAX_IDS_PER_WORD} token ids"
    )


def _token_biases_allowed(parameter: Parameter) -> str:
    return (
        f"an object of up to {parameter.max_items} token ids, each with "
        f"a number from {parameter.minimum:,} to {parameter.maximum:,}"
    )


KINDS: dict[KindName, Kind] = {
    "integer": Kind(_integer, _range("a whole number")),
    "number": Kind(_number, _range("a number")),
    "boolean": Kind(_boolean, lambda _: "true or false"),
    "choice": Kind(_choice, _choices_allowed),
    "strings": Kind(_strings, _texts_allowed),
    "token_ids": Kind(_token_ids, _token_ids_allowed),
    "token_id_lists": Kind(_token_id_lists, _token_id_lists_allowed),
    "token_biases": Kind(_token_biases, _token_biases_allowed),
}
