"""What Ollama's border does with answers that the double never gives."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from daemon.errors import ConfigError, ModelError, ModelFailed, ModelMissing, ModelUnavailable, PromptTooLong
from daemon.llm.base import Completion, Prompt
from daemon.llm.ollama import OllamaEmbedder, OllamaModel
from daemon.settings import EmbedderSettings, EndpointSettings, TextModelSettings
from tests.unit.llm.canned import Canned, answer, canned, lines

PIECE = {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": False}
LAST = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
TAGS = {"models": [{"name": "m:latest", "model": "m:latest", "size": 4_700_000_000, "digest": "0a8c266910232fd3"}]}


def model(url: str, *, key: str | None = None, **changes: Any) -> OllamaModel:
    endpoint = EndpointSettings(provider="ollama", url=url, api_key=None if key is None else SecretStr(key))
    given = {"endpoint": "here", "name": "m", "temperature": 0.3, "top_p": 0.9, "timeout_s": 10}
    return OllamaModel("here", endpoint, TextModelSettings(**{**given, **changes}))


async def ask(server: Canned, **changes: Any) -> Completion:
    asked = model(server.url, **changes)
    try:
        return await asked.complete(Prompt(system="s", user="u"))
    finally:
        await asked.close()


async def test_the_fields_of_a_stream() -> None:
    last = {**LAST, "prompt_eval_count": 26, "eval_count": 282}
    async with canned(lines(PIECE, {**PIECE, "message": {"content": " you"}}, last)) as server:
        got = await ask(server)
    assert (got.text, got.prompt_tokens, got.output_tokens) == ("Hello you", 26, 282)


async def test_the_last_piece_may_lack_its_message_and_its_counts() -> None:
    async with canned(lines(PIECE, {"model": "m", "done": True})) as server:
        got = await ask(server)
    assert (got.text, got.prompt_tokens, got.output_tokens) == ("Hello", None, None)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (lines(PIECE), ModelFailed),  # ends without its last piece
        (lines(PIECE, [1, 2]), ModelFailed),
        (lines(PIECE, "text"), ModelFailed),
        (lines({"message": {"content": 5}, "done": True}), ModelFailed),
        (lines(PIECE, {"error": "llama runner crashed"}), ModelFailed),
        (lines(PIECE, {"error": "input exceeds the available context size"}), PromptTooLong),
        (answer(b"<html>hello</html>", media="text/html"), ModelFailed),
        (answer({"error": "the request exceeds the available context size"}, status=400), PromptTooLong),
        (answer(b"404 page not found", status=404, media="text/plain"), ModelMissing),
        (answer(b"", status=200), ModelFailed),
    ],
)
async def test_every_odd_stream_has_its_error(reply: bytes, expected: type[ModelError]) -> None:
    async with canned(reply) as server:
        with pytest.raises(ModelError) as caught:
            await ask(server)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "reply", [answer([1]), answer(b"{"), answer(PIECE), answer({"done": True, "message": {"content": 1}})]
)
async def test_every_odd_whole_answer_has_its_error(reply: bytes) -> None:
    async with canned(reply) as server:
        with pytest.raises(ModelFailed):
            await ask(server, stream=False)


async def test_a_model_that_rejects_think_is_asked_without_it_from_then_on() -> None:
    refusal = answer({"error": '"m" does not support thinking'}, status=400)
    async with canned(refusal, lines(LAST)) as server:
        asked = model(server.url)
        await asked.complete(Prompt(system="s", user="u"))
        await asked.complete(Prompt(system="s", user="u"))
        await asked.close()
    assert [request.body.get("think") for request in server.requests] == [False, None, None]
    # All else is the same: another option would load the model anew.
    bodies = [{key: value for key, value in request.body.items() if key != "think"} for request in server.requests]
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.parametrize(("setting", "sent"), [("30m", "30m"), ("-1", -1), ("0", 0), ("300", 300), ("-1m", "-1m")])
async def test_keep_alive_without_a_unit_travels_as_a_number(setting: str, sent: object) -> None:
    async with canned(lines(LAST)) as server:
        await ask(server, keep_alive=setting)
    assert server.requests[0].body["keep_alive"] == sent


async def test_the_environment_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("OLLAMA_API_KEY", "for-somebody-else")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with canned(lines(LAST)) as server:
        await ask(server)
    assert "authorization" not in server.requests[0].headers


async def test_a_configured_key_is_sent_and_never_shown() -> None:
    async with canned(lines(LAST), answer({"error": "no such key: s3cret"}, status=400)) as server:
        await ask(server, key="s3cret")
        with pytest.raises(ModelError) as caught:
            await ask(server, key="s3cret")
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(caught.value)
    assert "***" in str(caught.value)


async def test_a_path_in_the_url_is_kept_and_a_password_in_it_is_not_shown() -> None:
    async with canned(answer({"error": "no"}, status=418)) as server:
        asked = model(server.url.replace("//", "//me:pass@") + "/llm/")
        with pytest.raises(ModelError) as caught:
            await asked.complete(Prompt(system="s", user="u"))
        await asked.close()
    assert server.requests[0].path == "/llm/api/chat"
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "there"), [("m", True), ("m:latest", True), ("m:7b", False), ("localhost:5000/m", False)]
)
async def test_a_name_without_a_tag_means_latest(name: str, there: bool) -> None:
    async with canned(answer({"version": "0.5.1"}), answer(TAGS)) as server:
        asked = model(server.url, name=name)
        health = await asked.check()
        await asked.close()
    assert health.ok is there
    if there:
        assert "4.7 GB" in health.summary
        assert "0a8c26691023" in health.summary
        assert "0.5.1" in health.summary
    else:
        assert health.remedy.startswith(f"Run `ollama pull {name}`")


@pytest.mark.parametrize("tags", [{"models": None}, {"models": {}}, {"models": [1]}, [], {"models": [{"name": "m"}]}])
async def test_health_never_raises(tags: object) -> None:
    async with canned(answer({"version": "0.5.1"}), answer(tags)) as server:
        asked = model(server.url)
        health = await asked.check()
        await asked.close()
    assert health.ok is (tags == {"models": [{"name": "m"}]})


async def test_the_digest_of_the_weights() -> None:
    async with canned(answer(TAGS)) as server:
        asked, other = model(server.url), model(server.url, name="other")
        digests = [await asked.digest(), await other.digest()]
        await asked.close()
        await other.close()
    gone = model(server.url)
    assert digests == ["0a8c266910232fd3", None]
    with pytest.raises(ModelUnavailable):
        await gone.digest()
    await gone.close()


PS = {
    "models": [
        {"name": "m:latest", "model": "m:latest", "size": 10, "size_vram": 10, "expires_at": "2026-11-21T20:00:00Z"},
        {"name": "half:7b", "model": "half:7b", "size": 10, "size_vram": 4},
        {"name": "cpu:1b", "model": "cpu:1b", "size": 10, "size_vram": 0},
    ]
}


async def test_what_the_server_holds_in_memory() -> None:
    async with canned(answer(PS), answer({"models": []}), answer({"models": 7})) as server:
        asked = model(server.url)
        held, nothing = await asked.residents(), await asked.residents()
        with pytest.raises(ModelFailed):
            await asked.residents()
        await asked.close()
    assert held is not None
    assert [(one.name, one.size, one.on_gpu, one.spilled) for one in held] == [
        ("m:latest", 10, 10, False), ("half:7b", 10, 4, True), ("cpu:1b", 10, 0, False)
    ]  # fmt: skip
    assert [one.is_called("m") for one in held] == [True, False, False]
    assert nothing == ()
    assert [request.path for request in server.requests] == ["/api/ps"] * 3


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ([[1.0, 0.0]], ModelFailed),  # two texts, one vector
        ([[1.0, 0.0], [0.0, 0.0]], ModelFailed),
        ([[1.0, 0.0], [1.0, None]], ModelFailed),
        ([[1.0, 0.0], [float("nan"), 1.0]], ModelFailed),
        ([[1.0, 0.0], "text"], ModelFailed),
        ([[1.0, 0.0], [1.0]], ConfigError),
        (None, ModelFailed),
    ],
)
async def test_odd_vectors(vectors: object, expected: type[Exception]) -> None:
    async with canned(answer({"embeddings": vectors})) as server:
        endpoint = EndpointSettings(provider="ollama", url=server.url)
        settings = EmbedderSettings(provider="ollama", endpoint="here", name="e", dims=2)
        embedder = OllamaEmbedder("here", endpoint, settings)
        with pytest.raises(expected):
            await embedder.embed(["a", "b"])
        await embedder.close()


async def test_vectors_are_scaled_to_length_one() -> None:
    async with canned(answer({"embeddings": [[3, 4]]})) as server:
        endpoint = EndpointSettings(provider="ollama", url=server.url)
        settings = EmbedderSettings(provider="ollama", endpoint="here", name="e", dims=2)
        embedder = OllamaEmbedder("here", endpoint, settings)
        assert await embedder.embed(["a"]) == [[0.6, 0.8]]
        await embedder.close()
    assert server.requests[0].body == {"model": "e", "input": ["a"], "truncate": True}
