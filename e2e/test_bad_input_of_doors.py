"""Every door refuses what makes no sense, with a clear 4xx in its own shape of errors."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx
import pytest

from e2e.live_server import Account, LiveServer
from e2e.programs import PATIENCE

JSON, JSON_LINES = "application/json", "application/jsonl"


@dataclass(frozen=True, slots=True)
class Door:
    """`fields` has the fields of each door at once, so that none lacks its own."""

    path: str
    fields: bytes = b'{"model": "neo-tiny", "inputs": %(given)b, "prompt": %(given)b}'
    content_type: str = JSON


DOORS = {
    "native": Door("/api/v1/models/neo-tiny/predict"),
    "native, asynchronous": Door("/api/v1/predictions"),
    "native, tokens": Door("/api/v1/models/neo-tiny/tokenize"),
    "native, batches": Door(
        "/api/v1/batches",
        b'{"custom_id": "1", "model": "neo-tiny", "inputs": %(given)b}',
        JSON_LINES,
    ),
    "native, webhooks": Door("/api/v1/webhooks", b'{"url": %(given)b}'),
    "native, events of webhooks": Door(
        "/api/v1/webhooks", b'{"url": "https://hooks.example", "events": %(given)b}'
    ),
    "npu": Door("/SyncPredict"),
    "npu, queued": Door("/Predict"),
    "openai": Door("/v1/completions"),
    "openai, chat": Door("/v1/chat/completions"),
    "hugging face": Door("/models/neo-tiny"),
    "hugging face, generate": Door("/models/neo-tiny/generate"),
}
DEPTH = 100_000
LARGE = 17 * 2**20


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A whole body, or what is `given` as the value of a door's own fields."""

    name: str
    content: bytes = b""
    given: bytes = b""
    statuses: tuple[int, ...] = (400,)
    content_type: str = ""

    def body_for(self, door: Door) -> bytes:
        return door.fields % {b"given": self.given} if self.given else self.content


BODIES = [
    Nonsense("nothing", b""),
    Nonsense("half of an object", b'{"inputs": "It'),
    Nonsense("a list", b"[]"),
    Nonsense("a number", b"1"),
    Nonsense("null", b"null"),
    Nonsense("deep", b"[" * DEPTH + b"]" * DEPTH),
    Nonsense("deep inside", given=b"[" * DEPTH + b"]" * DEPTH),
    Nonsense("no UTF-8", b'{"inputs": "\xff\xfe"}'),
    Nonsense("not a number", given=b"NaN"),
    Nonsense("infinite", given=b"-Infinity"),
    Nonsense("a huge number", given=b"9" * 5000),
    Nonsense("a huge exponent", given=b"1e999999"),
    Nonsense("an absurd list", given=b"[" + b"0," * 300_000 + b"0]"),
    Nonsense("a list of lists", given=json.dumps([[[[]]]] * 5000).encode()),
    Nonsense("too large", b" " * LARGE, statuses=(413,)),
    Nonsense("XML", b"<inputs/>", statuses=(415,), content_type="application/xml"),
    Nonsense(
        "no type", b"{}", statuses=(400, 415), content_type="not a type; charset=no"
    ),
    Nonsense(
        "a form that breaks off",
        b"--b\r\nContent-Disposition: form-data",
        statuses=(400, 415),
        content_type="multipart/form-data; boundary=b",
    ),
    Nonsense(
        "a form without boundary",
        b"x",
        statuses=(400, 415),
        content_type="multipart/form-data",
    ),
]


@pytest.fixture(scope="module")
def headers(server: LiveServer, premium: Account) -> dict[str, str]:
    scopes = ("--scope=predict", "--scope=manage:webhooks")
    name = ("create_api_token", premium.email, "--name", "of doors")
    api_token = server.manage(*name, *scopes).splitlines()[-1]
    return {"Authorization": f"Bearer {api_token}"}


@pytest.mark.parametrize("door", DOORS)
def test_it_refuses_nonsense(
    door: str, server: LiveServer, headers: dict[str, str]
) -> None:
    before = server.ledger_size()

    with httpx.Client(base_url=server.address, timeout=60) as client:
        for body in BODIES:
            content_type = body.content_type or DOORS[door].content_type
            response = client.post(
                DOORS[door].path,
                content=body.body_for(DOORS[door]),
                headers=headers | {"Content-Type": content_type},
            )

            assert response.status_code in body.statuses, (body.name, response.text)
            assert_it_is_clear(response)

    assert server.ledger_size() == before


@pytest.mark.parametrize("door", DOORS)
def test_it_refuses_other_methods(
    door: str, server: LiveServer, headers: dict[str, str]
) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        url = server.url(DOORS[door].path)
        response = httpx.request(method, url, headers=headers, timeout=PATIENCE)

        assert response.status_code == httpx.codes.METHOD_NOT_ALLOWED, method
        assert_it_is_clear(response)


def assert_it_is_clear(response: httpx.Response) -> None:
    answer = response.json()
    error = answer["error"] if isinstance(answer["error"], dict) else answer
    assert error["message"]
    assert error["code"]
    assert error["request_id"] == response.headers["X-Request-Id"]


def test_it_wants_batches_as_json_lines(
    server: LiveServer, headers: dict[str, str]
) -> None:
    url = server.url("/api/v1/batches")
    response = httpx.post(url, json={}, headers=headers, timeout=PATIENCE)

    assert response.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE
    assert_it_is_clear(response)
