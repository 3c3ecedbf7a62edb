"""``python -m daemon.doubles`` as a user starts it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx
import pytest

from daemon.doubles import Setup
from daemon.doubles.__main__ import _parser, _setup, main


async def test_it_prints_its_url_serves_and_stops_when_told(tmp_path: Path) -> None:
    ledger = tmp_path / "calls.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon.doubles", "--protocol", "openai", "--port", "0", "--model", "m",
        "--script", "429,ok", "--retry-after-s", "9", "--ledger", str(ledger), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    assert url.startswith("http://127.0.0.1:")
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
        full, well = [await client.post("/v1/chat/completions", json=body) for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    rest, _ = await process.communicate()
    assert process.returncode == 0
    assert rest == b""
    assert (full.status_code, full.headers["retry-after"], well.status_code) == (429, "9", 200)
    assert [json.loads(line)["status"] for line in ledger.read_text().splitlines()] == [429, 200]


def test_every_setting_has_an_option_with_the_same_default() -> None:
    setup, script = _setup(_parser().parse_args(["--port", "0"]))
    assert setup == Setup()
    assert script == []


def test_faults_are_read_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    setup, script = _setup(_parser().parse_args(["--fault", "empty=0.5", "--fault", "cut", "--script", "500,ok"]))
    assert setup.faults == {"empty": 0.5, "cut": 1.0}
    assert script == ["500", None]
    with pytest.raises(SystemExit):
        main(["--fault", "nonsense=1"])
    assert "nonsense" in capsys.readouterr().err


def test_help_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for word in ("english-first", "garbage", "--slots", "/_double/ledger", "127.0.0.1"):
        assert word in shown


async def test_a_taken_port_is_said_and_ends_it() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon.doubles", "--port", str(port), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    server.close()
    await server.wait_closed()
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in errors.decode()
