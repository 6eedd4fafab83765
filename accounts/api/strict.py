"""Bodies of calls, taken by the letter.

DRF takes a number for a text, a text for a number and 1 for true. A caller who sent one
for the other has mistaken something, and finds out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rest_framework import serializers

_Field = serializers.Field[Any, Any, Any, Any]

# Of each field, the types that JSON has for it, and their name.
_TYPES: tuple[tuple[type[Any], tuple[type, ...], str], ...] = (
    (serializers.CharField, (str,), "a text"),
    (serializers.ChoiceField, (str,), "a text"),
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int, float), "a whole number"),
)


class StrictSerializer(serializers.Serializer[Any]):
    """Knows its fields, and takes each as the type that the document says."""

    # A query has nothing but texts.
    is_query: ClassVar[bool] = False

    def to_internal_value(self, data: Any) -> Any:
        for name, value in data.items():
            if name not in self.fields:
                raise self.unknown_field(str(name))
            complaint = "" if self.is_query else _complaint(self.fields[name], value)
            if complaint:
                raise serializers.ValidationError({name: complaint})
        return super().to_internal_value(data)

    def unknown_field(self, name: str) -> Exception:
        known = ", ".join(self.fields)
        return serializers.ValidationError(
            {name[:100]: f"No such field; there are {known}."}
        )


def _complaint(field: _Field, value: object, where: str = "This") -> str:
    """What is wrong with the type of a value, and nothing if it is right."""
    if value is None:
        return ""
    for place, inner, one in _inside(field, value):
        if complaint := _complaint(inner, one, place):
            return complaint
    for kind, types, name in _TYPES:
        if isinstance(field, kind):
            return "" if _is_one_of(types, value) else f"{where} must be {name}."
    return ""


def _is_one_of(types: tuple[type, ...], value: object) -> bool:
    """To Python true is a number, to JSON it is none."""
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _inside(field: _Field, value: object) -> Iterator[tuple[str, _Field, object]]:
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        for number, one in enumerate(value):
            yield f"Item {number}", field.child, one
    if isinstance(field, serializers.DictField) and isinstance(value, dict):
        for name, one in value.items():
            yield str(name)[:100], field.child, one
