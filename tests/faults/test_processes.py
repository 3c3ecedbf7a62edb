"""Processes fail: frozen for longer than a lease, blocked, with a wrong clock, poisoned, stopped under load."""

from __future__ import annotations

import asyncio
import signal

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.builders import one, scalar
from tests.support.invariants import Expected
from tests.support.storm import Storm, freeze, kill
from tests.support.yard import Daemon, Yard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MANY = {"QUEUE__MAX_CRASHES": 60, "QUEUE__MAX_ATTEMPTS": 60}
OFTEN = Expected(max_crashes=60, max_attempts=60)


async def held_by(yard: Yard, daemon: Daemon) -> None:
    """Wait until it holds something."""
    await yard.until(
        lambda: scalar(yard.psql, "SELECT count(*) FROM work WHERE lease_owner = %s", daemon.owner) > 0,
        what="a claim",
    )


def busy(yard: Yard, daemon: Daemon) -> bool:
    """Whether it holds something; however slow this machine is just now, there is always something left to do."""
    if yard.unfinished() < 30:
        yard.chunks(20)
    return bool(scalar(yard.psql, "SELECT count(*) FROM work WHERE lease_owner = %s", daemon.owner))


async def test_killed_at_random(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=21, setup=Setup(slots=8, latency_s=0.05), **MANY)
    yard.chunks(150)
    await Storm(yard, {kill: 1}, daemons=3, pause_s=0.3).rage(20)
    await yard.settle()
    all_well(yard, OFTEN)


async def test_zombies_save_nothing(open_yard: OpenYard, all_well: Check) -> None:
    """Frozen for longer than a lease while an answer is under way: what it brings then is not wanted any more."""
    yard = await open_yard(seed=22, setup=Setup(slots=12, latency_s=0.4), **MANY)
    yard.chunks(60)
    storm = Storm(yard, {freeze: 1}, daemons=3)
    await storm.replace()
    for _ in range(5):
        zombie = yard.random.choice(storm.standing)
        await held_by(yard, zombie)
        await freeze(storm, zombie)
        if yard.unfinished() < 20:
            yard.chunks(20)
    await yard.settle()
    all_well(yard, OFTEN)
    assert scalar(yard.psql, "SELECT count(*) FROM audit.work WHERE crashes > was_crashes") > 0


async def test_a_blocked_event_loop(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=23, setup=Setup(slots=12, latency_s=0.3), **MANY)
    yard.chunks(40)
    blocked = await yard.daemon(wrapper=("-m", "tests.support.odd", "0"))
    await yard.daemon()
    for _ in range(3):
        await held_by(yard, blocked)
        blocked.process.send_signal(signal.SIGUSR1)
        rescued = yard.told("rescued from a vanished worker")
        yard.faults["event loop blocked"] += 1
        await yard.until(
            lambda before=rescued: yard.told("rescued from a vanished worker") > before,  # type: ignore[misc]
            what="a rescue",
        )
        yard.chunks(10)
    await yard.settle()
    all_well(yard, OFTEN)


async def test_clocks_that_are_wrong(open_yard: OpenYard, all_well: Check) -> None:
    """An hour ahead, an hour behind, and right: leases are counted by the database's clock alone."""
    yard = await open_yard(seed=24, setup=Setup(slots=12, latency_s=0.2), QUEUE__LEASE_S=60)
    yard.chunks(60)
    for hours in (1, -1, 0):
        await yard.daemon(wrapper=("-m", "tests.support.odd", str(3600 * hours)))
        yard.faults["clock off by an hour"] += bool(hours)
    await yard.settle()
    assert [daemon.events()[0]["time"][:13] for daemon in yard.daemons[:2]] != [
        yard.daemons[2].events()[0]["time"][:13]
    ] * 2
    all_well(yard, Expected(gone=[]))
    assert scalar(yard.psql, "SELECT max(attempts) FROM work") == 1


async def test_a_chunk_that_kills_its_worker_is_given_up(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=25, setup=Setup(slots=12, latency_s=1.0), ENDPOINTS__LOCAL__SLOTS=1)
    chunks = yard.chunks(20)
    poison = chunks[3]
    storm = Storm(yard, {})
    while True:
        await storm.replace()
        row = one(yard.psql, "SELECT state, lease_owner FROM work WHERE chunk_id = %s AND stage = 'coder'", poison)
        if row["state"] == "dead":
            break
        if row["state"] == "done":  # this machine was too slow to kill in time: once more from the beginning
            yard.psql.execute(
                "UPDATE node SET source_code = source_code || ' + 1' "
                "WHERE id = (SELECT node_id FROM chunk WHERE id = %s)", (poison,),
            )  # fmt: skip
        for victim in [
            daemon for daemon in storm.standing if row["lease_owner"] and daemon.owner == row["lease_owner"]
        ]:
            await victim.kill()
            yard.faults["killed by a poisonous chunk"] += 1
        await asyncio.sleep(0.02)
    yard.psql.execute(
        "UPDATE work SET state = 'dead' WHERE chunk_id = %s AND stage = 'embed' AND state <> 'done'", (poison,)
    )
    await storm.replace()
    await yard.settle()
    # Who happens to be held beside it is charged as well: nobody can tell which of them it was.
    all_well(yard, Expected(mortal=chunks))
    row = one(yard.psql, "SELECT state, crashes, error_class FROM work WHERE chunk_id = %s AND stage = 'coder'", poison)
    assert row == {"state": "dead", "crashes": 3, "error_class": "crash"}
    others = "SELECT count(*) FROM work WHERE stage = 'coder' AND chunk_id <> %s AND state = 'done'"
    assert scalar(yard.psql, others, poison) >= 15, "the others went on"


async def test_stopped_under_load_burns_nothing(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=26, setup=Setup(slots=12, latency_s=0.3), QUEUE__LEASE_S=60, QUEUE__GRACE_S=0.5)
    yard.chunks(40)
    storm = Storm(yard, {}, daemons=2)
    for round_ in range(14):
        await storm.replace()
        daemon = storm.standing[round_ % 2]
        await yard.until(lambda daemon=daemon: busy(yard, daemon), what="a claim")  # type: ignore[misc]
        assert await daemon.stop() == 0
        yard.faults["stopped under load"] += 1
    await storm.replace()
    await yard.settle()
    stopped = [daemon.owner for daemon in yard.daemons if daemon.owner is not None]
    all_well(yard, Expected(gone=[], stopped=stopped))
    assert scalar(yard.psql, "SELECT max(attempts) FROM work WHERE state = 'done'") == 1
