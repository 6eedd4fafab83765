"""Calls, results and errors of lines as the database keeps them: JSON as text."""

from __future__ import annotations

from typing import Any

import msgspec

from accounts.error_shape import error_object
from accounts.errors import ApplicationError
from models_app.api.rendering import prediction_json
from models_app.predictions import Prediction


class StoredCall(msgspec.Struct, frozen=True):
    inputs: list[Any]
    parameters: dict[str, Any]


def write(value: object) -> str:
    return msgspec.json.encode(value).decode()


def read_call(written: str) -> StoredCall:
    return msgspec.json.decode(written, type=StoredCall)


def write_output(prediction: Prediction) -> str:
    """As the results have it, so that sending them is only reading."""
    return write(prediction_json(prediction))


def error_json(error: ApplicationError) -> dict[str, object]:
    """Without the id of a request: no single one has failed."""
    shape = error_object(error, request_id="")
    return {name: value for name, value in shape.items() if name != "request_id"}


def write_error(error: ApplicationError) -> str:
    return write(error_json(error))
