"""Calls, results, errors and events as the database keeps them: JSON as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from accounts.errors import ApplicationError
from models_app.asynchronous.models import AsyncEvents, AsyncPrediction
from models_app.predictions import Finished, Prediction, Started, TextDelta

# Those that are written down while the prediction runs; its row tells how it ended.
StoredEvent = Started | TextDelta | Finished
_KINDS: dict[str, type[StoredEvent]] = {
    "started": Started,
    "delta": TextDelta,
    "finished": Finished,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredError:
    status: int
    code: str
    message: str
    hint: str
    param: str | None


def write(value: object) -> str:
    return msgspec.json.encode(value).decode()


def read_inputs(prediction: AsyncPrediction) -> list[Any]:
    """The prompts as they were sent."""
    return msgspec.json.decode(prediction.inputs, type=list)


def read_parameters(prediction: AsyncPrediction) -> dict[str, Any]:
    """Those that were sent, and the seed."""
    return msgspec.json.decode(prediction.parameters, type=dict)


def write_call(prompts: Sequence[object], parameters: Mapping[str, object]) -> Any:
    return {"inputs": write(list(prompts)), "parameters": write(dict(parameters))}


def read_output(prediction: AsyncPrediction) -> Prediction | None:
    """What it brought: all of it, or what there was when it was canceled."""
    if prediction.output is None:
        return None
    return msgspec.json.decode(prediction.output, type=Prediction)


def write_error(error: ApplicationError) -> str:
    return write(
        _StoredError(
            status=error.status_code,
            code=error.code,
            message=error.message,
            hint=error.hint,
            param=error.param,
        )
    )


def read_error(prediction: AsyncPrediction) -> ApplicationError | None:
    """What ended it, with the code and status that it had."""
    if prediction.error is None:
        return None
    stored = msgspec.json.decode(prediction.error, type=_StoredError)
    error = ApplicationError(stored.message, hint=stored.hint, param=stored.param)
    error.code, error.status_code = stored.code, stored.status
    return error


def write_events(events: Sequence[StoredEvent]) -> str:
    return write([(_NAMES[type(event)], event) for event in events])


def read_events(row: AsyncEvents) -> list[StoredEvent]:
    pairs = msgspec.json.decode(row.events, type=list[tuple[str, msgspec.Raw]])
    return [msgspec.json.decode(data, type=_KINDS[kind]) for kind, data in pairs]
