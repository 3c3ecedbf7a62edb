"""One suite for every embedder: vectors of one length, of norm 1, in the order of the texts."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from daemon.errors import (
    ConfigError,
    ModelBusy,
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelTimeout,
    ModelUnavailable,
)
from daemon.llm.base import Embedder
from daemon.llm.sentence_transformers import SentenceTransformersEmbedder
from daemon.settings import EmbedderSettings
from tests.contract.rigs import EMBEDDER, HttpRig, ScriptedEmbedderRig, http_rig

HTTP = ("ollama", "openai")
TEXTS = ["get the user by his name", "fetch a user by name", "bananas are yellow", "", "ещё один текст"]


class EmbedderRig(Protocol):
    """A provider of vectors."""

    def embedder(self, **changes: Any) -> Embedder:
        """An embedder whose settings differ from the usual ones by ``changes``."""
        ...


class LocalRig:
    """The model in this process."""

    def embedder(self, **changes: Any) -> Embedder:
        """The shipped weights."""
        return SentenceTransformersEmbedder(EmbedderSettings(**{"batch": 4, **changes}))


@pytest.fixture
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[EmbedderRig]:
    if request.param == "sentence-transformers":
        yield LocalRig()
    elif request.param == "scripted":
        yield ScriptedEmbedderRig()
    else:
        async with http_rig(request.param) as made:
            yield made


@pytest.fixture
async def http(request: pytest.FixtureRequest) -> AsyncIterator[HttpRig]:
    async with http_rig(request.param) as made:
        yield made


every = pytest.mark.parametrize("rig", ["sentence-transformers", *HTTP, "scripted"], indirect=True)
real = pytest.mark.parametrize("rig", ["sentence-transformers", *HTTP], indirect=True)
over_http = pytest.mark.parametrize("http", HTTP, indirect=True)


def cosine(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


@every
async def test_one_unit_vector_per_text_in_order(rig: EmbedderRig) -> None:
    embedder = rig.embedder()
    vectors = await embedder.embed(TEXTS)
    alone = await embedder.embed(TEXTS[1:2])
    await embedder.close()
    assert len(vectors) == len(TEXTS) > embedder.batch
    assert {len(vector) for vector in vectors} == {embedder.dims} == {384}
    for vector in vectors:
        assert math.sqrt(cosine(vector, vector)) == pytest.approx(1, abs=1e-6)
    # The second text has the second vector, whatever it was sent together with.
    assert cosine(alone[0], vectors[1]) == pytest.approx(1, abs=1e-3)
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.2


@every
async def test_nothing_in_nothing_out(rig: EmbedderRig) -> None:
    embedder = rig.embedder()
    assert await embedder.embed([]) == []
    await embedder.close()


@every
async def test_health_when_all_is_well(rig: EmbedderRig) -> None:
    embedder = rig.embedder()
    health = await embedder.check()
    await embedder.close()
    assert health.ok
    assert embedder.name in health.summary
    assert health.remedy == ""


@real
async def test_another_length_than_configured_names_both(rig: EmbedderRig) -> None:
    embedder = rig.embedder(dims=768)
    with pytest.raises(ConfigError, match=r"384.*768") as caught:
        await embedder.embed(["a text"])
    await embedder.close()
    assert "models.embedder.dims" in caught.value.remedy


@every
async def test_closing_twice(rig: EmbedderRig) -> None:
    embedder = rig.embedder()
    await embedder.embed(["a text"])
    await embedder.close()
    await embedder.close()


@every
async def test_two_at_once_do_not_mix(rig: EmbedderRig) -> None:
    embedder = rig.embedder()
    first, second = await asyncio.gather(embedder.embed(TEXTS[:1]), embedder.embed(TEXTS[2:3]))
    again = await embedder.embed([TEXTS[0], TEXTS[2]])
    await embedder.close()
    assert cosine(first[0], again[0]) == pytest.approx(1, abs=1e-3)
    assert cosine(second[0], again[1]) == pytest.approx(1, abs=1e-3)


# --- over HTTP ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("500", ModelFailed),
        ("503", ModelBusy),
        ("429", ModelBusy),
        ("refuse", ModelUnavailable),
        ("cut", ModelFailed),
        ("garbage", ModelFailed),
        ("hang", ModelTimeout),
    ],
)
@over_http
async def test_every_failure_has_its_error(http: HttpRig, fault: str, expected: type[ModelError]) -> None:
    http.fate(fault)
    embedder = http.embedder(timeout_s=0.3 if fault == "hang" else 20)
    with pytest.raises(ModelError) as caught:
        await embedder.embed(["a text"])
    await embedder.close()
    assert type(caught.value) is expected
    assert EMBEDDER in str(caught.value)
    assert caught.value.retry_after == (1.0 if fault == "429" else None)
    await http.double.until(lambda: http.double.in_flight == 0)


@over_http
async def test_a_model_that_is_not_there(http: HttpRig) -> None:
    embedder = http.embedder(name="nobody")
    health = await embedder.check()
    with pytest.raises(ModelMissing) as caught:
        await embedder.embed(["a text"])
    await embedder.close()
    assert not health.ok
    assert health.remedy == caught.value.remedy != ""


@over_http
async def test_nobody_listens(http: HttpRig) -> None:
    await http.double.stop()
    embedder = http.embedder()
    health = await embedder.check()
    with pytest.raises(ModelUnavailable):
        await embedder.embed(["a text"])
    await embedder.close()
    assert not health.ok


@over_http
async def test_a_cancelled_call_frees_its_slot_at_the_server(http: HttpRig) -> None:
    http.fate("hang")
    double = http.double
    embedder = http.embedder()
    task = asyncio.create_task(embedder.embed(["a text"]))
    await double.until(lambda: double.in_flight == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await double.until(lambda: double.in_flight == 0)
    await embedder.close()


@over_http
async def test_texts_travel_in_batches(http: HttpRig) -> None:
    embedder = http.embedder(batch=2)
    await embedder.embed(["one", "two", "three"])
    await embedder.close()
    assert [call.texts for call in http.double.calls] == [2, 1]


# --- in this process ----------------------------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to find or reach a host, which fails."""
    attempts: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        attempts.append(arguments)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return attempts


