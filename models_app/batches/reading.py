"""An uploaded file of calls, one JSON object a line, read and checked.

Whatever can be told without running or tokenising anything is told here, for the whole
file and by line number, and then none of it is taken. What only running can tell, such
as a prompt that is too long, fails its own line later and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Annotated, Any, TypeAlias

import msgspec

from accounts.error_shape import error_object
from accounts.errors import ApplicationError, TierLimitExceeded
from models_app.backends import get_backend
from models_app.batches.stored import StoredCall, write
from models_app.calls import Caller, permit
from models_app.errors import InvalidBatch, InvalidInput
from models_app.models import LanguageModel
from models_app.parameters import parse

MAX_LINE_BYTES = 2**20
MAX_CUSTOM_ID = 100
# Whoever has more of them has made the same mistake on every line.
MAX_PROBLEMS = 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELDS = ("custom_id", "model", "inputs", "parameters")
_EXAMPLE = '{"custom_id": "1", "model": "neo-tiny", "inputs": "It was"}'


_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_TokenIds: TypeAlias = Annotated[list[int], msgspec.Meta(min_length=1)]
_Prompts: TypeAlias = Annotated[list[_Text | _TokenIds], msgspec.Meta(min_length=1)]


class NotJson(ApplicationError):
    default_code = "invalid_json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    number: int
    custom_id: str
    language_model: LanguageModel
    call: str


def read_lines(file: IO[bytes], caller: Caller) -> list[Line]:
    """Every line, or `InvalidBatch` with what is wrong on which lines.

    Raises `TierLimitExceeded` for more lines than the tier allows.
    """
    reader = _Reader(caller)
    most = caller.user.limits.lines_per_batch
    lines: list[Line] = []
    problems: list[dict[str, object]] = []
    for number, content in _numbered(file):
        if len(lines) == most:
            raise _too_many(caller, most)
        try:
            lines.append(reader.read(number, content))
        except ApplicationError as error:
            problems.append({"line": number, **error_object(error)})
        if len(problems) == MAX_PROBLEMS:
            break
    if problems:
        raise InvalidBatch(problems)
    if not lines:
        raise InvalidInput("The file has no lines.", hint=f"Such as: {_EXAMPLE}")
    return lines


def _numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Those that are not empty; of one that is too long no more than shows it."""
    number = 0
    while content := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            content = content.removeprefix(_BYTE_ORDER_MARK)
        if content := content.strip():
            yield number, content
        if len(content) > MAX_LINE_BYTES:
            return


class _Reader:
    """Checks lines one after the other; knows those that came before."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._numbers: dict[str, int] = {}
        self._language_models: dict[str, LanguageModel] = {}

    def read(self, number: int, content: bytes) -> Line:
        fields = _fields_of(content)
        return Line(
            number=number,
            custom_id=self._custom_id(fields["custom_id"], number),
            language_model=self._language_model(fields["model"]),
            call=_call(fields["inputs"], fields.get("parameters", {})),
        )

    def _custom_id(self, given: object, number: int) -> str:
        is_good = isinstance(given, str) and 0 < len(given) <= MAX_CUSTOM_ID
        if not (is_good and str(given).isprintable()):
            raise InvalidInput(
                f"custom_id must be a text of 1 to {MAX_CUSTOM_ID} characters without "
                "control characters.",
                param="custom_id",
            )
        first = self._numbers.setdefault(str(given), number)
        if first != number:
            raise InvalidInput(
                f'custom_id "{given}" is that of line {first:,}, too.',
                hint="Give every line a custom_id of its own.",
                param="custom_id",
            )
        return str(given)

    def _language_model(self, given: object) -> LanguageModel:
        if not isinstance(given, str):
            raise InvalidInput("model must be a text.", param="model")
        if given not in self._language_models:
            entry = permit(self._caller, given)
            get_backend().require_installed(entry.slug)
            self._language_models[given] = entry
        return self._language_models[given]


def _fields_of(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_LINE_BYTES:
        raise InvalidInput(f"The line is longer than {MAX_LINE_BYTES:,} bytes.")
    try:
        fields = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"The line is not JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise InvalidInput("The line is no JSON object.", hint=f"Such as: {_EXAMPLE}")
    for name in fields:
        if name not in _FIELDS:
            raise InvalidInput(
                f'A line has no field "{name[:100]}".',
                hint=f"Fields: {', '.join(_FIELDS)}.",
                param=name[:100],
            )
    for name in ("custom_id", "model", "inputs"):
        if name not in fields:
            raise InvalidInput(f"The line has no {name}.", param=name)
    return fields


def _call(inputs: object, parameters: object) -> str:
    """With the seed, drawn now if none is given, so that every attempt has the same."""
    try:
        prompts = msgspec.convert(
            [inputs] if isinstance(inputs, str) else inputs, _Prompts
        )
    except msgspec.ValidationError as error:
        raise InvalidInput(
            "inputs must be a text or a list of prompts, each a text or a list of token "
            "ids, and none of them empty.",
            param="inputs",
        ) from error
    if not isinstance(parameters, dict):
        raise InvalidInput("parameters must be an object.", param="parameters")
    seed = parse(parameters).seed
    return write(StoredCall(prompts, {**parameters, "seed": seed}))


def _too_many(caller: Caller, most: int) -> TierLimitExceeded:
    return TierLimitExceeded(
        f"The file has more than {most:,} lines, which is what your "
        f"{caller.user.get_tier_display()} tier allows in one batch.",
        limit="lines_per_batch",
        hint="Make several batches of it.",
    )
