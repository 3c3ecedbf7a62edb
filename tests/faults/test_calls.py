"""Nobody hears of new work, or all share a few sessions: the listener alone fails, a pooler is in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.bouncer import a_bouncer, needs_pgbouncer
from tests.support.invariants import Expected
from tests.support.proxy import Fate, Moment, Rule
from tests.support.storm import Storm, breaking, edit, end_sessions, kill, stop
from tests.support.yard import Yard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def listeners(yard: Yard) -> int:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'doctown ear' AND datname = current_database()"
    )
    row = yard.psql.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


async def test_the_listener_alone_is_ended_again_and_again(open_yard: OpenYard, all_well: Check) -> None:
    """It comes back, and what was due meanwhile is found by polling."""
    yard = await open_yard(seed=51, setup=Setup(slots=8, latency_s=0.05), QUEUE__LEASE_S=60, QUEUE__POLL_MS=500)
    await yard.daemon()
    for _ in range(6):
        await yard.until(lambda: listeners(yard) == 1, what="a listener")
        yard.chunks(8)
        assert yard.terminate(who="doctown ear", called="listener ended") == 1
        await asyncio.sleep(0.2)
    await yard.settle()
    all_well(yard, Expected(gone=[]))


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HOLE, Fate.HALF])
async def test_the_line_of_the_listener_breaks(open_yard: OpenYard, all_well: Check, fate: Fate) -> None:
    """Silent lines too: it hears nothing and nobody tells it, and the polls bring the work."""
    yard = await open_yard(seed=52, setup=Setup(slots=8, latency_s=0.05), QUEUE__LEASE_S=60, QUEUE__POLL_MS=500)
    daemon = await yard.daemon()

    async def counted() -> None:
        yard.faults[f"listener's connection {fate}"] += 1

    rule = daemon.proxy.rule(Rule(b"LISTEN", Moment.ANSWER, fate, counted, times=3))
    yard.terminate(who="doctown ear", called="listener ended")
    while rule.fired < rule.times:
        yard.chunks(4)
        await yard.until(lambda: yard.unfinished() == 0, what="work found by polling")
    yard.chunks(20)
    await yard.settle()
    all_well(yard, Expected(gone=[]))
    said = {event["event"] for event in daemon.events()}
    assert "not listening; polling goes on" in said


@needs_pgbouncer
async def test_everything_goes_through_a_pooler(open_yard: OpenYard, all_well: Check, tmp_path: Path) -> None:
    """Transaction mode, four sessions for all daemons; sessions ended, lines cut, daemons killed, the pooler too."""
    yard = await open_yard(seed=53, setup=Setup(slots=8, latency_s=0.05), QUEUE__MAX_ATTEMPTS=40, QUEUE__MAX_CRASHES=20)
    yard.chunks(120)
    blows = {end_sessions: 6, breaking(Fate.CUT): 4, kill: 1, stop: 1, edit: 2}
    for _ in range(2):
        async with a_bouncer(yard.url, tmp_path / "bouncer", pool=4) as port:
            yard.way = ("127.0.0.1", port)
            storm = Storm(yard, blows)
            await storm.rage(20)
            yard.faults["pooler in transaction mode"] += 1
        yard.faults["pooler killed"] += 1  # and with it every line of every daemon
        for daemon in storm.standing:
            await daemon.kill()
    yard.way = None
    await yard.daemon()
    await yard.settle()
    all_well(yard, Expected(max_attempts=40, max_crashes=20))
