"""The figures of the queue, and the picture that a person watches."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime

from rich.console import Console

from daemon.cli.watch import Look, curve_of, picture, watch
from db import budget, claim, figures
from db.budget import Limits, Rules
from db.session import Database
from db.types import ErrorClass
from tests.support.builders import Connection, a_repository, some_chunks, take
from tests.support.workers import an_app, work_off

RULES = Rules(everything=Limits(), each=Limits())


def drawn(look: Look | None, *, curve: tuple[int, ...] = (), repo: str | None = None, trouble: str = "") -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(picture(look, curve, repo=repo, trouble=trouble))
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


async def a_look(db: Database) -> Look:
    return Look(
        at=datetime.now(UTC), figures=await figures.look(db), uses=await budget.uses(db, RULES), workers=(), held=()
    )


async def test_unfinished_work_is_counted_by_state_and_lane_with_its_age(db: Database, psql: Connection) -> None:
    shop, other = a_repository(psql, "shop"), a_repository(psql, "other", paused=True)
    rows = some_chunks(psql, shop, 6)
    some_chunks(psql, other, 2)
    psql.execute("UPDATE work SET lane = 0, due_at = now() - interval '1 hour' WHERE chunk_id = %s", (rows[5],))
    held, retried, *_ = [c for c in await take(db, limit=9) if c.chunk_id != rows[5]][:2]
    await claim.fail(db, retried, error_class=ErrorClass.TRANSIENT, error="x", wait_s=60)
    psql.execute(
        "UPDATE work SET state = 'due', lease_owner = NULL, lease_until = NULL WHERE chunk_id NOT IN (%s, %s)",
        (held.chunk_id, retried.chunk_id),
    )
    psql.execute(
        "UPDATE work SET state = 'dead', error_class = 'crash' WHERE chunk_id = %s AND stage = 'coder'", (rows[4],)
    )
    found = await figures.look(db)
    counts = {(one.repo, one.stage, one.lane, one.state): one.count for one in found.pieces if one.stage == "coder"}
    assert counts == {
        ("shop", "coder", 0, "due"): 1, ("shop", "coder", 1, "due"): 2, ("shop", "coder", 1, "leased"): 1,
        ("shop", "coder", 1, "retrying"): 1, ("shop", "coder", 1, "dead"): 1, ("other", "coder", 1, "due"): 2,
    }  # fmt: skip
    (asked,) = [one for one in found.pieces if one.lane == 0 and one.stage == "coder"]
    assert 3600 <= asked.oldest_s < 3700
    assert found.dead_by_class == {("coder", "crash"): 1}
    assert found.paused == {"shop": False, "other": True}
    assert found.workers == {"alive": 0, "draining": 0, "vanished": 0}
    assert {"work", "chunk"} <= {one.table for one in found.tables}
    assert found.wal_bytes > 0


async def test_the_last_minute_is_read_from_the_ledger(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 3)
    await work_off(an_app(db))
    found = await figures.look(db)
    assert found.pieces == ()
    assert (found.recent["shop", "coder"].texts, found.recent["shop", "coder"].written) == (3, 3)
    assert found.recent["shop", "talker"].tokens > 0
    psql.execute("UPDATE generation SET created_at = created_at - interval '2 minutes'")
    assert (await figures.look(db)).recent == {}


async def test_the_picture_says_what_moves_and_why_something_does_not(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 3)
    some_chunks(psql, a_repository(psql, "other"), 1)
    seen = drawn(await a_look(db), curve=(0, 4, 8))
    assert "no daemon is at work" in seen
    assert "shop" in seen
    assert "▄█" in seen
    assert "other" not in drawn(await a_look(db), repo="shop")
    psql.execute("UPDATE control SET paused = true, budget_until = now() + interval '1 h', budget_reason = 'all gone'")
    seen = drawn(await a_look(db), trouble="it fell over")
    assert "everything is paused" in seen
    assert "all gone" in seen
    assert "it fell over" in seen
    assert "waiting for the database" in drawn(None, trouble="nobody there")


async def test_it_is_shown_again_and_again_and_outlives_an_outage(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 1)
    nowhere = Database("postgresql://postgres@/nowhere?host=/nonexistent")
    for database, said in ((db, "shop"), (nowhere, "waiting for the database")):
        console = Console(file=io.StringIO(), width=100, force_terminal=False)
        showing = asyncio.create_task(watch(database, RULES, console, repo=None, every_s=0.01))
        written = console.file
        assert isinstance(written, io.StringIO)
        async with asyncio.timeout(20):
            while written.getvalue().count(said) < 2 and not showing.done():
                await asyncio.sleep(0.01)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        assert said in written.getvalue()
    await nowhere.close()


def test_a_curve_is_as_tall_as_its_largest_value() -> None:
    assert curve_of([]) == curve_of([0, 0]) == ""
    assert curve_of([0, 1, 8]) == " ▁█"
