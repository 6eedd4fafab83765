"""The native API over a real connection, JSON and streams."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from e2e import sse
from e2e.live_server import Account, LiveServer

PREDICT = "/api/v1/models/neo-tiny/predict"
# More than any other request beside it.
LONG = {"max_new_tokens": 1000, "do_sample": False}


@pytest.fixture
def api(server: LiveServer, premium: Account) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=server.address, headers=premium.headers, timeout=120
    ) as client:
        yield client


@contextmanager
def streamed(api: httpx.Client, **parameters: object) -> Iterator[Iterator[sse.Event]]:
    body = {"inputs": "It was", "parameters": parameters, "stream": True}
    with api.stream("POST", PREDICT, json=body) as response:
        assert response.status_code == httpx.codes.OK
        assert response.headers["content-type"].startswith("text/event-stream")
        yield sse.events(response.iter_lines())


def predict(api: httpx.Client, inputs: object, **parameters: object) -> httpx.Response:
    return api.post(PREDICT, json={"inputs": inputs, "parameters": parameters})


def test_it_lists_models_and_whether_they_are_here(api: httpx.Client) -> None:
    models = {
        model["slug"]: model for model in api.get("/api/v1/models").json()["models"]
    }

    assert models["neo-tiny"]["status"] == "ready"
    assert models["gpt-neo-125m"]["id"] == "60a40f81b635d67d627bf6b2"
    assert models["gpt-neo-125m"]["status"] == "missing"


def test_it_completes_one_prompt(api: httpx.Client) -> None:
    answer = predict(api, "It was", max_new_tokens=8, do_sample=False).json()

    (completion,) = answer["predictions"]
    assert completion["text"]
    assert completion["finish_reason"] == "length"
    assert completion["usage"]["completion_tokens"] == 8
    assert answer["usage"]["total_tokens"] == completion["usage"]["total_tokens"]


def test_it_completes_several_prompts_in_their_order(api: httpx.Client) -> None:
    prompts = ["It was", "My dear sister", "The captain"]
    alone = [
        predict(api, prompt, max_new_tokens=8, do_sample=False).json()["predictions"][0]
        for prompt in prompts
    ]

    together = predict(api, prompts, max_new_tokens=8, do_sample=False).json()

    assert [completion["text"] for completion in together["predictions"]] == [
        completion["text"] for completion in alone
    ]


def test_it_streams_several_sequences_side_by_side(api: httpx.Client) -> None:
    with streamed(
        api, max_new_tokens=8, num_return_sequences=3, logprobs=1, seed=7
    ) as events:
        seen = list(events)

    completed = seen[-1].data["predictions"]
    assert [one["sequence_index"] for one in completed] == [0, 1, 2]
    assert [one["seed"] for one in completed] == [7, 8, 9]
    for one in completed:
        deltas = [
            event.data
            for event in seen
            if event.name == "delta" and event.data["index"] == one["index"]
        ]
        assert "".join(delta["text"] for delta in deltas) == one["text"]
        assert [token for delta in deltas for token in delta["logprobs"]] == (
            one["logprobs"]
        )


def test_it_ends_a_stream_of_beams_with_the_best_of_them(api: httpx.Client) -> None:
    with streamed(
        api, max_new_tokens=8, num_beams=3, num_return_sequences=2, do_sample=False
    ) as events:
        seen = list(events)

    best, second = seen[-1].data["predictions"]
    assert best["score"] >= second["score"]
    assert [event.data["text"] for event in seen if event.name == "delta"] == [
        best["text"],
        second["text"],
    ]


def test_it_repeats_a_completion_by_its_seed(api: httpx.Client) -> None:
    first = predict(api, "It was", max_new_tokens=16, temperature=1.5).json()

    again = predict(
        api, "It was", max_new_tokens=16, temperature=1.5, seed=first["seed"]
    ).json()

    assert again["predictions"][0]["text"] == first["predictions"][0]["text"]


def test_it_streams_the_text_that_it_would_have_answered(api: httpx.Client) -> None:
    whole = predict(api, "It was", max_new_tokens=40, do_sample=False).json()

    with streamed(api, max_new_tokens=40, do_sample=False) as stream:
        events = list(stream)

    names = [event.name for event in events]
    assert names[0] == "started"
    assert names[-2:] == ["finished", "completed"]
    deltas = [event.data["text"] for event in events if event.name == "delta"]
    assert "".join(deltas) == whole["predictions"][0]["text"]
    assert events[-1].data["usage"] == whole["usage"]


def test_it_streams_while_the_engine_still_works(
    api: httpx.Client, server: LiveServer
) -> None:
    with streamed(api, **LONG) as stream:
        first = next(event for event in stream if event.name == "delta")

        assert first.data["token_count"] < LONG["max_new_tokens"]
        assert server.running() == 1


def test_it_aborts_and_charges_what_was_done_when_the_client_leaves(
    api: httpx.Client, server: LiveServer, crowd: int
) -> None:
    with streamed(api, **LONG) as stream:
        started = next(stream)
        next(event for event in stream if event.name == "delta")
        assert server.running() == crowd + 1

    server.wait_until_running(crowd)

    row = server.ledger(started.data["id"])
    assert row["status"] == "aborted"
    assert 0 < row["completion_tokens"] < LONG["max_new_tokens"]


def test_it_serves_many_callers_the_same_text_as_one(api: httpx.Client) -> None:
    prompts = [f"Chapter {number}. It was" for number in range(12)]

    def complete(prompt: str) -> str:
        answer = predict(api, prompt, max_new_tokens=24, do_sample=False).json()
        return str(answer["predictions"][0]["text"])

    alone = [complete(prompt) for prompt in prompts]
    with ThreadPoolExecutor(len(prompts)) as pool:
        together = list(pool.map(complete, prompts))

    assert together == alone
