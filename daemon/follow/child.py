"""A turn in a process of its own: its memory goes when it ends, and nothing it does holds up a daemon's models."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from daemon.config import shared
from daemon.errors import DoctownError, SourceError
from daemon.follow.runs import bring_in_step
from daemon.settings import Settings
from db.errors import StoreError
from db.follow import Origin
from db.parsed import IndexReport
from db.session import Database, Timeouts

_GRACE_S = 10.0
_MODULE = "daemon.follow.child"
_NICE = 5  # models of the same machine go first


async def turn(repo: str, origin: Origin, settings: Settings, url: str) -> dict[str, Any]:
    """Start the process and wait for it; what the run did, in a few numbers.

    ``url`` is the database's. Cancelled, it ends the process; the next turn finishes what was begun. Raises SourceError
    with what the process said.
    """
    order = {"repo": repo, "origin": asdict(origin), "settings": settings.model_dump(mode="json"), "url": url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _MODULE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        answer, _ = await process.communicate(json.dumps(order).encode())
    finally:
        await _end(process)
    try:
        said = json.loads(answer)
    except ValueError:
        raise SourceError(f"the index run ended with {process.returncode} and did not say why") from None
    if "error" in said:
        raise SourceError(said["error"], said["remedy"])
    return dict(said)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_S)
    with suppress(ProcessLookupError, PermissionError):  # its helpers, too
        os.killpg(process.pid, signal.SIGKILL)


async def _work(order: dict[str, Any]) -> dict[str, Any]:
    settings = Settings.model_validate(order["settings"])
    database = settings.database
    timeouts = Timeouts(
        connect_s=database.connect_timeout_s, statement_ms=database.statement_timeout_ms,
        lock_ms=database.lock_timeout_ms, idle_in_transaction_ms=database.idle_in_transaction_timeout_ms,
    )  # fmt: skip
    db = Database(order["url"], name="doctown follow", pool_size=4, timeouts=timeouts)
    try:
        prompts = settings.prompts.folder or shared("prompts")
        running = asyncio.ensure_future(
            bring_in_step(db, order["repo"], Origin(**order["origin"]), settings, prompts=Path(prompts))
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        return _told(await running)
    except (DoctownError, StoreError) as error:
        return {"error": str(error), "remedy": error.remedy}
    except asyncio.CancelledError:
        return {"error": "stopped", "remedy": ""}
    finally:
        await db.close()


def _told(report: IndexReport) -> dict[str, Any]:
    return {
        "files": report.files_seen, "read": report.files_parsed, "removed": report.files_removed,
        "chunks_written": report.chunks_written, "commit": report.commit, "seconds": round(report.seconds, 3),
        "changed": report.changed,
    }  # fmt: skip


def main() -> None:
    """Read the order from stdin, answer on stdout."""
    order = json.load(sys.stdin)
    with suppress(OSError):
        os.nice(_NICE)
    sys.stdout.write(json.dumps(asyncio.run(_work(order))))


if __name__ == "__main__":
    main()
