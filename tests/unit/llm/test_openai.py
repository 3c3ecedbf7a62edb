"""What OpenAI's border does with answers that the double never gives."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from daemon.errors import (
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    PromptTooLong,
)
from daemon.llm.base import Completion, Finish, Prompt
from daemon.llm.openai import OpenAIEmbedder, OpenAIModel
from daemon.settings import EmbedderSettings, EndpointSettings, TextModelSettings
from tests.unit.llm.canned import Canned, answer, canned, events


def chunk(text: str | None = None, reason: str | None = None, **more: object) -> dict[str, Any]:
    return {"id": "1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}], **more}


def whole(text: str | None = "Hello", reason: str | None = "stop", **more: object) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}],
        **more,
    }


def model(url: str, *, key: str | None = None, **changes: Any) -> OpenAIModel:
    endpoint = EndpointSettings(provider="openai", url=url, api_key=None if key is None else SecretStr(key))
    given = {"endpoint": "here", "name": "m", "temperature": 0.3, "top_p": 0.9, "timeout_s": 10}
    return OpenAIModel("here", endpoint, TextModelSettings(**{**given, **changes}))


async def ask(server: Canned, **changes: Any) -> Completion:
    asked = model(server.url, **changes)
    try:
        return await asked.complete(Prompt(system="s", user="u"))
    finally:
        await asked.close()


async def test_a_server_that_tells_no_usage() -> None:
    async with canned(events(chunk("Hello"), chunk(None, "stop"))) as server:
        got = await ask(server)
    assert (got.text, got.finish, got.prompt_tokens, got.output_tokens) == ("Hello", Finish.STOP, None, None)


async def test_usage_may_come_with_the_last_piece_or_after_it() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    async with canned(
        events(chunk("Hello"), chunk(None, "stop", usage=usage)),
        events(chunk("Hello"), chunk(None, "stop"), {"id": "1", "choices": [], "usage": usage}),
        answer(whole(usage=usage)),
    ) as server:
        got = [await ask(server), await ask(server), await ask(server, stream=False)]
    assert [(one.text, one.prompt_tokens, one.output_tokens) for one in got] == [("Hello", 7, 9)] * 3


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (events(chunk("Hello"), done=False), ModelFailed),
        (events(chunk("Hello")), ModelFailed),  # no reason
        (events(), ModelFailed),
        (events(chunk("Hello"), {"error": {"message": "boom", "type": "server_error"}}), ModelFailed),
        (events(chunk("x"), chunk(None, "content_filter")), ModelRefused),
        (answer(b"<html></html>", media="text/html"), ModelFailed),
        (answer({"error": {"message": "too big", "code": "context_length_exceeded"}}, status=400), PromptTooLong),
        (answer({"error": {"message": "no", "type": "exceed_context_size_error"}}, status=400), PromptTooLong),
        (answer({"object": "error", "message": "maximum context length is 4096"}, status=400), PromptTooLong),
        (answer({"detail": "temperature must be below 2"}, status=422), ModelRefused),
        (answer(b"Request Entity Too Large", status=413, media="text/plain"), PromptTooLong),
        (answer(b"Not Found", status=404, media="text/plain"), ModelMissing),
        (answer(b"Bad Gateway", status=502, media="text/html"), ModelUnavailable),
        (answer(b"Gateway Timeout", status=504, media="text/html"), ModelTimeout),
        (answer({"error": {"message": "denied"}}, status=403), ModelRefused),
    ],
)
async def test_every_odd_answer_has_its_error(reply: bytes, expected: type[ModelError]) -> None:
    async with canned(reply) as server:
        with pytest.raises(ModelError) as caught:
            await ask(server)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "reply",
    [answer({}), answer({"choices": None}), answer({"choices": []}), answer([]), answer(b"{"), answer("text"),
     answer(b"hello", media="text/plain"), answer({"choices": [{"message": None}]})],
)  # fmt: skip
async def test_every_odd_whole_answer_has_its_error(reply: bytes) -> None:
    async with canned(reply) as server:
        with pytest.raises(ModelFailed):
            await ask(server, stream=False)


async def test_an_answer_without_content_is_empty() -> None:
    async with canned(answer(whole(None))) as server:
        assert (await ask(server, stream=False)).text == ""


@pytest.mark.parametrize(
    ("path", "asked_at"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/llm", "/llm/v1/chat/completions"),
        ("/api/v1", "/api/v1/chat/completions"),
        ("/v1beta/openai", "/v1beta/openai/chat/completions"),
    ],
)
async def test_the_version_is_added_where_it_is_missing(path: str, asked_at: str) -> None:
    async with canned(events(chunk("x", "stop"))) as server:
        asked = model(server.url + path)
        await asked.complete(Prompt(system="s", user="u"))
        await asked.close()
    assert server.requests[0].path == asked_at


async def test_the_environment_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "for-somebody-else")
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with canned(events(chunk("x", "stop"))) as server:
        await ask(server)
    assert "for-somebody-else" not in str(server.requests[0].headers)
    assert "authorization" not in server.requests[0].headers


async def test_a_configured_key_is_sent_and_never_shown() -> None:
    async with canned(events(chunk("x", "stop")), answer({"error": {"message": "bad s3cret"}}, status=400)) as server:
        await ask(server, key="s3cret")
        with pytest.raises(ModelError) as caught:
            await ask(server, key="s3cret")
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(caught.value)


async def test_a_server_that_wants_the_newer_name_of_the_limit_gets_it_from_then_on() -> None:
    refusal = answer(
        {"error": {"message": "Unsupported parameter: use 'max_completion_tokens' instead.", "param": "max_tokens"}},
        status=400,
    )
    async with canned(refusal, events(chunk("x", "stop"))) as server:
        asked = model(server.url, output_tokens=77)
        before = dict(asked.options)
        await asked.complete(Prompt(system="s", user="u"))
        await asked.complete(Prompt(system="s", user="u"))
        assert dict(asked.options) == before  # options are part of what a text was made from
        await asked.close()
    limits = [{k: v for k, v in request.body.items() if "max_" in k} for request in server.requests]
    assert limits == [{"max_tokens": 77}, {"max_completion_tokens": 77}, {"max_completion_tokens": 77}]


async def test_a_refusal_is_not_tried_again() -> None:
    async with canned(answer({"error": {"message": "no"}}, status=400)) as server:
        with pytest.raises(ModelRefused):
            await ask(server)
        with pytest.raises(ModelRefused):
            await ask(server)
    assert len(server.requests) == 2


async def test_nothing_is_tried_again_behind_our_back() -> None:
    async with canned(answer({"error": {"message": "busy"}}, status=503, headers="retry-after: 7\r\n")) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await ask(server)
    assert len(server.requests) == 1
    assert caught.value.retry_after == 7


async def test_a_server_without_a_list_of_models_is_taken_on_trust() -> None:
    async with canned(answer(b"Not Found", status=404, media="text/plain")) as server:
        asked = model(server.url)
        health = await asked.check()
        await asked.close()
    assert health.ok
    assert "on trust" in health.summary


@pytest.mark.parametrize("listed", [{"data": None}, {"data": [{}]}, [], {"data": {}}, "text"])
async def test_health_never_raises(listed: object) -> None:
    async with canned(answer(listed)) as server:
        asked = model(server.url)
        health = await asked.check()
        await asked.close()
    assert not health.ok


async def test_vectors_come_back_in_the_order_of_the_texts() -> None:
    data = [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [2, 0]}]
    async with canned(answer({"object": "list", "data": data})) as server:
        endpoint = EndpointSettings(provider="openai", url=server.url)
        embedder = OpenAIEmbedder(
            "here", endpoint, EmbedderSettings(provider="openai", endpoint="here", name="e", dims=2)
        )
        assert await embedder.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
        await embedder.close()
    assert server.requests[0].body == {"model": "e", "input": ["a", "b"], "encoding_format": "float"}


@pytest.mark.parametrize("reply", [{"data": None}, {"data": []}, {}, {"data": [{"embedding": None, "index": 0}]}, []])
async def test_odd_vectors(reply: object) -> None:
    async with canned(answer(reply)) as server:
        endpoint = EndpointSettings(provider="openai", url=server.url)
        embedder = OpenAIEmbedder(
            "here", endpoint, EmbedderSettings(provider="openai", endpoint="here", name="e", dims=2)
        )
        with pytest.raises(ModelFailed):
            await embedder.embed(["a"])
        await embedder.close()
