"""How each door of the site is asked for the same completion, as data."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BOUNDARY = "bench-boundary"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Wish:
    """A greedy completion of `prompt`; streamed where the door has streams."""

    model: str
    prompt: str
    new_tokens: int
    is_streamed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """`path` has the place of a slug; `delta` stands in every event with new text."""

    name: str
    path: str
    write: Callable[[Wish], bytes]
    content_type: str = _JSON
    delta: bytes = b"data: {"


def _native(wish: Wish) -> bytes:
    parameters = {"max_new_tokens": wish.new_tokens, "do_sample": False}
    return _json(inputs=wish.prompt, parameters=parameters, stream=wish.is_streamed)


def _openai(wish: Wish) -> bytes:
    options = {"stream_options": {"include_usage": True}} if wish.is_streamed else {}
    return _json(
        model=wish.model,
        prompt=wish.prompt,
        max_tokens=wish.new_tokens,
        temperature=0,
        stream=wish.is_streamed,
        **options,
    )


def _hugging_face(wish: Wish) -> bytes:
    parameters = {"max_new_tokens": wish.new_tokens, "details": True}
    return _json(inputs=wish.prompt, parameters=parameters, stream=wish.is_streamed)


def _npu(wish: Wish) -> bytes:
    """As the client sends it: an upload of NumPy's, and a part of JSON."""
    upload = io.BytesIO()
    np.savez(upload, np.array([wish.prompt]))
    arguments = {"max_new_tokens": wish.new_tokens, "do_sample": False}
    fields = _json(modelId=wish.model, input_kwargs=arguments)
    file_head = 'form-data; name="file"; filename="file"'
    json_head = f'form-data; name="json"\r\nContent-Type: {_JSON}'
    return b"".join(
        (
            f"--{BOUNDARY}\r\nContent-Disposition: {file_head}\r\n\r\n".encode(),
            upload.getvalue(),
            f"\r\n--{BOUNDARY}\r\nContent-Disposition: {json_head}\r\n\r\n".encode(),
            fields,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
    )


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


NATIVE = Door(
    name="native",
    path="/api/v1/models/{slug}/predict",
    write=_native,
    delta=b"event: delta",
)
DOORS = {
    door.name: door
    for door in (
        NATIVE,
        Door(
            name="npu",
            path="/SyncPredict?include_result=True",
            write=_npu,
            content_type=f"multipart/form-data; boundary={BOUNDARY}",
        ),
        Door(name="openai", path="/v1/completions", write=_openai),
        Door(name="huggingface", path="/models/{slug}", write=_hugging_face),
    )
}
