"""The OpenAI double against the documented API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from daemon.doubles import Double, Setup

MODEL = "qwen2.5-coder:14b"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with Double(Setup(protocol="openai")) as double, httpx.AsyncClient(base_url=double.url, timeout=10) as made:
        yield made


def types(value: dict[str, Any]) -> dict[str, type]:
    return {key: type(item) for key, item in value.items()}


def chat(**changes: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Explain."},
        {"role": "user", "content": "```python\ndef add(): ...\n```"},
    ]
    return {"model": MODEL, "messages": messages, **changes}


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_a_whole_answer(client: httpx.AsyncClient) -> None:
    whole = (await client.post("/v1/chat/completions", json=chat())).json()
    assert types(whole) == {"id": str, "object": str, "created": int, "model": str, "choices": list, "usage": dict}
    assert whole["object"] == "chat.completion"
    (choice,) = whole["choices"]
    assert set(choice) == {"index", "message", "logprobs", "finish_reason"}
    assert choice["finish_reason"] == "stop"
    assert types(choice["message"]) == {"role": str, "content": str}
    usage = whole["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_a_stream_of_events(client: httpx.AsyncClient) -> None:
    whole = (await client.post("/v1/chat/completions", json=chat())).json()
    reply = await client.post("/v1/chat/completions", json=chat(stream=True, stream_options={"include_usage": True}))
    assert reply.headers["content-type"].startswith("text/event-stream")
    pieces = events(reply.text)
    assert {piece["object"] for piece in pieces} == {"chat.completion.chunk"}
    assert len({piece["id"] for piece in pieces}) == 1
    *texts, end, usage = pieces
    assert texts[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (
        "".join(piece["choices"][0]["delta"]["content"] for piece in texts) == whole["choices"][0]["message"]["content"]
    )
    assert all(piece["choices"][0]["finish_reason"] is None for piece in texts)
    assert (end["choices"][0]["delta"], end["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (usage["choices"], usage["usage"]) == ([], whole["usage"])


async def test_usage_is_told_only_where_it_is_asked_for_and_known(client: httpx.AsyncClient) -> None:
    unasked = events((await client.post("/v1/chat/completions", json=chat(stream=True))).text)
    assert all("usage" not in piece for piece in unasked)
    async with Double(Setup(protocol="openai", usage=False)) as silent, httpx.AsyncClient(base_url=silent.url) as other:
        whole = (await other.post("/v1/chat/completions", json=chat())).json()
        asked = chat(stream=True, stream_options={"include_usage": True})
        pieces = events((await other.post("/v1/chat/completions", json=asked)).text)
    assert "usage" not in whole
    assert all("usage" not in piece for piece in pieces)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_the_limit_cuts_the_answer(client: httpx.AsyncClient, limit: str) -> None:
    whole = (await client.post("/v1/chat/completions", json=chat(**{limit: 5}))).json()
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/chat/completions", {"model": "x", "messages": []}, 404, "model_not_found"),
        ("/v1/chat/completions", {"messages": []}, 400, None),
        ("/v1/chat/completions", {"model": MODEL, "messages": "text"}, 400, None),
        ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "x " * 10_000}]}, 400,
         "context_length_exceeded"),
        ("/v1/embeddings", {"model": "all-minilm:latest", "input": []}, 400, None),
        ("/v1/embeddings", {"model": "x", "input": "a"}, 404, "model_not_found"),
    ],
)  # fmt: skip
async def test_errors_are_objects(
    client: httpx.AsyncClient, path: str, body: object, status: int, code: str | None
) -> None:
    reply = await client.post(path, json=body)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert error["message"]


async def test_a_message_may_be_a_list_of_parts(client: httpx.AsyncClient) -> None:
    user = {"role": "user", "content": [{"type": "text", "text": "```python\ndef add(): ...\n```"}]}
    plain = (await client.post("/v1/chat/completions", json=chat())).json()
    parts = (await client.post("/v1/chat/completions", json=chat(messages=[chat()["messages"][0], user]))).json()
    assert parts["choices"][0]["message"] == plain["choices"][0]["message"]


async def test_models_and_vectors(client: httpx.AsyncClient) -> None:
    models = (await client.get("/v1/models")).json()
    assert models["object"] == "list"
    assert types(models["data"][0]) == {"id": str, "object": str, "created": int, "owned_by": str}
    reply = (await client.post("/v1/embeddings", json={"model": "all-minilm:latest", "input": ["a", "b"]})).json()
    assert types(reply) == {"object": str, "data": list, "model": str, "usage": dict}
    assert [(row["object"], row["index"], len(row["embedding"])) for row in reply["data"]] == [
        ("embedding", 0, 384),
        ("embedding", 1, 384),
    ]


async def test_a_key_is_demanded_everywhere() -> None:
    setup = Setup(protocol="openai", key="right")
    async with Double(setup) as double, httpx.AsyncClient(base_url=double.url) as client:
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("POST", "/v1/embeddings")):
            body = {"model": MODEL, "messages": [], "input": "a"}
            for header in ({}, {"authorization": "Bearer wrong"}):
                reply = await client.request(method, path, json=body, headers=header)
                assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
            reply = await client.request(method, path, json=body, headers={"authorization": "Bearer right"})
            assert reply.status_code == 200
