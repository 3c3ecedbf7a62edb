"""The way to a server, the border's words, and the timer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from daemon.errors import ModelFailed, ModelTimeout, ModelUnavailable
from daemon.llm.lanes import Lanes, near, proxy_for
from daemon.llm.wire import Border, Patience, retry_after
from tests.unit.llm.canned import answer, canned


def border(key: str | None = None, endpoint: str = "my-gpu.box") -> Border:
    return Border(
        server="Ollama", endpoint=endpoint, url="http://me:pw@gpu:1", model="m", missing="",
        key=None if key is None else SecretStr(key),
    )  # fmt: skip


# --- the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_near"),
    [
        ("http://localhost:11434", True),
        ("http://127.0.0.1:11434", True),
        ("http://[::1]:11434", True),
        ("http://ollama:11434", True),
        ("http://192.168.1.7:8000/v1", True),
        ("http://10.0.0.3", True),
        ("http://gpu.local", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8", False),
        ("https://models.example.org", False),
    ],
)
def test_only_far_servers_may_be_reached_through_a_proxy(
    url: str, is_near: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "")
    assert near(url) is is_near
    assert proxy_for(url) == (None if is_near else "http://proxy:3128")


def test_no_proxy_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    assert proxy_for("https://models.example.org") is None
    assert proxy_for("https://models.example.com") == "http://proxy:3128"


async def test_a_lane_is_used_again_and_given_back_whatever_happens() -> None:
    async with canned(answer({"ok": True})) as server:
        lanes = Lanes(server.url)
        async with httpx.AsyncClient(transport=lanes) as client:
            for _ in range(3):
                await client.get(server.url)
            async with client.stream("GET", server.url) as response:
                await client.get(server.url)  # the first lane is taken
                assert response.status_code == 200
            with pytest.raises(httpx.ConnectError):
                await client.get("http://127.0.0.1:1")
            assert len(lanes._all) == 2
            assert sorted(map(id, lanes._free)) == sorted(map(id, lanes._all))
        assert lanes._all == lanes._free == []


# --- Retry-After --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7), ("0.5", 0.5), ("-3", 0), ("soon", None), ("", None), ("inf", None), ("nan", None)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date() -> None:
    seconds = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert seconds is not None
    assert 80 < seconds <= 90
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


# --- the border ---------------------------------------------------------------------------------------------


def test_messages_name_place_and_model_and_hide_secrets() -> None:
    error = border("s3cret").status(418, "no  s3cret\nhere " + "x" * 1000)
    assert "endpoint my-gpu.box (http://gpu:1), model m" in str(error)
    assert "no *** here" in str(error)
    assert len(str(error)) < 500
    assert "s3cret" not in repr(border("s3cret"))


def test_the_key_s_variable_is_a_name_that_a_shell_takes() -> None:
    assert "DOCTOWN_ENDPOINTS__MY_GPU_BOX__API_KEY" in border().key_remedy


@pytest.mark.parametrize(
    ("error", "answered", "expected"),
    [
        (httpx.ConnectError("refused"), False, ModelUnavailable),
        (httpx.ConnectTimeout(""), False, ModelUnavailable),
        (httpx.ReadError("reset"), False, ModelUnavailable),
        (httpx.ReadError("reset"), True, ModelFailed),
        (httpx.ReadTimeout(""), True, ModelTimeout),
        (httpx.RemoteProtocolError("cut"), True, ModelFailed),
    ],
)
def test_a_broken_connection(error: Exception, answered: bool, expected: type[Exception]) -> None:
    mapped = border().transport(error, answered=answered)
    assert type(mapped) is expected
    assert "my-gpu.box" in str(mapped)


# --- the timer ----------------------------------------------------------------------------------------------


async def test_the_total_limit_holds_however_many_pieces_come() -> None:
    async def pieces_for_ever() -> None:
        async with Patience(border(), 0.05, 10) as patience:
            while True:
                await asyncio.sleep(0)
                patience.piece()

    with pytest.raises(ModelTimeout, match="no whole answer within"):
        await pieces_for_ever()


async def test_a_cancellation_from_outside_is_not_taken_for_a_limit() -> None:
    async def wait() -> None:
        async with Patience(border(), 60, 60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_errors_and_results_pass_through() -> None:
    with pytest.raises(KeyError):
        async with Patience(border(), 60):
            raise KeyError("mine")
    with pytest.raises(TimeoutError) as caught:
        async with Patience(border(), 60):
            raise TimeoutError("somebody else's")
    assert not isinstance(caught.value, ModelTimeout)
