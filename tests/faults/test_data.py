"""The data changes under the workers: sources edited, rows deleted, texts emptied, requeues, noisy neighbours."""

from __future__ import annotations

import asyncio

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.builders import a_repository, scalar, some_chunks
from tests.support.invariants import Expected
from tests.support.processes import command, environment
from tests.support.storm import Storm, edit, kill
from tests.support.yard import Yard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_sources_are_edited_during_the_call(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=41, setup=Setup(slots=8, latency_s=0.1))
    yard.chunks(60)
    storm = Storm(yard, {edit: 12, kill: 1}, pause_s=0.05)
    await storm.rage(80)
    await yard.settle()
    all_well(yard)
    stale = "SELECT count(*) FROM chunk WHERE raw_key IS DISTINCT FROM source_key"
    assert scalar(yard.psql, stale) == 0


async def test_people_with_psql(open_yard: OpenYard, all_well: Check) -> None:
    """Texts emptied, written by hand, chunks deleted, while daemons write them."""
    yard = await open_yard(seed=42, setup=Setup(slots=8, latency_s=0.08))
    chunks = yard.chunks(60)
    for _ in range(2):
        await yard.at_work(await yard.daemon())
    by_hand: dict[int, str] = {}
    for number in range(120):
        chunk = yard.random.choice(chunks)
        kind = yard.random.choice(["empty", "hand", "hand", "delete", "touch"])
        if kind == "empty":
            yard.psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = %s", (chunk,))
            by_hand.pop(chunk, None)
        elif kind == "hand":
            by_hand[chunk] = f"Written by hand, {number}."
            yard.psql.execute("UPDATE chunk SET content_raw = %s WHERE id = %s", (by_hand[chunk], chunk))
        elif kind == "touch":
            yard.psql.execute("UPDATE chunk SET priority = priority WHERE id = %s", (chunk,))
        elif len(chunks) > 40:
            yard.psql.execute("DELETE FROM chunk WHERE id = %s", (chunk,))
            chunks.remove(chunk)
            by_hand.pop(chunk, None)
        yard.faults[f"row changed by hand: {kind}"] += 1
        await asyncio.sleep(yard.random.uniform(0, 0.05))
    await yard.settle()
    all_well(yard, Expected(blanked=True))
    found = dict(
        yard.psql.execute("SELECT id, content_raw FROM chunk WHERE id = ANY (%s)", (list(by_hand),)).fetchall()
    )
    assert found == by_hand, "what a person wrote is never written over"


async def test_requeues_that_meet(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=43, setup=Setup(slots=8, latency_s=0.05))
    chunks = yard.chunks(30)
    await yard.at_work(await yard.daemon())
    settings = environment(yard.url, yard.double.url)
    for _ in range(3):
        said = await asyncio.gather(
            *(command(settings, "requeue", "--stage", "coder", "--all", "--yes") for _ in range(2))
        )
        assert {code for code, _ in said} == {0}, said
        yard.faults["requeue meets requeue"] += 1
    await yard.settle()
    all_well(yard)
    written = scalar(yard.psql, "SELECT count(*) FROM generation WHERE stage = 'coder'")
    assert written <= len(chunks) * 7, "once, and once more for each requeue"


async def test_a_noisy_neighbour(open_yard: OpenYard, all_well: Check) -> None:
    """A small repository beside a large one is served at once, whatever is queued there."""
    yard = await open_yard(seed=44, setup=Setup(slots=4, latency_s=0.02))
    large = a_repository(yard.psql)
    some_chunks(yard.psql, large, 400)
    await yard.at_work(await yard.daemon("--stage", "coder"))
    before = scalar(yard.psql, "SELECT COALESCE(max(n), 0) FROM audit.claimed")
    small = some_chunks(yard.psql, a_repository(yard.psql), 5)
    await yard.until(lambda: served(yard, small) == len(small), what="the small repository")
    between = scalar(
        yard.psql,
        "SELECT count(*) FROM audit.claimed WHERE chunk_id <> ALL (%s) AND n > %s AND n < (SELECT max(n) FROM "
        "audit.claimed WHERE chunk_id = ANY (%s))", small, before, small,
    )  # fmt: skip
    yard.faults["neighbour with 400 pieces"] += 1
    assert between <= 40, f"{between} pieces of the large one went first"
    await yard.settle(stop=False)
    await yard.daemons[0].kill()
    assert served(yard, small) == 5


def served(yard: Yard, chunks: list[int]) -> int:
    """How many of them have their text."""
    return int(scalar(yard.psql, "SELECT count(*) FROM chunk WHERE id = ANY (%s) AND content_raw IS NOT NULL", chunks))
