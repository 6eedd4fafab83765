"""Asynchronous predictions in the words of the native API."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework.request import Request

from accounts.error_shape import error_object
from models_app.api.rendering import event_renderer, prediction_json
from models_app.asynchronous.estimates import seconds_until_begun
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.asynchronous.replay import Numbered
from models_app.asynchronous.service import queue_position
from models_app.asynchronous.stored import (
    read_error,
    read_inputs,
    read_output,
    read_parameters,
)
from models_app.sse import format_event

PING = b": ping\n\n"
_LAST_EVENTS = {
    AsyncStatus.SUCCEEDED: "completed",
    AsyncStatus.FAILED: "error",
    AsyncStatus.CANCELED: "canceled",
    AsyncStatus.ABORTED: "aborted",
}


def summary_json(prediction: AsyncPrediction, request: Request) -> dict[str, Any]:
    """All but its texts and parameters, which may be long."""
    return {
        **_facts_json(prediction),
        "urls": {
            "get": _url("api_prediction", prediction, request),
            "cancel": _url("api_prediction_cancel", prediction, request),
            "stream": _url("api_prediction_stream", prediction, request),
        },
    }


def async_prediction_json(
    prediction: AsyncPrediction, request: Request
) -> dict[str, Any]:
    position = queue_position(prediction)
    return {
        **summary_json(prediction, request),
        "queue_position": position,
        "eta": seconds_until_begun(position),
        **_texts_json(prediction),
    }


def homeless_json(prediction: AsyncPrediction) -> dict[str, Any]:
    """The same without addresses of this server: a worker does not know under which
    name it is reached."""
    return {**_facts_json(prediction), **_texts_json(prediction)}


def _facts_json(prediction: AsyncPrediction) -> dict[str, Any]:
    error = read_error(prediction)
    return {
        "id": prediction.public_id,
        "model": prediction.language_model.slug,
        "project": prediction.project.public_id,
        "source": prediction.source,
        "status": prediction.status,
        "error": error_object(error) if error else None,
        "prompt_tokens": prediction.prompt_tokens,
        "created_at": prediction.created_at,
        "started_at": prediction.started_at,
        "finished_at": prediction.finished_at,
        "cancel_at": prediction.cancel_at,
        "expires_at": _expiry(prediction),
    }


def _texts_json(prediction: AsyncPrediction) -> dict[str, Any]:
    output = read_output(prediction)
    return {
        "inputs": read_inputs(prediction),
        "parameters": read_parameters(prediction),
        "output": prediction_json(output) if output else None,
    }


def event_bytes(numbered: Numbered, request: Request) -> bytes:
    if numbered is None:
        return PING
    number, event = numbered
    if isinstance(event, AsyncPrediction):
        data = _end_json(event, request)
        name: str | None = _LAST_EVENTS[AsyncStatus(event.status)]
        return format_event(data, event=name, event_id=number)
    ((name, content),) = event_renderer("")(event)
    return format_event(content, event=name, event_id=number)


def _end_json(prediction: AsyncPrediction, request: Request) -> dict[str, Any]:
    """Of a prediction that succeeded, what the stream of a direct call ends with."""
    output, error = read_output(prediction), read_error(prediction)
    if prediction.status == AsyncStatus.SUCCEEDED and output:
        return prediction_json(output)
    if error:
        return {
            "error": error_object(error, request_id=request.headers["X-Request-Id"])
        }
    return async_prediction_json(prediction, request)


def _expiry(prediction: AsyncPrediction) -> datetime.datetime | None:
    if prediction.finished_at is None:
        return None
    kept = datetime.timedelta(hours=settings.KEEP_PREDICTIONS_HOURS)
    return prediction.finished_at + kept


def _url(name: str, prediction: AsyncPrediction, request: Request) -> str:
    return request.build_absolute_uri(reverse(name, args=[prediction.public_id]))
