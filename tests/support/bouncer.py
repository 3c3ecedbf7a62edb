"""A real PgBouncer in transaction mode before a server, where the machine has one."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.processes import eventually

_PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
needs_pgbouncer = pytest.mark.skipif(_PROGRAM is None, reason="no pgbouncer on this machine: apt-get install pgbouncer")

_CONFIG = """
[databases]
* = host={socket} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
server_reset_query =
ignore_startup_parameters =
"""


@asynccontextmanager
async def a_bouncer(url: str, folder: Path, *, pool: int = 3) -> AsyncIterator[int]:
    """The port of a pooler with so few server connections that no session stays with whoever used it before."""
    command, port = _prepared(url, folder, pool)
    with (folder / "pgbouncer.log").open("ab") as out:
        process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out)
    try:
        await eventually(lambda: _answers(port) or process.returncode is not None, within_s=20)
        if process.returncode is not None:
            raise RuntimeError((folder / "pgbouncer.log").read_text(encoding="utf-8"))
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _prepared(url: str, folder: Path, pool: int) -> tuple[list[str], int]:
    """Its command line and its port."""
    if _PROGRAM is None:
        raise RuntimeError("no pgbouncer")
    directory = parse_qs(urlsplit(url).query)["host"][0]
    owner = Path(directory).owner()
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    (folder / "users.txt").write_text('"postgres" ""\n', encoding="utf-8")
    config = folder / "pgbouncer.ini"
    config.write_text(_CONFIG.format(socket=directory, port=port, folder=folder, pool=pool), encoding="utf-8")
    if os.geteuid() != 0:
        return [_PROGRAM, "-q", str(config)], port
    shutil.chown(folder, owner)  # it does not run as root
    for parent in folder.parents:
        if Path(tempfile.gettempdir()) in parent.parents:  # pytest's own folders, which are closed to others
            parent.chmod(parent.stat().st_mode | 0o011)
    return [_PROGRAM, "-u", owner, "-q", str(config)], port


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
