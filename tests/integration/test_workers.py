"""Workers make themselves known, say what they hold, and drain when they are told to."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from daemon.llm.base import Completion, Prompt
from daemon.llm.scripted import ScriptedModel
from daemon.work.loop import Scope
from db import audit
from db import workers as db_workers
from db.audit import Order
from db.errors import NotFound
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_repository, one, scalar, some_chunks, take
from tests.support.processes import eventually
from tests.support.workers import a_worker, an_app


def order(**what: object) -> Order:
    return Order(actor="tester@here", command="drain", filter=what)


async def register(db: Database, host: str = "here", pid: int = 1) -> UUID:
    worker = uuid4()
    await db_workers.register(
        db, db_workers.Registration(id=worker, host=host, pid=pid, version="1", stages=(Stage.CODER,), slots=2)
    )
    return worker


class Held(ScriptedModel):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    async def complete(self, prompt: Prompt) -> Completion:
        self.asked.set()
        await self.let.wait()
        return await super().complete(prompt)


async def test_a_worker_is_listed_while_it_lives_with_what_it_holds(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 1)
    model, stopping = Held(), asyncio.Event()
    worker = a_worker(an_app(db, coder=model), stages=[Stage.CODER])
    running = asyncio.create_task(worker.run(stopping))
    await model.asked.wait()
    await eventually(lambda: scalar(psql, "SELECT count(*) FROM worker WHERE in_flight = 1") == 1)
    (mine,) = await db_workers.presences(db)
    assert (mine.id, mine.state, mine.held, mine.slots) == (worker.owner, "working", 1, 4)
    assert mine.host
    (piece,) = await db_workers.held(db, workers=[worker.owner])
    assert (piece.repo, piece.stage, piece.attempt) == ("shop", Stage.CODER, 1)
    assert piece.since_s is not None
    assert 0 <= piece.since_s < 60
    assert piece.left_s > 0
    model.let.set()
    await eventually(lambda: scalar(psql, "SELECT count(*) FROM work WHERE stage = 'coder' AND state = 'done'") == 1)
    stopping.set()
    await running
    assert await db_workers.presences(db) == [], "who ends cleanly is not listed"


async def test_who_works_for_one_command_alone_is_listed_without_stages(db: Database, psql: Connection) -> None:
    repo, stopping = a_repository(psql), asyncio.Event()
    running = asyncio.create_task(a_worker(an_app(db), scope=Scope(repo_id=repo)).run(stopping))
    await eventually(lambda: scalar(psql, "SELECT count(*) FROM worker") == 1)
    assert [one.stages for one in await db_workers.presences(db)] == [()]
    stopping.set()
    await running


async def test_a_drained_worker_finishes_what_it_holds_and_claims_nothing_more(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 9)
    model, stopping = Held(), asyncio.Event()
    worker = a_worker(an_app(db, coder=model, slots=2), stages=[Stage.CODER])
    running = asyncio.create_task(worker.run(stopping))
    await model.asked.wait()
    await eventually(lambda: scalar(psql, "SELECT count(*) FROM worker") == 1)
    assert await db_workers.drain(db, order(all=True), None, draining=True) == [worker.owner]
    await eventually(lambda: not worker._gate.open)
    assert scalar(psql, "SELECT drained_at IS NULL FROM worker"), "it holds something still"
    model.let.set()
    await eventually(lambda: scalar(psql, "SELECT drained_at IS NOT NULL FROM worker"))
    written = scalar(psql, "SELECT count(*) FROM generation")
    assert 0 < written < 9
    assert one(psql, "SELECT count(*) FROM work WHERE state = 'leased'") == {"count": 0}
    some_chunks(psql, repo, 1)
    await eventually(lambda: scalar(psql, "SELECT seen_at > drained_at + interval '0.3 s' FROM worker"))
    assert scalar(psql, "SELECT count(*) FROM generation") == written, "polls have gone by, nothing was claimed"

    await db_workers.drain(db, order(all=True, undo=True), None, draining=False)
    await eventually(lambda: scalar(psql, "SELECT count(*) FROM generation") == 10)
    stopping.set()
    await running


async def test_a_name_is_a_number_a_host_or_host_and_pid(db: Database) -> None:
    first, second, third = await register(db, "a", 1), await register(db, "a", 2), await register(db, "b", 1)
    for name, meant in ((str(first)[:8], [first]), ("a:2", [second]), ("a", [first, second]), ("b", [third])):
        assert await db_workers.drain(db, order(), [name], draining=True) == meant
    with pytest.raises(NotFound, match="'c'"):
        await db_workers.drain(db, order(), ["a", "c"], draining=False)
    assert all(one.draining for one in await db_workers.presences(db)), "a wrong name changes nothing"
    assert len(await audit.entries(db, limit=9)) == 4


async def test_who_was_not_seen_has_vanished_and_is_forgotten_in_the_end(db: Database, psql: Connection) -> None:
    worker = await register(db)
    psql.execute("UPDATE worker SET seen_at = clock_timestamp() - interval '1 minute'")
    (found,) = await db_workers.presences(db)
    assert (found.state, found.alive) == ("vanished", False)
    assert await db_workers.drain(db, order(all=True), None, draining=True) == []
    assert await db_workers.beat(db, worker, slots=2, in_flight=0, at_rest=False) is False, "it was only asleep"
    psql.execute("UPDATE worker SET seen_at = clock_timestamp() - interval '2 days'")
    await register(db, "other")
    assert [one.host for one in await db_workers.presences(db)] == ["other"]
    assert await db_workers.beat(db, worker, slots=2, in_flight=0, at_rest=False) is None, "it has to register again"


async def test_leases_of_who_never_registered_are_shown(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    await take(db, limit=2)
    (found,) = await db_workers.presences(db)
    assert (found.state, found.host, found.held) == ("unregistered", None, 2)
    assert [piece.since_s for piece in await db_workers.held(db)] == [None, None]
