"""JSON bodies: always an object, and never deeper than the parser can go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from models_app.errors import InvalidInput


class JsonObjectParser(JSONParser):
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            return require_object(super().parse(stream, media_type, parser_context))
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error


def read_object(text: str, *, param: str) -> dict[str, Any]:
    """A JSON object that stands in a field of its own."""
    try:
        return require_object(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{param} is not JSON.", param=param) from error


def require_object(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidInput("The body must be a JSON object.")
    return data
