"""``python -m tests.support.victim``: index runs that are killed at a given exchange with the database.

Reads one JSON line per run, ``{"url", "root", "at", "moment"}``, forks a process that does the run and is killed
(SIGKILL) before its exchange number ``at`` is sent or after it was answered, and prints ``{"killed", "exchanges"}``:
whether it was, and how many exchanges it had. Every statement, BEGIN and COMMIT is an exchange.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from daemon import log
from daemon.index.parse import parse
from daemon.index.roletable import table_of
from daemon.index.sync import sync
from daemon.settings import IndexSettings, LogSettings
from db import connection
from db.session import Database

SETTINGS = IndexSettings(workers=1, batch_files=2)


def deadly(at: int, moment: str) -> list[int]:
    """From now on exchange ``at`` kills this process; the list holds the number of exchanges so far."""
    count = [0]
    wait = connection.PatientConnection.wait

    async def counted(self: Any, gen: Any, *arguments: Any, **named: Any) -> Any:
        count[0] += 1
        if count[0] == at and moment == "request":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await wait(self, gen, *arguments, **named)
        if count[0] == at and moment == "answer":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    connection.PatientConnection.wait = counted  # type: ignore[method-assign]
    return count


async def index(url: str, root: Path) -> None:
    """One run."""
    db = Database(url, name="victim", pool_size=3)
    try:
        await sync(db, root, "tree", SETTINGS, prune=True)
    finally:
        await db.close()


def main() -> None:
    """Serve until the input ends; what is slow to load is loaded once, before the first fork."""
    log.setup(LogSettings(level="error"))
    table_of()
    assert parse is not None
    for line in sys.stdin:
        asked = json.loads(line)
        out, told = os.pipe()
        child = os.fork()
        if child == 0:
            count = deadly(asked["at"], asked["moment"])
            asyncio.run(index(asked["url"], Path(asked["root"])))
            os.write(told, str(count[0]).encode())
            os._exit(0)
        os.close(told)
        _, status = os.waitpid(child, 0)
        exchanges = int(os.read(out, 20) or b"0")
        os.close(out)
        killed = os.WIFSIGNALED(status)
        if not killed and status:
            raise SystemExit(f"the run ended with {status}")
        sys.stdout.write(json.dumps({"killed": killed, "exchanges": exchanges}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
