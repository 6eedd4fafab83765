"""The parameters as JSON Schema, for the document of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from models_app.parameters.dialects import Foreign
from models_app.parameters.kinds import (
    MAX_IDS_PER_WORD,
    MAX_TEXT_CHARACTERS,
    MAX_TOKEN_ID,
    KindName,
)
from models_app.parameters.parameter import Parameter
from models_app.parameters.table import PARAMETERS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS}
_TOKEN_ID: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_TOKEN_ID}


def parameters_schema(
    parameters: Iterable[Parameter] = PARAMETERS,
    more: Mapping[str, Schema] | None = None,
) -> Schema:
    """An object with every parameter, none of them needed, and nothing else than
    `more`, which a door may have of its own."""
    return {
        "type": "object",
        "properties": {one.name: schema_of(one) for one in parameters}
        | {**(more or {})},
        "additionalProperties": False,
    }


def nullable(schema: Schema) -> Schema:
    """The same or null, which in calls means the default."""
    return {name: _WITH_NULL.get(name, _same)(value) for name, value in schema.items()}


def foreign_schemas(foreign: Mapping[str, Foreign]) -> dict[str, Schema]:
    """Of what a door takes and this server does not have, the values that it takes."""
    return {name: _foreign_schema(one) for name, one in foreign.items()}


def _foreign_schema(foreign: Foreign) -> Schema:
    schema: Schema = {"description": foreign.reason or "Taken, and of no effect here."}
    if foreign.neutral is not None:
        schema["enum"] = [*foreign.neutral, None]
    return schema


def _same(value: Any) -> Any:
    return value


# What a schema allows in each of these, it allows in all of them.
_WITH_NULL: dict[str, Callable[[Any], Any]] = {
    "type": lambda kind: [kind, "null"],
    "enum": lambda values: [*values, None],
    "oneOf": lambda schemas: [*schemas, {"type": "null"}],
}


def schema_of(parameter: Parameter) -> Schema:
    schema = nullable(_SCHEMAS[parameter.kind](parameter))
    schema["description"] = parameter.help_text
    if parameter.default is not None:
        schema["default"] = parameter.default
    return schema


def _numeric(kind: str) -> Callable[[Parameter], Schema]:
    def schema(parameter: Parameter) -> Schema:
        minimum = "exclusiveMinimum" if parameter.excludes_minimum else "minimum"
        return {
            "type": kind,
            minimum: parameter.minimum,
            "maximum": parameter.maximum,
        }

    return schema


def _one_or_list(item: Schema) -> Callable[[Parameter], Schema]:
    return lambda parameter: {"oneOf": [item, _list(item, parameter.max_items)]}


def _list(item: Schema, max_items: int, min_items: int = 0) -> Schema:
    return {
        "type": "array",
        "items": item,
        "minItems": min_items,
        "maxItems": max_items,
    }


def _biases(parameter: Parameter) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[0-9]{1,10}$"},
        "additionalProperties": _numeric("number")(parameter),
        "maxProperties": parameter.max_items,
    }


_SCHEMAS: dict[KindName, Callable[[Parameter], Schema]] = {
    "integer": _numeric("integer"),
    "number": _numeric("number"),
    "boolean": lambda _: {"type": "boolean"},
    "choice": lambda parameter: {"enum": list(parameter.choices)},
    "strings": _one_or_list(_TEXT),
    "token_ids": _one_or_list(_TOKEN_ID),
    "token_id_lists": lambda parameter: _list(
        _list(_TOKEN_ID, MAX_IDS_PER_WORD, min_items=1), parameter.max_items
    ),
    "token_biases": _biases,
}
