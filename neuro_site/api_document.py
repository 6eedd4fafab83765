"""What the OpenAPI document says of every operation of a door, in one place.

Each view documents what is its own. What follows from its kind is added here: which
errors a body, an address or an API token may get, and the headers of every answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from accounts.standing import HEADER_NAMES
from neuro_site.api_examples import EXAMPLES, EXAMPLES_BY_MEDIA_TYPE, PATH_EXAMPLES

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Operations below one address, and the schema of their errors."""

    prefix: str
    tag: str
    description: str
    error: str = "ErrorOutput"


DOORS = (
    Door(
        prefix="/api/v1/", tag="Native", description="Neuro's own API, with all it has."
    ),
    Door(prefix="/v1/", tag="OpenAI", description="For OpenAI's packages."),
    Door(
        prefix="/models/",
        tag="Hugging Face",
        description="For `huggingface_hub`: the routes of text-generation-inference.",
        error="TgiErrorOutput",
    ),
    # Its routes are at the root, where its client has them.
    Door(
        prefix="/",
        tag="npu",
        description="For the published `npu` client, and the utilities.",
        error="NpuErrorOutput",
    ),
)

_LIMITS = {"requests": "requests a minute", "tokens": "tokens a minute"}
_HEADERS: dict[str, Json] = {
    "X-Request-Id": {
        "description": "The caller's own, or a new one; errors and the log have it, too.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "How many seconds to wait, where waiting helps.",
        "schema": {"type": "integer", "minimum": 1},
    },
    **{
        f"x-ratelimit-{what}-{unit}": {
            "description": f"{meaning} {_LIMITS[unit]}.",
            "schema": {"type": "string"},
        }
        for unit in HEADER_NAMES.values()
        for what, meaning in (
            ("limit", "How many are allowed:"),
            ("remaining", "What is left of the"),
            ("reset", "How long until some of it comes back, such as `41.3s`: of the"),
        )
    },
}
_OF_API_TOKENS = [name for name in _HEADERS if name.startswith("x-ratelimit-")]
_MAY_WAIT = {"408", "429", "503"}
_STREAM = "text/event-stream"


def complete_document(result: Json, **_: object) -> Json:
    """drf-spectacular's hook: `result` is the whole document."""
    result["tags"] = [
        {"name": door.tag, "description": door.description} for door in DOORS
    ]
    result["components"]["headers"] = _HEADERS
    for door, method, operation in _operations(result):
        operation["tags"] = [door.tag]
        content = _content_of_errors(door, operation)
        for status in _statuses(method, operation):
            error = {"description": status.phrase, "content": content}
            operation["responses"].setdefault(str(status.value), error)
        for status_code, response in operation["responses"].items():
            response["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"}
                for name in _header_names(operation, status_code)
            }
            if stream := response.get("content", {}).get(_STREAM):
                # Programs hold a schema of a stream against its single events.
                stream["schema"] = {}
        _add_examples(operation)
    return result


def _operations(document: Json) -> Iterator[tuple[Door, str, Json]]:
    for path, operations in document["paths"].items():
        door = next(door for door in DOORS if path.startswith(door.prefix))
        for method, operation in operations.items():
            yield door, method, operation


def _statuses(method: str, operation: Json) -> Iterator[HTTPStatus]:
    """The errors that come before a view does anything, or whatever it does."""
    yield HTTPStatus.INTERNAL_SERVER_ERROR
    yield HTTPStatus.BAD_REQUEST
    if _wants_api_token(operation):
        yield HTTPStatus.UNAUTHORIZED
        yield HTTPStatus.FORBIDDEN
    if method != "get":
        yield HTTPStatus.CONFLICT
    if "requestBody" in operation:
        yield HTTPStatus.REQUEST_TIMEOUT
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if any(one["in"] == "path" for one in operation.get("parameters", ())):
        yield HTTPStatus.NOT_FOUND


def _wants_api_token(operation: Json) -> bool:
    return any(operation.get("security", ()))


def _content_of_errors(door: Door, operation: Json) -> Json:
    """As the operation says errors of its own, or else as its door does."""
    for status_code, response in operation["responses"].items():
        if status_code.startswith("4"):
            content: Json = response["content"]
            return content
    schema = {"$ref": f"#/components/schemas/{door.error}"}
    return {"application/json": {"schema": schema}}


def _header_names(operation: Json, status_code: str) -> Iterator[str]:
    yield "X-Request-Id"
    if _wants_api_token(operation) and status_code != "401":
        yield from _OF_API_TOKENS
    if status_code in _MAY_WAIT:
        yield "Retry-After"


def _add_examples(operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in PATH_EXAMPLES:
            parameter["example"] = PATH_EXAMPLES[parameter["name"]]
    name = operation["operationId"]
    examples = EXAMPLES_BY_MEDIA_TYPE.get(name, {})
    for media_type, media in (
        operation.get("requestBody", {}).get("content", {}).items()
    ):
        example = examples.get(media_type, EXAMPLES.get(name))
        if example is not None:
            media["example"] = example
