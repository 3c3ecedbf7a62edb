"""The database fails: stopped at once, gone for longer than a lease, sessions ended, read-only, full, out of slots."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.invariants import Expected
from tests.support.proxy import Fate
from tests.support.storm import Storm, breaking, end_sessions, restart
from tests.support.yard import Yard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


async def test_sessions_are_ended(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=11, setup=Setup(slots=8, latency_s=0.03), QUEUE__LEASE_S=60)
    yard.chunks(150)
    await Storm(yard, {end_sessions: 1}, pause_s=0.03).rage(90)
    await yard.settle()
    all_well(yard, Expected(gone=[]))


async def test_lines_are_broken(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=12, setup=Setup(slots=8, latency_s=0.03), DATABASE__STATEMENT_TIMEOUT_MS=1000)
    yard.chunks(150)
    blows = {breaking(Fate.CUT): 6, breaking(Fate.HALF): 1, breaking(Fate.HOLE): 1}
    await Storm(yard, blows, pause_s=0.05).rage(80)
    await yard.settle()
    all_well(yard)


async def test_the_server_is_stopped_at_once(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=13, setup=Setup(slots=8, latency_s=0.05))
    yard.chunks(150)
    await Storm(yard, {restart: 1}, pause_s=0.4).rage(15)
    await yard.settle()
    all_well(yard)


async def test_the_server_is_gone_for_longer_than_a_lease(open_yard: OpenYard, all_well: Check) -> None:
    """Everybody's leases run out, and nobody is taken for dead: what was being written is saved."""
    lease_s = 12
    yard = await open_yard(seed=14, setup=Setup(slots=8, latency_s=1.0), QUEUE__LEASE_S=lease_s)
    yard.chunks(16)
    for _ in range(2):
        await yard.at_work(await yard.daemon())
    await yard.until(lambda: yard.double.in_flight > 2)
    await asyncio.to_thread(yard.server.stop, "immediate")
    await asyncio.sleep(lease_s + 1)
    await asyncio.to_thread(yard.server.start)
    yard.faults["server gone for longer than a lease"] += 1
    await yard.settle()
    all_well(yard, Expected(gone=[]))
    assert len([call for call in yard.double.calls if call.kind == "chat"]) == 32, "every paid answer was saved"


async def test_the_server_is_read_only_for_a_while(open_yard: OpenYard, all_well: Check) -> None:
    """A failover: whoever is connected to what is now a standby must look for the primary again."""
    yard = await open_yard(seed=15, setup=Setup(slots=8, latency_s=0.05), QUEUE__LEASE_S=60)
    yard.chunks(60)
    for _ in range(2):
        await yard.at_work(await yard.daemon())
    name = yard.psql.info.dbname
    for _ in range(3):
        yard.chunks(10)
        before = yard.told("read-only")
        admin(yard, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        yard.terminate(20)
        await yard.until(lambda before=before: yard.told("read-only") > before, what="a refusal")  # type: ignore[misc]
        admin(yard, f"ALTER DATABASE {name} RESET default_transaction_read_only")
        yard.faults["server read-only"] += 1
        await asyncio.sleep(0.5)
    await yard.settle()
    all_well(yard, Expected(gone=[]))


async def test_the_disk_is_full_for_a_while(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=16, setup=Setup(slots=8, latency_s=0.05), QUEUE__LEASE_S=60)
    yard.chunks(60)
    yard.psql.execute(
        "CREATE FUNCTION audit.full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
    )
    for _ in range(2):
        await yard.at_work(await yard.daemon())
    for _ in range(3):
        yard.chunks(10)
        before = yard.told("No space left")
        yard.psql.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON generation FOR EACH STATEMENT EXECUTE FUNCTION audit.full()"
        )
        await yard.until(lambda before=before: yard.told("No space left") > before, what="a refusal")  # type: ignore[misc]
        yard.psql.execute("DROP TRIGGER full_disk ON generation")
        yard.faults["disk full"] += 1
        await asyncio.sleep(0.3)
    await yard.settle()
    all_well(yard, Expected(gone=[]))


async def test_the_server_has_no_connection_left(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=17, setup=Setup(slots=8, latency_s=0.05), QUEUE__LEASE_S=60)
    yard.chunks(60)
    name = yard.psql.info.dbname
    admin(
        yard,
        "DO $$ BEGIN CREATE ROLE tenant LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER DATABASE {name} OWNER TO tenant",
    )
    yard.psql.execute(
        "DO $$ DECLARE one regclass; BEGIN FOR one IN SELECT oid::regclass FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') "
        "LOOP EXECUTE format('ALTER TABLE %s OWNER TO tenant', one); END LOOP; END $$"
    )
    yard.psql.execute("GRANT ALL ON SCHEMA public TO tenant")
    yard.user = "tenant"
    daemons = [await yard.at_work(await yard.daemon()) for _ in range(2)]
    for round_ in range(4):
        yard.chunks(10)
        before = yard.told("too many connections")
        admin(yard, "ALTER ROLE tenant CONNECTION LIMIT 1")
        for daemon in daemons:
            yard.break_links(daemon, Fate.CUT)
        await yard.until(lambda before=before: yard.told("too many connections") > before, what="a refusal")  # type: ignore[misc]
        admin(yard, "ALTER ROLE tenant CONNECTION LIMIT -1")
        yard.faults["no connection left"] += 1
        await asyncio.sleep(0.3 * round_)
    await yard.settle()
    all_well(yard, Expected(gone=[]))


async def test_a_snapshot_is_held_open_and_rows_are_locked_by_others(open_yard: OpenYard, all_well: Check) -> None:
    """Somebody's forgotten transaction: dead rows pile up, and rows that it locked are worked around or waited for."""
    yard = await open_yard(
        seed=18, setup=Setup(slots=8, latency_s=0.02), DATABASE__LOCK_TIMEOUT_MS=300,
        DATABASE__STATEMENT_TIMEOUT_MS=5000,
    )  # fmt: skip
    chunks = yard.chunks(120)
    with psycopg.connect(yard.url) as forgotten, psycopg.connect(yard.url) as locking:
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT count(*) FROM work")
        for _ in range(2):
            await yard.daemon()
        await yard.at_work(yard.daemons[0])
        for _ in range(6):
            victims = yard.random.sample(chunks, 8)
            locking.execute("SELECT id FROM chunk WHERE id = ANY (%s) ORDER BY id FOR UPDATE", (victims,))
            locking.execute("SELECT chunk_id FROM work WHERE chunk_id = ANY (%s) ORDER BY 1 FOR UPDATE", (victims,))
            await asyncio.sleep(0.8)
            locking.rollback()
            yard.faults["rows locked by somebody"] += len(victims)
        yard.faults["snapshot held open"] += 1
        await yard.settle()
    all_well(yard)


def admin(yard: Yard, *statements: str) -> None:
    for statement in statements:
        yard.psql.execute(statement.encode())
