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


def write_error(error: ApplicationError) -> str:
    return write(error_object(error))
