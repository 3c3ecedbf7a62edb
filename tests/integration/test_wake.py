"""Calls for new work: who makes them, who hears them, and that nothing but time is lost when nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from daemon.work.listener import Listener
from db import control as db_control
from db import index as db_index
from db import requeue as db_requeue
from db.audit import Order
from db.errors import DatabaseUnreachable
from db.session import Database
from db.types import Stage
from db.wake import Ear, an_ear, call
from tests.support.builders import Connection, a_repository, some_chunks
from tests.support.proxy import Fate, Proxy
from tests.support.workers import a_worker, an_app

WITHIN_S = 10.0
ORDER = Order(actor="me", command="resume", filter={})


@pytest.fixture
async def ear(db_url: str) -> AsyncIterator[Ear]:
    """Somebody who listens."""
    async with an_ear(db_url, name="test", connect_s=5) as listening:
        yield listening


@asynccontextmanager
async def listening(listener: Listener) -> AsyncIterator[None]:
    stopped = asyncio.Event()
    running = asyncio.create_task(listener.run(stopped))
    try:
        yield
    finally:
        stopped.set()
        await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def a_requeue(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 3)
    await db_requeue.requeue(
        db, [db_requeue.Selection(stage=stage) for stage in (Stage.CODER, Stage.EMBED)], actor="me"
    )


async def a_question(db: Database, psql: Connection) -> None:
    await db_requeue.ask_for(db, some_chunks(psql, a_repository(psql), 1))


async def the_end_of_a_pause(db: Database, psql: Connection) -> None:
    await db_control.pause(db, ORDER, None, paused=True)
    await db_control.pause(db, ORDER, None, paused=False)


async def the_end_of_an_index_run(db: Database, psql: Connection) -> None:
    await db_index.finish(db, a_repository(psql), roles="x")


@pytest.mark.parametrize("what", [a_requeue, a_question, the_end_of_a_pause, the_end_of_an_index_run])
async def test_whoever_makes_work_calls_once(
    db: Database, psql: Connection, ear: Ear, what: Callable[[Database, Connection], Awaitable[None]]
) -> None:
    await what(db, psql)
    assert await ear.hear(WITHIN_S)
    assert not await ear.hear(0.1)


async def test_nobody_is_called_for_a_change_that_is_taken_back(db: Database, ear: Ear) -> None:
    async def taken_back() -> None:
        async with db.write() as connection:
            await call(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await taken_back()
    assert not await ear.hear(0.1)


async def test_calls_that_came_together_are_one_and_none_is_missed_during_a_proof(db: Database, ear: Ear) -> None:
    for _ in range(5):
        async with db.write() as connection:
            await call(connection)
    assert await ear.hears(db, WITHIN_S)
    assert await ear.hear(WITHIN_S)
    assert not await ear.hear(0.1)


async def test_an_ear_on_another_database_is_deaf(db: Database, empty_url: str) -> None:
    async with an_ear(empty_url, name="elsewhere", connect_s=5) as elsewhere:
        assert not await elsewhere.hears(db, 0.3)


async def test_a_worker_that_never_polls_is_woken(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql, "shop"), 3)
    await db_control.pause(db, ORDER, ["shop"], paused=True)
    worker = a_worker(an_app(db, stages=[Stage.CODER], poll_ms=3_600_000))
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run(stopping))

    def heard() -> bool:
        ear = worker.look().listener
        return ear is not None and ear.hears

    await until(heard)
    await db_control.pause(db, ORDER, ["shop"], paused=False)

    def done() -> bool:
        row = psql.execute("SELECT count(*) FROM work WHERE stage = 'coder' AND state = 'done'").fetchone()
        return row == (len(chunks),)

    await until(done)
    seen = worker.look()
    assert seen.woken["notify"] >= 1
    assert seen.listener is not None
    assert (seen.listener.calls, seen.listener.failures) == (1, 0)
    stopping.set()
    await running


async def test_nothing_listens_where_it_is_switched_off(db: Database) -> None:
    assert a_worker(an_app(db, listen=False)).look().listener is None


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HOLE, Fate.HALF])
async def test_an_ear_whose_line_broke_is_replaced(db: Database, db_url: str, fate: Fate) -> None:
    folder = parse_qs(urlsplit(db_url).query)["host"][0]
    wakes: list[None] = []
    async with Proxy(str(Path(folder) / ".s.PGSQL.5432")) as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}{urlsplit(db_url).path}"
        listener = Listener(db, url, lambda: wakes.append(None), check_s=0.3, deaf_s=0.3)
        async with listening(listener):
            await until(lambda: listener.look().hears)
            assert len(wakes) == 1, "for what was called before it listened"
            (link,) = proxy.breakable()
            link.meet(fate)
            await until(lambda: not listener.look().hears)
            async with db.write() as connection:
                await call(connection)
            await until(lambda: listener.look().hears)
            assert len(wakes) >= 2, "for what was called meanwhile"
            assert listener.look().failures >= 1


async def test_a_listener_without_a_server_is_no_worse_than_none(db: Database) -> None:
    listener = Listener(db, "postgresql://postgres@127.0.0.1:1/x", lambda: None, connect_s=1)
    async with listening(listener):
        await until(lambda: listener.look().failures > 0)
    assert not listener.look().hears
    with pytest.raises(DatabaseUnreachable):
        async with an_ear("postgresql://postgres@127.0.0.1:1/x", name="x", connect_s=1):
            raise AssertionError
