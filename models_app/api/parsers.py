"""JSON bodies: always an object, and never deeper than the parser can go."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from accounts.storable import is_whole
from models_app.errors import InvalidInput


class JsonObjectParser(JSONParser):
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        raw = stream.read()
        try:
            body = super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        body = require_object(body)
        if b"\\u" in raw:
            _require_whole_characters(body)
        return body


def read_object(text: str, *, param: str) -> dict[str, Any]:
    """A JSON object that stands in a field of its own."""
    try:
        fields = require_object(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{param} is not JSON.", param=param) from error
    _require_whole_characters(fields)
    return fields


def read_flag(fields: Mapping[str, Any], name: str, *, param: str = "") -> bool:
    """Whether a field is true; null and left out mean false."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidInput(f"{name} must be true or false.", param=param or name)


def require_object(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidInput("The body must be a JSON object.")
    return data


def _require_whole_characters(body: dict[str, Any]) -> None:
    """Half of a surrogate pair is no text: nothing could store it or send it back."""
    for name, value in body.items():
        if not is_whole(name):
            raise InvalidInput("The name of a field holds half of a surrogate pair.")
        if not is_whole(json.dumps(value, ensure_ascii=False)):
            raise InvalidInput(
                f"{name[:100]} holds half of a surrogate pair, which is not text.",
                param=name[:100],
            )
