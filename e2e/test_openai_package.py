"""The published openai package, given nothing but an address and an API token."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam as Message

from e2e.live_server import Account, LiveServer, start_live_server
from models_app.tests.checkpoints import write_chat_checkpoint

PROMPT = "When I visit Bath I will"
TALK: list[Message] = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "How do you do?"},
]


def client_of(server: LiveServer, account: Account) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=server.url("/v1"), api_key=account.api_token, max_retries=0
    )


def async_client_of(server: LiveServer, account: Account) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=server.url("/v1"), api_key=account.api_token, max_retries=0
    )


@pytest.fixture(scope="module")
def client(server: LiveServer, developer: Account) -> openai.OpenAI:
    return client_of(server, developer)


@pytest.fixture(scope="module")
def chat_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LiveServer, Account]]:
    """One whose Neo-Tiny has a chat template."""
    data = tmp_path_factory.mktemp("chat")
    write_chat_checkpoint(data / "models" / "neo-tiny")
    with start_live_server(data) as server:
        server.wait_until_ready()
        yield server, server.create_account("chatter", "developer")


def test_it_finds_the_models(client: openai.OpenAI) -> None:
    assert "neo-tiny" in [model.id for model in client.models.list()]
    assert client.models.retrieve("neo-tiny").owned_by == "Neuro"


def test_it_completes(client: openai.OpenAI) -> None:
    completion = client.completions.create(
        model="neo-tiny",
        prompt=PROMPT,
        max_tokens=8,
        temperature=0,
        echo=True,
        logprobs=2,
        extra_body={"repetition_penalty": 1.1},
    )

    (choice,) = completion.choices
    assert choice.text.startswith(PROMPT)
    assert choice.finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 8
    assert completion.system_fingerprint
    logprobs = choice.logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert "".join(logprobs.tokens) == choice.text


def test_it_streams_what_it_would_have_answered(client: openai.OpenAI) -> None:
    whole = client.completions.create(
        model="neo-tiny", prompt=[PROMPT, "It was"], max_tokens=8, seed=7
    )
    stream = client.completions.create(
        model="neo-tiny",
        prompt=[PROMPT, "It was"],
        max_tokens=8,
        seed=7,
        stream=True,
        stream_options={"include_usage": True},
    )

    *chunks, last = stream

    for choice in whole.choices:
        parts = [
            one.text
            for chunk in chunks
            for one in chunk.choices
            if one.index == choice.index
        ]
        assert "".join(parts) == choice.text
    assert last.usage == whole.usage
    assert {chunk.system_fingerprint for chunk in chunks} == {whole.system_fingerprint}


def test_it_serves_the_asynchronous_client(
    server: LiveServer, developer: Account
) -> None:
    async def ask() -> tuple[str, str]:
        async with async_client_of(server, developer) as client:
            whole = await client.completions.create(
                model="neo-tiny", prompt=PROMPT, max_tokens=8, seed=7
            )
            stream = await client.completions.create(
                model="neo-tiny", prompt=PROMPT, max_tokens=8, seed=7, stream=True
            )
            parts = [chunk.choices[0].text async for chunk in stream]
            return whole.choices[0].text, "".join(parts)

    whole, streamed = asyncio.run(ask())

    assert whole == streamed


def test_it_gives_up_what_nobody_reads_any_more(
    server: LiveServer, premium: Account, crowd: int
) -> None:
    stream = client_of(server, premium).completions.create(
        model="neo-tiny", prompt=PROMPT, max_tokens=1000, temperature=0, stream=True
    )
    next(iter(stream))
    assert server.running() == crowd + 1

    stream.close()

    server.wait_until_running(crowd)
    assert server.newest_prediction()["source"] == "openai"


def test_it_says_which_models_take_no_conversations(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="neo-tiny", messages=TALK)

    assert caught.value.code == "chat_not_supported"
    assert "/v1/completions" in str(caught.value)


def test_it_refuses_a_wrong_api_token(server: LiveServer) -> None:
    client = openai.OpenAI(base_url=server.url("/v1"), api_key="sk-of-somebody-else")

    with pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_it_chats(chat_server: tuple[LiveServer, Account]) -> None:
    client = client_of(*chat_server)

    whole = client.chat.completions.create(
        model="neo-tiny",
        messages=TALK,
        max_completion_tokens=8,
        seed=7,
        logprobs=True,
        top_logprobs=1,
    )
    chunks = list(
        client.chat.completions.create(
            model="neo-tiny",
            messages=TALK,
            max_completion_tokens=8,
            seed=7,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    (choice,) = whole.choices
    assert choice.message.role == "assistant"
    logprobs = choice.logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(one.token for one in logprobs.content) == choice.message.content
    *deltas, usage = chunks
    assert deltas[0].choices[0].delta.role == "assistant"
    parts = [chunk.choices[0].delta.content or "" for chunk in deltas]
    assert "".join(parts) == choice.message.content
    assert usage.usage == whole.usage


def test_it_chats_asynchronously(chat_server: tuple[LiveServer, Account]) -> None:
    async def talk() -> tuple[str | None, str]:
        async with async_client_of(*chat_server) as client:
            first = await client.chat.completions.create(
                model="neo-tiny", messages=TALK, max_tokens=8, seed=7
            )
            # What was answered goes into the next call as it came.
            answered = cast("Message", first.choices[0].message)
            stream = await client.chat.completions.create(
                model="neo-tiny",
                messages=[*TALK, answered, TALK[1]],
                max_tokens=8,
                stream=True,
            )
            parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return first.choices[0].message.content, "".join(parts)

    first, second = asyncio.run(talk())

    assert first
    assert second
