"""The pool when its connections fail: cut, silent, or led into nowhere."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from db.connection import PatientConnection
from db.errors import DatabaseBusy, DatabaseUnreachable, StoreError
from db.session import Database, Timeouts
from tests.support.builders import Connection
from tests.support.proxy import Fate, Proxy

SHORT = Timeouts(connect_s=2, statement_ms=400)


@pytest.fixture
async def proxy(db_url: str) -> AsyncIterator[Proxy]:
    """A way to the server that can be broken."""
    folder = parse_qs(urlsplit(db_url).query)["host"][0]
    async with Proxy(str(Path(folder) / ".s.PGSQL.5432")) as between:
        yield between


@pytest.fixture
async def distant(db_url: str, proxy: Proxy) -> AsyncIterator[Database]:
    """A pool of one connection through it."""
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}{urlsplit(db_url).path}"
    database = Database(url, pool_size=1, timeouts=SHORT)
    yield database
    await database.close()


async def one(db: Database) -> int:
    async with db.statement() as connection:
        return int(await connection.scalar(text("SELECT 1")) or 0)


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HOLE, Fate.HALF])
async def test_a_connection_that_broke_in_the_pool_is_replaced(distant: Database, proxy: Proxy, fate: Fate) -> None:
    assert await one(distant) == 1
    (link,) = proxy.breakable()
    link.meet(fate)
    assert await one(distant) == 1


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HOLE, Fate.HALF])
async def test_an_answer_that_never_comes_is_not_waited_for(distant: Database, proxy: Proxy, fate: Fate) -> None:
    async def broken_midway() -> None:
        async with distant.statement() as connection:
            await connection.scalar(text("SELECT 1"))
            for link in proxy.breakable():
                link.meet(fate)
            await connection.scalar(text("SELECT 2"))

    with pytest.raises(DatabaseUnreachable):
        await broken_midway()
    assert await one(distant) == 1, "the pool has another"


async def test_a_server_that_refuses_is_unreachable(distant: Database, proxy: Proxy) -> None:
    proxy.refusing = True
    with pytest.raises(DatabaseUnreachable):
        await one(distant)
    proxy.refusing = False
    assert await one(distant) == 1


async def test_nothing_is_left_in_a_session(distant: Database) -> None:
    """What a pooler in transaction mode demands: no prepared statements."""
    for _ in range(12):
        await one(distant)
    async with distant.statement() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0


async def test_every_session_has_its_limits(distant: Database) -> None:
    limits = "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"
    for block in (distant.statement, distant.read, distant.write):
        async with block() as connection:
            found = [await connection.scalar(text(f"SELECT current_setting('{name}')")) for name in limits]
        assert found == ["400ms", "10s", "1min"]
    assert await distant.limited()


async def test_a_half_open_line_is_noticed_by_the_kernel(distant: Database) -> None:
    async with distant.statement() as connection:
        line = (await connection.get_raw_connection()).driver_connection
        assert isinstance(line, PatientConnection)
        with socket.socket(fileno=os.dup(line.pgconn.socket)) as wire:
            found = {
                name: wire.getsockopt(level, option)
                for name, level, option in (
                    ("on", socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    ("idle", socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                    ("every", socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                    ("times", socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                    ("unsent_ms", socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                )
            }
    assert found == {"on": 1, "idle": 15, "every": 5, "times": 3, "unsent_ms": 20_000}


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(distant: Database) -> None:
    async def too_long() -> None:
        async with distant.statement() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))

    with pytest.raises(DatabaseBusy):
        await too_long()
    assert await one(distant) == 1


async def test_a_transaction_that_does_nothing_is_ended_by_the_server(db_url: str) -> None:
    database = Database(db_url, pool_size=1, timeouts=Timeouts(idle_in_transaction_ms=100))

    async def forgotten() -> None:
        async with database.write() as connection:
            await connection.execute(text("SELECT 1"))
            await asyncio.sleep(0.5)
            await connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnreachable):
        await forgotten()
    await database.close()


async def test_ids_given_by_hand_and_then_given_again(db: Database, psql: Connection) -> None:
    psql.execute("INSERT INTO repository (id, name) VALUES (1, 'by hand')")
    one_more = text("INSERT INTO repository (name) VALUES ('by the database')")
    with pytest.raises(StoreError, match="repository_pkey") as caught:
        async with db.write() as connection:
            await connection.execute(one_more)
    _, _, statement = caught.value.remedy.partition(": ")
    psql.execute(statement.encode())
    async with db.write() as connection:
        await connection.execute(one_more)
