"""Every door refuses what makes no sense, with a clear 4xx in its own shape of errors."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx
import pytest

from e2e.live_server import Account, LiveServer

DOORS = {
    "native": "/api/v1/models/neo-tiny/predict",
    "native, asynchronous": "/api/v1/predictions",
    "native, tokens": "/api/v1/models/neo-tiny/tokenize",
    "npu": "/SyncPredict",
    "npu, queued": "/Predict",
    "openai": "/v1/completions",
    "openai, chat": "/v1/chat/completions",
    "hugging face": "/models/neo-tiny",
    "hugging face, generate": "/models/neo-tiny/generate",
}
DEPTH = 100_000
LARGE = 17 * 2**20


@dataclass(frozen=True, slots=True)
class Nonsense:
    name: str
    content: bytes
    statuses: tuple[int, ...] = (400,)
    content_type: str = "application/json"

    def __str__(self) -> str:
        return self.name


def every_door(prompt: bytes) -> bytes:
    """A body that has the fields of each door at once, so that none lacks its own."""
    return b'{"model": "neo-tiny", "inputs": %b, "prompt": %b}' % (prompt, prompt)


BODIES = [
    Nonsense("nothing", b""),
    Nonsense("half of an object", b'{"inputs": "It'),
    Nonsense("a list", b"[]"),
    Nonsense("a number", b"1"),
    Nonsense("null", b"null"),
    Nonsense("deep", b"[" * DEPTH + b"]" * DEPTH),
    Nonsense("deep inside", every_door(b"[" * DEPTH + b"]" * DEPTH)),
    Nonsense("no UTF-8", b'{"inputs": "\xff\xfe"}'),
    Nonsense("not a number", every_door(b"NaN")),
    Nonsense("infinite", every_door(b"-Infinity")),
    Nonsense("a huge number", every_door(b"9" * 5000)),
    Nonsense("a huge exponent", every_door(b"1e999999")),
    Nonsense("an absurd list", every_door(b"[" + b"0," * 300_000 + b"0]")),
    Nonsense("a list of lists", every_door(json.dumps([[[[]]]] * 5000).encode())),
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


@pytest.mark.parametrize("door", DOORS)
def test_it_refuses_nonsense(door: str, server: LiveServer, premium: Account) -> None:
    before = server.ledger_size()

    with httpx.Client(base_url=server.address, timeout=60) as client:
        for body in BODIES:
            headers = premium.headers | {"Content-Type": body.content_type}
            response = client.post(DOORS[door], content=body.content, headers=headers)

            assert response.status_code in body.statuses, (body.name, response.text)
            assert_it_is_clear(response)

    assert server.ledger_size() == before


@pytest.mark.parametrize("door", DOORS)
def test_it_refuses_other_methods(
    door: str, server: LiveServer, premium: Account
) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        response = httpx.request(
            method, server.url(DOORS[door]), headers=premium.headers
        )

        assert response.status_code == httpx.codes.METHOD_NOT_ALLOWED, method
        assert_it_is_clear(response)


def assert_it_is_clear(response: httpx.Response) -> None:
    answer = response.json()
    error = answer["error"] if isinstance(answer["error"], dict) else answer
    assert error["message"]
    assert error["code"]
    assert error["request_id"] == response.headers["X-Request-Id"]
