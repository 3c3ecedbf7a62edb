"""Real daemons as processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def a_daemon(
    environment: Mapping[str, str], *arguments: str, log: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`doctown run`; killed at the end of the block if it still lives."""
    with (log or Path(os.devnull)).open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", "run", *arguments, cwd=ROOT, stdout=out, stderr=out,
            env={
                "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
                "XDG_CONFIG_HOME": os.devnull,  # whoever runs the tests may have a configuration
                **environment,
            },
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def command(environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """One command beside the daemons: its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def environment(db_url: str, double_url: str, **settings: object) -> dict[str, str]:
    """A daemon's settings: the double for texts, a scripted embedder, a queue that does not dawdle."""
    values = {
        "DATABASE__URL": db_url,
        "ENDPOINTS__LOCAL__URL": double_url,
        "MODELS__EMBEDDER__PROVIDER": "scripted",
        "MODELS__EMBEDDER__DIMS": 16,
        "QUEUE__POLL_MS": 100,
        "QUEUE__LEASE_S": 3,
        "QUEUE__RESCUE_S": 1,
        "QUEUE__BACKOFF_BASE_S": 0.05,
        "QUEUE__BREAKER_S": 0.1,
        "QUEUE__HEARTBEAT_S": 0.2,
        "LOG__FORMAT": "json",
        **settings,
    }
    return {f"DOCTOWN_{key}": str(value) for key, value in values.items()}


async def eventually(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    """Look until it is so: what another process does can only be looked at."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)
