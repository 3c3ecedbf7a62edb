"""Every failure of a provider of texts has its error, the same for all of them."""

from __future__ import annotations

import socket

import pytest

from daemon.errors import (
    ModelBusy,
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from daemon.llm.base import Finish
from tests.contract.rigs import (
    HTTP,
    MODEL,
    OPENAI,
    STREAMS,
    Closing,
    HttpRig,
    TextRig,
    http_rig,
    https,
    prompt,
    rigs,
)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("500", ModelFailed),
        ("503", ModelBusy),
        ("429", ModelBusy),
        ("refuse", ModelUnavailable),
        ("cut", ModelFailed),
        ("broken", ModelFailed),
        ("garbage", ModelFailed),
    ],
)
@https(*HTTP)
async def test_every_failure_has_its_error(http: HttpRig, fault: str, expected: type[ModelError]) -> None:
    http.fate(fault)
    async with Closing(http.model()) as model:
        with pytest.raises(ModelError) as caught:
            await model.complete(prompt())
        assert type(caught.value) is expected
        assert "here" in str(caught.value)
        assert MODEL in str(caught.value)
        assert caught.value.retry_after == (1.0 if fault == "429" else None)
        # The connection that broke is not used again.
        assert (await model.complete(prompt())).text


@rigs("scripted")
@pytest.mark.parametrize(("fault", "expected"), [("500", ModelFailed), ("503", ModelUnavailable)])
async def test_a_scripted_error_is_raised(rig: TextRig, fault: str, expected: type[ModelError]) -> None:
    rig.fate(fault)
    with pytest.raises(expected):
        await rig.model().complete(prompt())


@https(*HTTP)
async def test_a_model_that_is_not_there(http: HttpRig) -> None:
    async with Closing(http.model(name="nobody:7b")) as model:
        with pytest.raises(ModelMissing) as caught:
            await model.complete(prompt())
    expected = "ollama pull nobody:7b" if http.provider == "ollama" else f"{http.double.url}/v1/models"
    assert expected in caught.value.remedy


@https(*HTTP)
async def test_nobody_listens(http: HttpRig) -> None:
    await http.double.stop()
    async with Closing(http.model()) as model:
        with pytest.raises(ModelUnavailable) as caught:
            await model.complete(prompt())
    assert "endpoints.here.url" in caught.value.remedy


@https("ollama-stream", "openai-stream")
async def test_a_name_that_leads_nowhere(http: HttpRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with Closing(http.model(url="http://nowhere:11434")) as model:
        with pytest.raises(ModelUnavailable):
            await model.complete(prompt())


@https(*HTTP)
async def test_silence_ends_at_the_time_limit_and_frees_the_slot(http: HttpRig) -> None:
    http.fate("hang")
    async with Closing(http.model(timeout_s=0.3)) as model:
        with pytest.raises(ModelTimeout, match=r"within 0\.3 s"):
            await model.complete(prompt())
        await http.double.until(lambda: http.double.in_flight == 0)
    assert http.double.calls[0].aborted


@https(*STREAMS)
async def test_an_answer_that_stalls_ends_at_the_stall_limit(http: HttpRig) -> None:
    http.fate("stall")
    async with Closing(http.model(stall_s=0.2)) as model:
        with pytest.raises(ModelTimeout, match=r"no further piece of the answer for 0\.2 s"):
            await model.complete(prompt())
        await http.double.until(lambda: http.double.in_flight == 0)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_slow_answer_is_no_stall(name: str) -> None:
    async with http_rig(name, drip_s=0.06, pieces=8) as rig:
        rig.fate("drip")
        # All of it takes longer than the stall limit, no piece does.
        async with Closing(rig.model(stall_s=0.3)) as model:
            answer = await model.complete(prompt())
    assert answer.finish is Finish.STOP
    assert answer.duration_ms > 300


@pytest.mark.parametrize("name", STREAMS)
async def test_waiting_for_the_first_piece_is_no_stall(name: str) -> None:
    async with http_rig(name, load_s=0.4) as rig, Closing(rig.model(stall_s=0.1)) as model:
        assert (await model.complete(prompt())).text


@pytest.mark.parametrize("name", OPENAI)
async def test_a_wrong_key_names_the_variable_and_never_the_key(name: str) -> None:
    async with http_rig(name, key="right") as rig:
        async with Closing(rig.model(key="wr0ng-key")) as model:
            with pytest.raises(ModelRefused) as caught:
                await model.complete(prompt())
            health = await model.check()
        async with Closing(rig.model(key="right")) as model:
            assert (await model.complete(prompt())).text
    assert "DOCTOWN_ENDPOINTS__HERE__API_KEY" in caught.value.remedy
    assert not health.ok
    assert "DOCTOWN_ENDPOINTS__HERE__API_KEY" in health.remedy
    for shown in (str(caught.value), repr(caught.value), caught.value.remedy, health.summary, repr(model)):
        assert "wr0ng-key" not in shown
