"""The published huggingface_hub client, given nothing but an address and an API token."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import (
    HfHubHTTPError,
    TextGenerationError,
    ValidationError,
)

from e2e.live_server import Account, LiveServer, start_live_server
from models_app.tests.checkpoints import write_chat_checkpoint

PROMPT = "When I visit Bath I will"


@pytest.fixture(scope="module")
def client(server: LiveServer, developer: Account) -> InferenceClient:
    return InferenceClient(
        model=server.url("/models/neo-tiny"), token=developer.api_token
    )


def test_it_generates_text(client: InferenceClient) -> None:
    text = client.text_generation(PROMPT, max_new_tokens=8)
    full = client.text_generation(PROMPT, max_new_tokens=8, return_full_text=True)

    assert text
    assert full == PROMPT + text


def test_it_streams_the_same_text(client: InferenceClient) -> None:
    whole = client.text_generation(PROMPT, max_new_tokens=8)

    parts = list(client.text_generation(PROMPT, max_new_tokens=8, stream=True))

    assert len(parts) == 8
    assert "".join(parts) == whole


def test_it_gives_details(client: InferenceClient) -> None:
    answer = client.text_generation(
        PROMPT,
        max_new_tokens=8,
        details=True,
        decoder_input_details=True,
        top_n_tokens=2,
    )

    details = answer.details
    assert details is not None
    assert details.finish_reason == "length"
    assert details.generated_tokens == len(details.tokens) == 8
    assert "".join(token.text for token in details.tokens) == answer.generated_text
    assert "".join(token.text for token in details.prefill) == PROMPT
    assert details.top_tokens is not None
    # Without sampling the likeliest token is the one that was taken.
    assert [two[0]["id"] for two in details.top_tokens] == [
        token.id for token in details.tokens
    ]


def test_it_streams_details(client: InferenceClient) -> None:
    whole = client.text_generation(PROMPT, max_new_tokens=8, details=True)

    *events, last = client.text_generation(
        PROMPT, max_new_tokens=8, details=True, stream=True
    )

    assert all(event.generated_text is None for event in events)
    assert last.generated_text == whole.generated_text
    assert last.details is not None
    assert last.details.finish_reason == "length"
    assert last.details.generated_tokens == 8
    assert whole.details is not None
    assert [one.token.id for one in (*events, last)] == [
        token.id for token in whole.details.tokens
    ]


def test_it_takes_every_parameter_of_the_client(client: InferenceClient) -> None:
    parameters: dict[str, Any] = {
        "best_of": 2,
        "do_sample": True,
        "frequency_penalty": 0.3,
        "max_new_tokens": 8,
        "repetition_penalty": 1.1,
        "seed": 11,
        "stop": ["\n\n", "¶"],
        "temperature": 0.8,
        "top_k": 20,
        "top_n_tokens": 3,
        "top_p": 0.95,
        "truncate": 4,
        "typical_p": 0.95,
        "watermark": False,
        "details": True,
        "decoder_input_details": True,
    }

    once = client.text_generation(PROMPT, **parameters)
    again = client.text_generation(PROMPT, **parameters)

    assert once == again
    assert len(once.details.prefill) == 4
    assert len(once.details.best_of_sequences) == 1


def test_it_ends_at_a_stop_sequence(client: InferenceClient) -> None:
    whole = client.text_generation(PROMPT, max_new_tokens=8)
    stop = whole[-3:]

    answer = client.text_generation(PROMPT, max_new_tokens=8, stop=[stop], details=True)

    assert answer.details is not None
    assert answer.details.finish_reason == "stop_sequence"
    assert answer.generated_text == whole[: whole.index(stop)]


def test_it_raises_what_the_client_knows(client: InferenceClient) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"temperature": -1}, "temperature"),
        ({"watermark": True}, "watermark"),
        ({"max_new_tokens": 100_000}, "max_new_tokens"),
        ({"grammar": {"type": "regex", "value": "a+"}}, "grammar"),
        ({"adapter_id": "mine"}, "adapters"),
    ]
    for parameters, says in refusals:
        for stream in (False, True):
            with pytest.raises(TextGenerationError, match=says) as raised:
                list(client.text_generation(PROMPT, stream=stream, **parameters))
            assert isinstance(raised.value, ValidationError)


@pytest.mark.parametrize(
    ("address", "api_token", "status"),
    [("/models/neo-tiny", "nro_wrong", 401), ("/models/nobody", None, 404)],
)
def test_it_raises_the_status_where_nothing_else_fits(
    server: LiveServer,
    developer: Account,
    address: str,
    api_token: str | None,
    status: int,
) -> None:
    stranger = InferenceClient(
        model=server.url(address), token=api_token or developer.api_token
    )

    with pytest.raises(HfHubHTTPError, match=r"API token|no model") as raised:
        stranger.text_generation(PROMPT)

    assert raised.value.response.status_code == status


def test_it_describes_the_endpoint(server: LiveServer, developer: Account) -> None:
    """The client asks this of its provider "hf-inference" alone, whose calls it makes
    in the same way."""
    client = InferenceClient(
        model=server.url("/models/neo-tiny"),
        token=developer.api_token,
        provider="hf-inference",
    )

    assert client.health_check()
    info = client.get_endpoint_info()
    assert info["max_total_tokens"] > info["max_best_of"] > 0
    assert client.text_generation(PROMPT, max_new_tokens=2)


def test_it_says_that_a_base_model_does_not_chat(client: InferenceClient) -> None:
    with pytest.raises(HfHubHTTPError, match="has no chat template") as raised:
        client.chat_completion([{"role": "user", "content": "Hi!"}])

    assert raised.value.response.json()["code"] == "chat_not_supported"


def test_it_chats_with_a_model_that_has_a_template(tmp_path: Path) -> None:
    write_chat_checkpoint(tmp_path / "models" / "neo-tiny")
    messages = [{"role": "user", "content": "Hi!"}]
    with start_live_server(tmp_path) as own_server:
        own_server.wait_until_ready()
        account = own_server.create_account("dora", "developer")
        client = InferenceClient(
            model=own_server.url("/models/neo-tiny"), token=account.api_token
        )
        call = {"max_tokens": 8, "temperature": 0}

        answer = client.chat_completion(messages, **call)  # type: ignore[call-overload]
        chunks = client.chat_completion(messages, stream=True, **call)  # type: ignore[call-overload]
        parts = [chunk.choices[0].delta.content or "" for chunk in chunks]
        source = own_server.newest_prediction()["source"]

    assert answer.choices[0].message.content
    assert "".join(parts) == answer.choices[0].message.content
    assert source == "hugging_face"


def test_it_answers_the_asynchronous_client(
    server: LiveServer, developer: Account, client: InferenceClient
) -> None:
    async def ask() -> tuple[str, str, list[str], str]:
        other = AsyncInferenceClient(
            model=server.url("/models/neo-tiny"), token=developer.api_token
        )
        text = await other.text_generation(PROMPT, max_new_tokens=8)
        answer = await other.text_generation(PROMPT, max_new_tokens=8, details=True)
        stream = await other.text_generation(PROMPT, max_new_tokens=8, stream=True)
        parts = [part async for part in stream]
        with pytest.raises(ValidationError) as raised:
            await other.text_generation(PROMPT, temperature=-1)
        return text, answer.generated_text, parts, str(raised.value)

    text, generated_text, parts, refusal = asyncio.run(ask())

    assert text == generated_text == "".join(parts)
    assert text == client.text_generation(PROMPT, max_new_tokens=8)
    assert "temperature" in refusal
