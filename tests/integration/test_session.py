"""The pool when its connections fail: cut, silent, or led into nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from db.errors import DatabaseUnreachable
from db.session import Database, Timeouts
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
