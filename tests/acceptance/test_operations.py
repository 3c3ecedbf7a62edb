"""What an administrator does to running daemons: look, drain, restart one by one, try the dead again."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from daemon.doubles.server import Double
from daemon.doubles.setup import Setup
from tests.acceptance.conftest import Doctown
from tests.support.builders import Connection, a_repository, all_rows, scalar, some_chunks
from tests.support.processes import a_daemon, command, environment, eventually


def unfinished(psql: Connection) -> int:
    return int(scalar(psql, "SELECT count(*) FROM work WHERE state <> 'done'"))


@pytest.mark.timeout(400)
async def test_daemons_are_restarted_one_by_one_under_load(db_url: str, psql: Connection) -> None:
    """Three daemons, each replaced while the others work: nothing lost, doubled, thrown away, burnt or rescued."""
    repo = a_repository(psql)
    chunks = some_chunks(psql, repo, 30)
    async with Double(Setup(slots=6, latency_s=0.1)) as double, AsyncExitStack() as daemons:
        settings = environment(db_url, double.url, ENDPOINTS__LOCAL__SLOTS=2, QUEUE__LEASE_S=60)

        def working(pid: int) -> bool:
            """However slow this machine is just now, there is always something left to do."""
            if scalar(psql, "SELECT count(*) FROM work WHERE stage = 'coder' AND state = 'due'") < 20:
                chunks.extend(some_chunks(psql, repo, 10))
            return bool(scalar(psql, "SELECT count(*) FROM worker WHERE pid = %s AND in_flight > 0", pid))

        async def start() -> asyncio.subprocess.Process:
            process = await daemons.enter_async_context(a_daemon(settings))
            await eventually(lambda: working(process.pid))
            return process

        fleet = [await start() for _ in range(3)]
        for place, old in enumerate(fleet):
            old.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(old.wait(), 30) == 0
            fleet[place] = await start()
        assert unfinished(psql), "they were restarted under load, or this test shows nothing"
        await eventually(lambda: unfinished(psql) == 0)
        calls = len(double.calls)
    ledger = Counter(
        (row["chunk_id"], row["stage"]) for row in all_rows(psql, "SELECT chunk_id, stage FROM generation")
    )
    assert ledger == {(chunk, stage): 1 for chunk in chunks for stage in ("coder", "talker")}
    again = scalar(psql, "SELECT sum(regenerations) FROM generation")
    assert calls == len(ledger) + again, "no answer was asked for twice, none was thrown away"
    assert all_rows(psql, "SELECT DISTINCT attempts, crashes FROM work") == [{"attempts": 1, "crashes": 0}]
    assert scalar(psql, "SELECT count(*) FROM failure") == 0
    assert scalar(psql, "SELECT count(DISTINCT worker) FROM generation") == 6, "all six had a part in it"


async def test_a_drain_waits_for_what_is_in_flight_and_can_be_taken_back(db_url: str, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 150)
    async with Double(Setup(slots=4, latency_s=0.15)) as double:
        settings = environment(db_url, double.url, ENDPOINTS__LOCAL__SLOTS=4)
        async with a_daemon(settings) as daemon:
            await eventually(lambda: len(double.calls) >= 6)
            code, said = await command(settings, "workers", "--json")
            (worker,) = json.loads(said)["workers"]
            assert (code, worker["pid"], worker["state"]) == (0, daemon.pid, "working")
            assert json.loads(said)["held"][0]["repo"] == "shop"
            code, said = await command(settings, "drain", worker["name"], "--reason", "new disk")
            assert (code, f"drained: {worker['name']}" in said) == (0, True), said
            assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'leased'") == 0
            written = scalar(psql, "SELECT count(*) FROM generation")
            assert written == len(double.calls) < 300, "every answer is saved, and there is work left"
            assert daemon.returncode is None, "it stays up"
            code, said = await command(settings, "drain", "--all", "--undo")
            assert (code, "working again" in said) == (0, True)
            await eventually(lambda: scalar(psql, "SELECT count(*) FROM generation") > written)
    audit = all_rows(psql, "SELECT command, reason FROM audit ORDER BY id")
    assert audit == [{"command": "drain", "reason": "new disk"}, {"command": "drain", "reason": None}]


def test_the_dead_are_named_and_tried_again_by_reason(doctown: Doctown, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql, "shop"), 3)
    psql.execute(
        "UPDATE work SET state = 'dead', attempts = 6, error_class = 'permanent', "
        "last_error = 'PromptTooLong: 9000 of 8192 [tokens]' WHERE stage = 'coder'"
    )
    psql.execute("UPDATE work SET error_class = 'crash' WHERE chunk_id = %s", (chunks[0],))
    psql.execute(
        "INSERT INTO failure (repo_id, chunk_id, stage, fence, attempt, state, error_class, error) "
        "SELECT repo_id, chunk_id, stage, 1, 6, 'dead', error_class, last_error FROM work WHERE stage = 'coder'"
    )
    assert [(one["error_class"], one["count"]) for one in doctown("dead", "--json").json] == [
        ("permanent", 2),
        ("crash", 1),
    ]
    assert "9000 of 8192 [tokens]" in doctown("dead").out
    listed = doctown("dead", "list", "--error-class", "permanent", "--json").json
    assert len(listed) == 2
    fqn = listed[0]["fqn"]
    shown = doctown("dead", "show", fqn, "--json").json
    assert shown[0]["failures"][0]["error"].startswith("PromptTooLong")
    assert "PromptTooLong" in doctown("dead", "show", fqn).out
    assert "would requeue: 2 coder" in doctown("dead", "requeue", "--error-class", "permanent", "--dry-run").out
    assert "requeued: 2 coder" in doctown("dead", "requeue", "--error-class", "permanent").out
    assert [one["error_class"] for one in doctown("dead", "--json").json] == ["crash"]
    assert doctown("dead", "show", "nowhere").code == 6
    assert "dead requeue" in doctown("audit").out


def test_workers_and_drain_when_nobody_works(doctown: Doctown) -> None:
    assert "no daemon is at work" in doctown("workers").out
    assert "no worker is alive" in doctown("drain", "--all").out
    assert doctown("drain").code == 2
    assert doctown("drain", "somebody").code == 6


def test_pause_resume_and_weight(doctown: Doctown, psql: Connection) -> None:
    a_repository(psql, "shop")
    assert doctown("pause").code == 2
    assert doctown("pause", "nowhere").code == 6
    assert "paused: shop" in doctown("pause", "shop", "--reason", "because").out
    assert "paused already" in doctown("pause", "shop").out
    assert "paused: everything" in doctown("pause", "--all").out
    assert "everything is paused: " in doctown("status").out
    assert "everything is paused still" in doctown("resume", "shop").out
    doctown("pause", "shop")
    assert "paused by themselves still: shop" in doctown("resume", "--all").out
    assert "paused: shop" in doctown("status").out
    assert "weight of shop: 5 (was 1)" in doctown("weight", "shop", "5").out
    assert doctown("weight", "shop", "0").code == 2
    said = doctown("audit", "--command", "weight").out
    assert "after 5; before 1" in said
    assert "because" in doctown("audit").out


def test_a_budget_holds_the_rest_back_until_it_is_raised(doctown: Doctown, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 6)
    assert doctown("budget", "set").code == 2
    assert doctown("budget", "set", "--calls", "many").code == 2
    assert doctown("budget", "set", "--calls", "-1").code == 2
    assert doctown("budget", "set", "--repo", "nowhere", "--calls", "1").code == 6
    assert "0 of 5" in doctown("budget", "set", "--repo", "shop", "--calls", "5", "--reason", "month end").out
    run = doctown("run", "--once")
    assert (run.code, "texts 5" in run.out) == (0, True), run.out + run.err
    everything, shop = doctown("budget", "--json").json
    assert (everything["calls"], shop["calls"], shop["limits"]["calls"]) == (5, 5, 5)
    assert "shop waits until" in doctown("budget").out
    assert "calls of the day used up: 5 of 5" in doctown("budget").out
    assert "calls of the day used up: 5 of 5" in doctown("status").out
    fqn = scalar(psql, "SELECT fqn FROM node JOIN chunk ON node_id = node.id WHERE content_raw IS NULL LIMIT 1")
    assert "calls of the day used up: 5 of 5" in doctown("show", fqn).out
    assert all_rows(psql, "SELECT DISTINCT attempts FROM work WHERE state = 'due'") == [{"attempts": 0}]
    doctown("budget", "set", "--repo", "shop", "--calls", "unlimited", "--tokens", "1_000_000", "--seconds", "3600.5")
    assert "texts 7" in doctown("run", "--once").out
    assert doctown("budget", "--json").json[1]["limits"] == {"calls": None, "tokens": 1000000, "seconds": 3600.5}
    assert "month end" in doctown("audit").out


def test_a_text_is_written_here_and_now_where_no_daemon_works(doctown: Doctown, psql: Connection) -> None:
    repo = a_repository(psql, "shop")
    some_chunks(psql, repo, 3)
    first, second, third = [row["fqn"] for row in all_rows(psql, "SELECT fqn FROM node ORDER BY id")]
    shown = doctown("show", second, "--now")
    assert shown.code == 0, shown.err
    assert "written here" in shown.err
    assert shown.out.index("For developers") < shown.out.index("In plain words")
    assert "Not written yet" not in shown.out
    assert scalar(psql, "SELECT count(*) FROM generation") == 2, "nothing else was written"
    again = doctown("show", second, "--now")
    assert (again.code, again.err) == (0, ""), "what is there is shown at once"
    page = doctown("show", third, "--now", "--json").json[0]
    assert page["content_raw"]
    assert page["content"]
    psql.execute("UPDATE repository SET paused = true")
    waiting = doctown("show", first, "--now", "--timeout", "0.5")
    assert (waiting.code, "its repository is paused" in waiting.err) == (5, True)
    assert doctown("show", first, "--timeout", "1").code == 2
    assert doctown("show", first, "--now", "--provenance").code == 2
    assert doctown("show", "nowhere", "--now").code == 6


def test_what_was_given_up_is_tried_again_for_who_asks(doctown: Doctown, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql, "shop"), 1)
    fqn = scalar(psql, "SELECT fqn FROM node")
    psql.execute("UPDATE work SET state = 'dead', attempts = 6, crashes = 3 WHERE stage = 'coder'")
    assert doctown("show", fqn, "--now").code == 0
    assert scalar(psql, "SELECT attempts FROM work WHERE chunk_id = %s AND stage = 'coder'", chunk) == 1


async def test_who_asks_is_served_before_a_long_queue(db_url: str, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "noisy"), 200)
    (asked,) = some_chunks(psql, a_repository(psql, "shop"), 1)
    psql.execute("UPDATE work SET priority = 99 WHERE chunk_id = %s", (asked,))
    fqn = scalar(psql, "SELECT fqn FROM node JOIN chunk ON node_id = node.id WHERE chunk.id = %s", asked)
    psql.execute("UPDATE repository SET weight = 1000 WHERE name = 'noisy'")
    async with Double(Setup(slots=2, latency_s=0.2)) as double:
        settings = environment(db_url, double.url, ENDPOINTS__LOCAL__SLOTS=2, QUEUE__LEASE_S=60)
        async with a_daemon(settings):
            await eventually(lambda: len(double.calls) >= 2)
            code, said = await command(settings, "show", fqn, "--now", "--repo", "shop")
            written = scalar(psql, "SELECT count(*) FROM generation")
    assert (code, "In plain words" in said) == (0, True), said
    assert "written here" not in said
    assert written < 400, "it did not wait until all else was done"
    ledger = [
        row["chunk_id"] for row in all_rows(psql, "SELECT chunk_id FROM generation WHERE stage = 'talker' ORDER BY id")
    ]
    assert ledger[:1] == [asked], "its plain words came before those of anybody else"
