"""Daemons as processes: killed, stopped, two on one database, beside an index that SQL alone wrote."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx

from daemon.doubles.server import Double
from daemon.doubles.setup import Setup
from tests.support.builders import Connection, a_repository, all_rows, chunk_row, scalar, some_chunks, work_row
from tests.support.processes import ROOT, a_daemon, command, environment, eventually


def unfinished(psql: Connection) -> int:
    return int(scalar(psql, "SELECT count(*) FROM work WHERE state <> 'done'"))


async def test_one_of_two_daemons_is_killed_and_every_chunk_is_done_once(db_url: str, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 40)
    async with Double(Setup(slots=8, latency_s=0.05)) as double:
        settings = environment(db_url, double.url, ENDPOINTS__LOCAL__SLOTS=4)
        async with a_daemon(settings) as victim, a_daemon(settings):
            held = "SELECT count(DISTINCT lease_owner) FROM work WHERE state = 'leased' AND stage <> 'embed'"
            await eventually(lambda: scalar(psql, held) == 2)
            victim.send_signal(signal.SIGKILL)
            await victim.wait()
            await eventually(lambda: unfinished(psql) == 0)
        calls = len(double.calls)
    ledger = all_rows(psql, "SELECT chunk_id, stage, count(*) AS n FROM generation GROUP BY 1, 2")
    assert {(row["chunk_id"], row["stage"]) for row in ledger} == {(c, s) for c in chunks for s in ("coder", "talker")}
    assert {row["n"] for row in ledger} == {1}, "none lost, none doubled"
    again = scalar(psql, "SELECT sum(regenerations) FROM generation")
    assert again == 0
    # In flight, or answered and not saved yet: at most a slot's worth of each.
    assert calls <= 2 * len(chunks) + 8, "only what the victim had under way was asked twice"
    assert scalar(psql, "SELECT count(*) FROM work WHERE crashes > 0") >= 1
    assert scalar(psql, "SELECT count(*) FROM work WHERE saved_fence > fence") == 0


async def test_sigterm_saves_what_is_under_way_and_burns_nothing(db_url: str, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 30)
    async with Double(Setup(slots=4, latency_s=0.2)) as double:
        settings = environment(db_url, double.url, ENDPOINTS__LOCAL__SLOTS=4, QUEUE__LEASE_S=60)
        async with a_daemon(settings, "--stage", "coder") as daemon:
            await eventually(lambda: len(double.calls) >= 6)
            daemon.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(daemon.wait(), 20) == 0
        assert all(call.ended for call in double.calls)
        saved = scalar(psql, "SELECT count(*) FROM generation")
        assert saved == len(double.calls), "every answer that was asked for is saved"
    rows = all_rows(psql, "SELECT state, attempts FROM work WHERE stage = 'coder'")
    assert {(row["state"], row["attempts"]) for row in rows} == {("done", 1), ("due", 0)}


async def test_a_server_that_comes_up_later_is_used(db_url: str, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    async with Double(Setup()) as double:
        url, port = double.url, int(double.url.rsplit(":", 1)[1])
    async with a_daemon(environment(db_url, url)):
        await eventually(lambda: work_row(psql, chunk)["error_class"] == "infrastructure")
        async with Double(Setup(port=port)):
            await eventually(lambda: unfinished(psql) == 0)
    assert work_row(psql, chunk)["attempts"] == 1


async def test_beside_an_index_that_sql_alone_wrote(db_url: str, psql: Connection, tmp_path: Path) -> None:
    """What docs/external-index.md promises, statement by statement."""
    log = tmp_path / "log"
    async with Double(Setup(slots=2)) as double, a_daemon(environment(db_url, double.url), log=log):
        psql.execute("INSERT INTO repository (id, name) VALUES (1, 'shop')")
        psql.execute(
            "INSERT INTO node (id, repo_id, kind, lang, fqn, name, source_code, params) VALUES "
            "(7, 1, 'METHOD', 'kotlin', 'shop.OrderService.place', 'place', 'fun place(o: Order) = repo.save(o)', "
            "'[\"o\"]'), (8, 1, 'CLASS', 'kotlin', 'shop.OrderService', 'OrderService', NULL, '[]')"
        )
        psql.execute("INSERT INTO chunk (id, node_id) VALUES (70, 7), (80, 8)")
        await eventually(lambda: unfinished(psql) == 0 and chunk_row(psql, 70)["content"] is not None)
        first = chunk_row(psql, 70)
        assert first["content_raw"].startswith("### 1. Summary")
        assert chunk_row(psql, 80)["content_raw"] is None, "nothing is written without source"

        psql.execute("UPDATE node SET source_code = 'fun place(o: Order) = repo.store(o)' WHERE id = 7")
        await eventually(lambda: unfinished(psql) == 0)
        second = chunk_row(psql, 70)
        assert second["content_raw"] != first["content_raw"]

        psql.execute("UPDATE chunk SET content_raw = 'By hand.' WHERE id = 70")
        await eventually(lambda: unfinished(psql) == 0 and chunk_row(psql, 70)["content"] != second["content"])
        assert chunk_row(psql, 70)["content_raw"] == "By hand."

        psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = 70")
        await eventually(lambda: unfinished(psql) == 0 and chunk_row(psql, 70)["content_raw"] is not None)

        calls = len(double.calls)
        psql.execute("UPDATE node SET line_start = 3, line_end = 4, fqn = 'store.OrderService.place' WHERE id = 7")
        psql.execute("DELETE FROM node WHERE id = 8")
        found = all_rows(psql, "SELECT fqn, stale FROM docs")
        assert found == [{"fqn": "store.OrderService.place", "stale": False}]
        assert len(double.calls) == calls
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events[:2] == ["database", "started"]


async def test_a_third_of_the_first_answers_in_the_wrong_language(db_url: str, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql, language="ru"), 24)
    async with Double(Setup(slots=8, faults={"english-first": 1 / 3})) as double:
        async with a_daemon(environment(db_url, double.url, ENDPOINTS__LOCAL__SLOTS=8)):
            await eventually(lambda: unfinished(psql) == 0)
        wrong = sum(1 for call in double.calls if call.fault == "english-first")
        calls = len(double.calls)
    assert wrong > 5
    regenerated = scalar(psql, "SELECT sum(regenerations) FROM generation")
    assert (regenerated, calls) == (wrong, 2 * len(chunks) + wrong), "each wrong answer was asked for once more"
    ratios = all_rows(
        psql,
        "SELECT (explain_quality -> s ->> 'language_ratio')::float AS ratio, "
        "explain_quality -> s ->> 'flagged' AS flag "
        "FROM chunk, unnest(ARRAY['coder', 'talker']) AS s",
    )
    assert all(row["ratio"] >= 0.9 and row["flag"] == "false" for row in ratios)


async def test_metrics_and_probes_only_where_a_port_is_set(db_url: str, psql: Connection, tmp_path: Path) -> None:
    some_chunks(psql, a_repository(psql), 2)
    quiet, watched = tmp_path / "quiet", tmp_path / "watched"
    async with Double(Setup(slots=2)) as double:
        settings = environment(db_url, double.url)
        async with a_daemon(settings, "--once", log=quiet) as daemon:
            assert await daemon.wait() == 0
        assert "listening" not in quiet.read_text()
        async with a_daemon({**settings, "DOCTOWN_MONITOR__PORT": "0"}, log=watched):
            await eventually(lambda: '"listening"' in watched.read_text())
            (url,) = [
                event["url"]
                for line in watched.read_text().splitlines()
                if (event := json.loads(line))["event"] == "listening"
            ]
            assert url.startswith("http://127.0.0.1:")
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                assert (await client.get("/livez")).status_code == 200
                answer = await client.get("/readyz")
                assert answer.status_code == 200, answer.text
                assert 'doctown_workers{state="alive"} 1.0' in (await client.get("/metrics")).text


async def test_a_folder_is_watched_until_it_is_told_to_stop(db_url: str, psql: Connection, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text("def first():\n    pass\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "index", str(root), "--watch", "--json", cwd=ROOT,
        env={**environment(db_url, "http://localhost:1"), "PATH": os.environ["PATH"], "HOME": os.devnull},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert json.loads(await process.stdout.readline())["files_parsed"] == 1
            (root / "b.py").write_text("def second():\n    pass\n")
            assert json.loads(await process.stdout.readline())["files_parsed"] == 1
            assert scalar(psql, "SELECT count(*) FROM node WHERE kind = 'FUNCTION'") == 2
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_daemon_follows_a_folder(db_url: str, psql: Connection, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text("def first():\n    pass\n")
    settings = environment(db_url, "http://127.0.0.1:1")
    assert (await command(settings, "follow", str(root), "--every", "1s"))[0] == 0

    def functions() -> int:
        return int(scalar(psql, "SELECT count(*) FROM node WHERE kind = 'FUNCTION'"))

    async with a_daemon(settings) as process:
        await eventually(lambda: functions() == 1)
        (root / "b.py").write_text("def second():\n    pass\n")
        await eventually(lambda: functions() == 2)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert scalar(psql, "SELECT count(*) FROM follow WHERE lease_owner IS NOT NULL") == 0
