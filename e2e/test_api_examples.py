"""The examples of the OpenAPI document are calls that this server answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from e2e.live_server import LiveServer

# Neo-Tiny has no chat template; API tokens, webhooks and data have ids, and API tokens
# values, that no example knows.
ELSEWHERE = {
    "openai_chat",
    "hugging_face_chat",
    "update_token",
    "rotate_token",
    "update_webhook",
    "npu_token",
    "npu_predict",
}


def test_it_answers_every_example(server: LiveServer) -> None:
    scopes = ("--scope=predict", "--scope=manage:tokens", "--scope=manage:webhooks")
    account = server.create_account("examples", "premium", *scopes)
    client = httpx.Client(base_url=server.address, headers=account.headers, timeout=60)

    answers = {
        name: client.request(method, path, json=example)
        for name, method, path, example in _examples(client.get("/api/schema/").json())
    }

    refused = {n: one.text for n, one in answers.items() if not one.is_success}
    assert refused == {}
    assert "predict" in answers


def _examples(document: dict[str, Any]) -> Iterator[tuple[str, str, str, object]]:
    """Operation, method, path and body."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {})
            if "application/json" in body and operation["operationId"] not in ELSEWHERE:
                names = {
                    one["name"]: one["example"]
                    for one in operation.get("parameters", ())
                    if one["in"] == "path"
                }
                address = path.format(**names)
                example = body["application/json"]["example"]
                yield operation["operationId"], method, address, example
