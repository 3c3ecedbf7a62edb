"""Behind a real PgBouncer in transaction mode: every transaction another session, no LISTEN, no limits by options."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from daemon.config import shared
from daemon.work.listener import Listener
from db import index as db_index
from db.errors import DatabaseBusy
from db.migrate import standing, upgrade
from db.session import Database, Timeouts
from db.types import Stage
from db.wake import an_ear
from tests.support.bouncer import a_bouncer, needs_pgbouncer
from tests.support.builders import Connection, a_repository, all_rows, scalar, some_chunks
from tests.support.workers import a_worker, an_app, work_off

pytestmark = needs_pgbouncer


@pytest.fixture
async def pooled_url(db_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """The test's database through the pooler."""
    async with a_bouncer(db_url, tmp_path / "bouncer") as port:
        yield f"postgresql://postgres@127.0.0.1:{port}{urlsplit(db_url).path}"


@pytest.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Database]:
    """A pool on the pooler: more connections than it has itself."""
    database = Database(pooled_url, pool_size=8, timeouts=Timeouts(statement_ms=4321, lock_ms=1234))
    yield database
    await database.close()


async def test_workers_do_all_their_work_through_it(pooled: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 30)
    app = an_app(pooled, slots=6)
    await asyncio.gather(*(a_worker(app).once(asyncio.Event()) for _ in range(2)))
    states = all_rows(psql, "SELECT stage, state, count(*) AS n FROM work GROUP BY 1, 2")
    assert sorted((row["stage"], row["state"], row["n"]) for row in states) == [
        ("coder", "done", 30), ("embed", "done", 30), ("talker", "done", 30),
    ]  # fmt: skip
    assert scalar(psql, "SELECT max(attempts) FROM work") == 1


async def test_limits_hold_in_transactions_and_stay_in_none(pooled: Database) -> None:
    limits = text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
    async with pooled.statement() as connection:
        assert tuple((await connection.execute(limits)).one()) == ("0", "0"), "it lets no options through"
    assert not await pooled.limited()
    for block in (pooled.read, pooled.write):
        async with block() as connection:
            assert tuple((await connection.execute(limits)).one()) == ("4321ms", "1234ms")
    for _ in range(4):
        async with pooled.statement() as connection:
            assert tuple((await connection.execute(limits)).one()) == ("0", "0"), "nobody else's session is changed"


async def test_limits_of_the_role_hold_for_single_statements(
    pooled_url: str, psql: Connection, pooled: Database
) -> None:
    name = urlsplit(pooled_url).path.strip("/")
    psql.execute(f"ALTER ROLE postgres IN DATABASE {name} SET statement_timeout = '77s'".encode())
    async with pooled.statement() as connection:
        assert await connection.scalar(text("SELECT current_setting('statement_timeout')")) == "77s"
    assert await pooled.limited()


async def test_one_index_run_at_a_time_and_none_is_locked_out_afterwards(pooled: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    for _ in range(4):
        async with db_index.exclusive(pooled, repo):
            with pytest.raises(DatabaseBusy):
                async with db_index.exclusive(pooled, repo):
                    raise AssertionError
    assert scalar(psql, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_who_listens_through_it_is_deaf_and_says_so_and_polls(
    pooled: Database, pooled_url: str, psql: Connection
) -> None:
    listener = Listener(pooled, pooled_url, lambda: None, deaf_s=0.5)
    stopped = asyncio.Event()
    running = asyncio.create_task(listener.run(stopped))
    async with asyncio.timeout(20):
        while not listener.look().failures:
            await asyncio.sleep(0.02)
    assert not listener.look().hears
    stopped.set()
    await running
    some_chunks(psql, a_repository(psql), 2)
    await work_off(an_app(pooled, stages=[Stage.CODER]), stages=[Stage.CODER])
    assert scalar(psql, "SELECT count(*) FROM work WHERE stage = 'coder' AND state = 'done'") == 2


async def test_who_listens_past_it_hears(pooled: Database, db_url: str) -> None:
    async with an_ear(db_url, name="past the pooler", connect_s=5) as ear:
        assert await ear.hears(pooled, 10)


async def test_migrations_go_through_it(empty_url: str, tmp_path: Path) -> None:
    async with a_bouncer(empty_url, tmp_path / "bouncer") as port:
        url = f"postgresql://postgres@127.0.0.1:{port}{urlsplit(empty_url).path}"
        done = await asyncio.gather(*(asyncio.to_thread(upgrade, url, shared("alembic")) for _ in range(2)))
        assert {after for _, after in done} == {standing(url, shared("alembic")).head}
        assert len({before for before, _ in done}) == 2, "one of them found nothing to do"