async def test_shipped_weights_load_without_a_look_at_the_network(no_network: list[object]) -> None:
    embedder = SentenceTransformersEmbedder(EmbedderSettings())
    assert (await embedder.check()).ok
    assert len(await embedder.embed(["a text"])) == 1
    await embedder.close()
    assert no_network == []


@pytest.mark.parametrize("name", ["nobody-made-this-one", "nobody/made-this-one"])
async def test_weights_that_are_not_here_are_not_fetched(no_network: list[object], name: str) -> None:
    embedder = SentenceTransformersEmbedder(EmbedderSettings(name=name))
    health = await embedder.check()
    with pytest.raises(ModelMissing, match="not on this machine"):
        await embedder.embed(["a text"])
    await embedder.close()
    assert not health.ok
    assert "models.embedder.path" in health.remedy
    assert no_network == []


async def test_a_folder_without_weights(tmp_path: Path) -> None:
    embedder = SentenceTransformersEmbedder(EmbedderSettings(path=tmp_path))
    with pytest.raises(ModelMissing, match="not a folder with a model"):
        await embedder.embed(["a text"])
    (tmp_path / "modules.json").write_text("[{}]")
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        await embedder.embed(["a text"])
    await embedder.close()


async def test_a_device_that_is_not_there() -> None:
    import torch  # noqa: PLC0415 - seconds, and only here

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    embedder = SentenceTransformersEmbedder(EmbedderSettings(device="cuda"))
    with pytest.raises(ConfigError, match="cuda"):
        await embedder.embed(["a text"])
    await embedder.close()


async def test_the_event_loop_stays_free() -> None:
    embedder = SentenceTransformersEmbedder(EmbedderSettings(batch=32))
    await embedder.check()  # loaded
    task = asyncio.create_task(embedder.embed(["word " * 300] * 32))
    for _ in range(10):
        await asyncio.sleep(0)  # would come back only after the vectors, if they were made in this thread
    assert not task.done()
    assert len(await task) == 32
    await embedder.close()


async def test_a_batch_that_takes_too_long() -> None:
    embedder = SentenceTransformersEmbedder(EmbedderSettings(timeout_s=0.001))
    with pytest.raises(ModelTimeout, match=r"0\.001 s"):
        await embedder.embed(["word " * 300] * 8)
    await embedder.close()
