"""Bad input gets a clear error, by code and in words, and costs nothing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest

from e2e.live_server import Account, LiveServer
from e2e.programs import PATIENCE

PREDICT = "/api/v1/models/neo-tiny/predict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that must be refused, and what the refusal must say."""

    name: str
    status: int
    code: str
    says: str
    path: str = PREDICT
    json: Any = field(default_factory=lambda: {"inputs": "It was"})
    content: bytes | None = None
    authorization: str | None = None

    def __str__(self) -> str:
        return self.name

    def send(self, client: httpx.Client) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        if self.authorization is not None:
            headers["Authorization"] = self.authorization
        body = json.dumps(self.json).encode() if self.content is None else self.content
        return client.post(self.path, content=body, headers=headers)


def with_parameters(**parameters: object) -> dict[str, object]:
    return {"inputs": "It was", "parameters": parameters}


CALLS = [
    Refusal(
        name="no API token",
        authorization="",
        status=401,
        code="missing_api_token",
        says="Authorization: Bearer",
    ),
    Refusal(
        name="mistyped API token",
        authorization="Bearer nro_mistyped",
        status=401,
        code="invalid_api_token",
        says="mistyped",
    ),
    Refusal(
        name="unknown model",
        path="/api/v1/models/neo-tinny/predict",
        status=404,
        code="model_not_found",
        says="neo-tiny",
    ),
    Refusal(
        name="missing weights",
        path="/api/v1/models/gpt-neo-125m/predict",
        status=503,
        code="model_not_installed",
        says="manage.py models pull gpt-neo-125m",
    ),
    Refusal(
        name="prompt longer than the context",
        json={"inputs": "It was a long day. " * 1000},
        status=400,
        code="context_length_exceeded",
        says="1,024",
    ),
    Refusal(
        name="completion longer than the context",
        json=with_parameters(max_new_tokens=1024),
        status=400,
        code="context_length_exceeded",
        says="max_new_tokens",
    ),
    Refusal(
        name="max_length not above the prompt",
        json=with_parameters(max_length=1),
        status=400,
        code="invalid_parameter",
        says="max_length",
    ),
    Refusal(
        name="unknown parameter",
        json=with_parameters(temprature=1),
        status=400,
        code="invalid_parameter",
        says="temperature",
    ),
    Refusal(
        name="parameter out of range",
        json=with_parameters(top_p=1.5),
        status=400,
        code="invalid_parameter",
        says="top_p",
    ),
    Refusal(
        name="parameter of the wrong type",
        json=with_parameters(temperature="warm"),
        status=400,
        code="invalid_parameter",
        says="temperature",
    ),
    Refusal(
        name="unknown field",
        json={"inputs": "It was", "max_new_tokens": 5},
        status=400,
        code="invalid_input",
        says="max_new_tokens",
    ),
    Refusal(
        name="no prompt",
        json={"inputs": []},
        status=400,
        code="invalid_input",
        says="prompt",
    ),
    Refusal(
        name="body that is not JSON",
        content=b'{"inputs": "It was"',
        status=400,
        code="invalid_json",
        says="JSON",
    ),
    Refusal(
        name="body that is not text",
        content=b"\xff\xfe\x00",
        status=400,
        code="invalid_json",
        says="JSON",
    ),
    Refusal(
        name="address that is not there",
        path="/api/v1/nothing",
        status=404,
        code="not_found",
        says="address",
    ),
]


@pytest.fixture
def client(server: LiveServer, premium: Account) -> httpx.Client:
    return httpx.Client(base_url=server.address, headers=premium.headers, timeout=60)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_it_refuses(call: Refusal, client: httpx.Client) -> None:
    response = call.send(client)

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (call.status, call.code)
    assert call.says in f"{error['message']} {error['hint']}"
    assert error["request_id"] == response.headers["X-Request-Id"]
    assert error.keys() == {"message", "type", "param", "code", "hint", "request_id"}


@pytest.mark.parametrize("stream", [False, True])
def test_it_names_the_tier_that_a_model_needs(
    server: LiveServer, outsider: Account, stream: bool
) -> None:
    response = httpx.post(
        server.url("/api/v1/models/gpt-neo-125m/predict"),
        json={"inputs": "It was", "stream": stream},
        headers=outsider.headers,
        timeout=PATIENCE,
    )

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (403, "tier_required")
    assert "Developer" in error["message"]


def test_it_charges_nothing_for_a_refusal(
    server: LiveServer, client: httpx.Client
) -> None:
    before = server.ledger_size()

    for call in CALLS:
        call.send(client)

    assert server.ledger_size() == before


def savez(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def pickled() -> bytes:
    return savez(**{"0": np.array([{"a": "pickle"}], dtype=object)})


def bomb() -> bytes:
    """Some megabytes that unpack to two gigabytes."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("0.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(2048):
            member.write(bytes(2**20))
    return file.getvalue()


@pytest.mark.parametrize(
    ("make_file", "says"),
    [
        (pickled, "pickle"),
        (lambda: b"not a zip at all", "numpy.savez"),
        (lambda: savez(arr_0=np.linspace(0, 1, 5)), "texts"),
        pytest.param(bomb, "unpacks to", marks=pytest.mark.slow),
    ],
    ids=["pickled members", "no npz", "fractions", "zip bomb"],
)
def test_it_refuses_an_upload(
    client: httpx.Client, make_file: Callable[[], bytes], says: str
) -> None:
    fields = json.dumps({"modelId": "neo-tiny", "input_kwargs": {}})

    response = client.post(
        "/SyncPredict?include_result=True",
        files=[
            ("file", ("file", make_file())),
            ("json", (None, fields, "application/json")),
        ],
    )

    answer = response.json()
    assert (response.status_code, answer["code"]) == (400, "invalid_input")
    assert says in answer["error"]
