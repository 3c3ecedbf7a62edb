"""The Ollama double against the documented API: every field, its type, and the messages of errors."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from daemon.doubles import Double, Setup
from daemon.doubles.prose import tokens

MODEL = "qwen2.5-coder:14b"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
DETAILS = {"parent_model": str, "format": str, "family": str, "families": list, "parameter_size": str,
           "quantization_level": str}  # fmt: skip
FINAL = {"model": str, "created_at": str, "message": dict, "done": bool, "done_reason": str, "total_duration": int,
         "load_duration": int, "prompt_eval_count": int, "prompt_eval_duration": int, "eval_count": int,
         "eval_duration": int}  # fmt: skip


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    async with Double(Setup(latency_s=0.02)) as made:
        yield made


@pytest.fixture
async def client(double: Double) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=double.url, timeout=10) as made:
        yield made


def types(value: dict[str, Any]) -> dict[str, type]:
    return {key: type(item) for key, item in value.items()}


def chat(**changes: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Explain."},
        {"role": "user", "content": "```python\ndef add(): ...\n```"},
    ]
    return {"model": MODEL, "messages": messages, **changes}


async def test_a_stream_of_pieces_and_figures(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/chat", json=chat())
    assert reply.headers["content-type"] == "application/x-ndjson"
    pieces = [json.loads(line) for line in reply.text.splitlines()]
    assert len(pieces) > 2
    for piece in pieces[:-1]:
        assert types(piece) == {"model": str, "created_at": str, "message": dict, "done": bool}
        assert types(piece["message"]) == {"role": str, "content": str}
        assert piece["message"]["role"] == "assistant"
        assert piece["done"] is False
    assert types(pieces[-1]) == FINAL
    assert pieces[-1]["message"] == {"role": "assistant", "content": ""}
    assert pieces[-1]["done"] is True
    assert pieces[-1]["done_reason"] == "stop"
    assert all(STAMP.fullmatch(piece["created_at"]) for piece in pieces)
    # Nanoseconds: 20 ms of latency, of which the prompt took its share.
    last = pieces[-1]
    assert last["prompt_eval_duration"] + last["eval_duration"] == pytest.approx(20_000_000, rel=0.01)
    assert last["total_duration"] >= 20_000_000


async def test_the_same_in_one_object(client: httpx.AsyncClient) -> None:
    streamed = await client.post("/api/chat", json=chat())
    reply = await client.post("/api/chat", json=chat(stream=False))
    assert reply.headers["content-type"].startswith("application/json")
    whole = reply.json()
    assert types(whole) == FINAL
    pieces = [json.loads(line) for line in streamed.text.splitlines()]
    assert whole["message"]["content"] == "".join(piece["message"]["content"] for piece in pieces)
    assert whole["eval_count"] == pieces[-1]["eval_count"] == tokens(whole["message"]["content"])


async def test_num_predict_cuts_the_answer(client: httpx.AsyncClient) -> None:
    whole = (await client.post("/api/chat", json=chat(stream=False, options={"num_predict": 5}))).json()
    assert whole["done_reason"] == "length"
    assert whole["eval_count"] == 5
    assert tokens(whole["message"]["content"]) == 5


async def test_a_prompt_beyond_num_ctx_is_refused_or_silently_cut(client: httpx.AsyncClient) -> None:
    long = chat(stream=False, options={"num_ctx": 64})
    long["messages"][1]["content"] *= 50
    refused = await client.post("/api/chat", json={**long, "truncate": False})
    cut = (await client.post("/api/chat", json=long)).json()
    assert refused.status_code == 400
    assert "longer than the context length" in refused.json()["error"]
    assert cut["prompt_eval_count"] == 32  # the only trace of what was lost


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "x", "messages": []}, 404, "model 'x' not found"),
        ("/api/embed", {"model": "x", "input": "a"}, 404, "model 'x' not found"),
        ("/api/chat", {"messages": []}, 400, "model is required"),
        ("/api/chat", None, 400, "missing request body"),
        ("/api/chat", {"model": MODEL, "messages": [], "think": True}, 400, f'"{MODEL}" does not support thinking'),
        ("/api/embed", {"model": "all-minilm", "input": 5}, 400, "invalid input type"),
    ],
)
async def test_errors_are_worded_as_ollama_words_them(
    client: httpx.AsyncClient, double: Double, path: str, body: object, status: int, error: str
) -> None:
    reply = await client.post(path, json=body) if body is not None else await client.post(path)
    assert (reply.status_code, reply.json()) == (status, {"error": error})
    assert double.calls[-1].status == status


async def test_think_false_is_taken_unless_the_setup_says_otherwise(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/chat", json=chat(think=False, stream=False))).status_code == 200
    async with Double(Setup(rejects_think=True)) as strict, httpx.AsyncClient(base_url=strict.url) as other:
        refused = await other.post("/api/chat", json=chat(think=False))
    assert refused.status_code == 400
    assert "does not support thinking" in refused.json()["error"]


async def test_lists_of_models(client: httpx.AsyncClient) -> None:
    tags = (await client.get("/api/tags")).json()["models"]
    assert [entry["name"] for entry in tags] == [MODEL, "qwen2.5:14b-instruct", "all-minilm:latest"]
    for entry in tags:
        assert types(entry) == {
            "name": str,
            "model": str,
            "digest": str,
            "details": dict,
            "modified_at": str,
            "size": int,
        }
        assert types(entry["details"]) == DETAILS
        assert re.fullmatch(r"[0-9a-f]{64}", entry["digest"])
    assert (await client.get("/api/ps")).json() == {"models": []}
    await client.post("/api/chat", json=chat())
    (loaded,) = (await client.get("/api/ps")).json()["models"]
    assert types(loaded) == {
        "name": str, "model": str, "digest": str, "details": dict, "size": int, "size_vram": int, "expires_at": str,
        "context_length": int,
    }  # fmt: skip
    assert loaded["name"] == MODEL


async def test_version_show_and_root(client: httpx.AsyncClient) -> None:
    assert types((await client.get("/api/version")).json()) == {"version": str}
    assert (await client.get("/")).text == "Ollama is running"
    shown = (await client.post("/api/show", json={"model": MODEL})).json()
    assert types(shown) == {
        "modelfile": str, "parameters": str, "template": str, "details": dict, "model_info": dict,
        "capabilities": list, "modified_at": str,
    }  # fmt: skip
    assert (await client.post("/api/show", json={"model": "x"})).status_code == 404


async def test_vectors(client: httpx.AsyncClient) -> None:
    one = (await client.post("/api/embed", json={"model": "all-minilm", "input": "Why is the sky blue?"})).json()
    two = (await client.post("/api/embed", json={"model": "all-minilm", "input": ["a", "Why is the sky blue?"]})).json()
    assert types(one) == {
        "model": str, "embeddings": list, "total_duration": int, "load_duration": int, "prompt_eval_count": int,
    }  # fmt: skip
    assert one["model"] == "all-minilm"
    assert one["embeddings"][0] == two["embeddings"][1]
    assert len(one["embeddings"][0]) == 384
    assert sum(value * value for value in one["embeddings"][0]) == pytest.approx(1)


async def test_a_pull_tells_its_progress_and_brings_the_model(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/pull", json={"model": "llama3.2"})
    steps = [json.loads(line) for line in reply.text.splitlines()]
    assert steps[0] == {"status": "pulling manifest"}
    assert [step["status"] for step in steps[-4:]] == [
        "verifying sha256 digest", "writing manifest", "removing any unused layers", "success",
    ]  # fmt: skip
    layers = [step for step in steps if "digest" in step]
    assert layers
    for step in layers:
        assert set(step) - {"completed"} == {"status", "digest", "total"}
        assert step.get("completed", 0) <= step["total"]
    assert (await client.post("/api/chat", json=chat(model="llama3.2", stream=False))).status_code == 200
    assert (await client.post("/api/pull", json={"model": "other", "stream": False})).json() == {"status": "success"}


async def test_unknown_paths_and_methods(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/nothing")).status_code == 404
    assert (await client.get("/api/chat")).status_code == 405
