"""The ledger as a cache: carried to another database, looked at, and bounded without losing what texts stand on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from daemon.cachefile import CacheReader, CacheWriter
from daemon.errors import CacheFileError
from db import ledger
from db import save as db_save
from db.errors import NotFound
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_draft, a_repository, all_rows, scalar, some_chunks, take
from tests.support.database import with_database
from tests.support.edits import World, a_tree, bring_up
from tests.support.workers import an_app


@pytest.fixture
def other_url(server_url: str, template: str) -> Iterator[str]:
    """A database made anew, with tables and nothing in them."""
    name = f"other_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield with_database(server_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


async def export(db: Database, path: Path, repo: str | None = None) -> int:
    with CacheWriter(path, {}) as writer:
        writer.add_recipes(await ledger.recipes(db))
        async for page in ledger.answers(db, repo):
            writer.add_answers(page)
        return writer.answers


async def take_in(db: Database, path: Path) -> int:
    async with ledger.intake(db) as intake:
        for recipes, answers in CacheReader(path).pages(3):
            await intake.recipes(recipes)
            await intake.answers(answers)
        return intake.taken


async def test_a_database_made_anew_asks_no_model(db: Database, other_url: str, tmp_path: Path) -> None:
    world = World(a_tree(tmp_path / "tree"), tmp_path)
    first = await bring_up(db, world)
    count = await export(db, tmp_path / "ledger.jsonl.zst")
    assert count == first.calls > 20
    other = Database(other_url, name="doctown test")
    try:
        assert await take_in(other, tmp_path / "ledger.jsonl.zst") == count
        assert await take_in(other, tmp_path / "ledger.jsonl.zst") == 0, "twice is once"
        again = await bring_up(other, world)
    finally:
        await other.close()
    assert (again.calls, again.ledger) == (0, first.calls)


async def test_a_bad_file_leaves_nothing_behind(db: Database, psql: Connection, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with CacheWriter(path, {}) as writer:
        writer.add_answers(
            {
                "stage": "coder", "key": str(n), "source_key": "s", "model": "m", "recipe": "r", "output": "x",
                "prompt_fingerprint": "p", "language": "en", "created_at": "2026-01-01",
            }
            for n in range(10)
        )  # fmt: skip
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(CacheFileError, match="cut"):
        await take_in(db, path)
    assert scalar(psql, "SELECT count(*) FROM generation") == 0


async def test_of_each_key_the_newest_and_of_a_repository_what_it_needs(
    db: Database, psql: Connection, tmp_path: Path
) -> None:
    mine, other = a_repository(psql, "mine"), a_repository(psql, "other")
    some_chunks(psql, mine, 2)
    some_chunks(psql, other, 2)
    for number, claim in enumerate(sorted(await take(db, limit=4), key=lambda claim: (claim.repo_id, claim.chunk_id))):
        reused = None if number != 1 else scalar(psql, "SELECT id FROM generation WHERE key = 'first'")
        key = ("first", "first", "third", "third")[number]
        await db_save.save_texts(db, [(claim, a_draft(f"Text {number}.", key=key, reused_from=reused))], worker="w")

    def told(page: list[dict[str, object]]) -> list[tuple[object, object]]:
        return [(row["key"], row["output"]) for row in page]

    assert [row async for page in ledger.answers(db) for row in told(page)] == [
        ("first", "Text 0."), ("third", "Text 3."),
    ]  # fmt: skip
    assert [row async for page in ledger.answers(db, "other") for row in told(page)] == [("third", "Text 3.")]
    found = {(one.repo, one.stage): one for one in await ledger.held(db)}
    assert (found["mine", Stage.CODER].answers, found["mine", Stage.CODER].reused) == (1, 1)
    assert found["mine", Stage.CODER].hit_rate == 0.5
    assert found["other", Stage.CODER].needed == 2
    with pytest.raises(NotFound):
        await ledger.held(db, "nowhere")


# --- what is forgotten ------------------------------------------------------------------------------------


def age(psql: Connection, days: int) -> None:
    psql.execute("UPDATE generation SET created_at = created_at - make_interval(days => %s)", (days,))


async def pruned(db: Database, days: int) -> int:
    before = datetime.now(UTC) - timedelta(days=days)
    dropped, after = 0, 0
    while True:
        count, following = await ledger.prune(db, before, after=after)
        dropped += count
        if following is None:
            return dropped
        after = following


async def test_what_a_text_stands_on_stays(db: Database, psql: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_WINDOW", 2)
    some_chunks(psql, a_repository(psql), 3)
    first, second, third = sorted(await take(db, limit=3), key=lambda claim: claim.chunk_id)
    await db_save.save_texts(db, [(first, a_draft("One.", key="a"))], worker="w")
    origin = scalar(psql, "SELECT id FROM generation")
    await db_save.save_texts(db, [(second, a_draft("One.", key="a", reused_from=origin))], worker="w")
    await db_save.save_texts(db, [(third, a_draft("Three.", key="c"))], worker="w")
    for chunk in (first.chunk_id, third.chunk_id):
        psql.execute(
            "UPDATE node SET source_code = 'x = 2' WHERE id = (SELECT node_id FROM chunk WHERE id = %s)", (chunk,)
        )
    for claim in await take(db, limit=3):
        await db_save.save_texts(db, [(claim, a_draft("New.", key=f"n{claim.chunk_id}"))], worker="w")
    assert await pruned(db, 30) == 0, "nothing is old"
    age(psql, 31)
    assert await pruned(db, 30) == 1
    kept = {row["key"] for row in all_rows(psql, "SELECT key FROM generation")}
    assert kept == {"a", f"n{first.chunk_id}", f"n{third.chunk_id}"}, "the second chunk's text is that of the first row"
    psql.execute("DELETE FROM repository")
    assert await pruned(db, 30) == 4, "of a repository that is gone nothing stands any more"


async def test_what_was_used_again_lately_stays(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    mine, other = await take(db, limit=2)
    await db_save.save_texts(db, [(mine, a_draft("One.", key="a"))], worker="w")
    age(psql, 31)
    origin = scalar(psql, "SELECT id FROM generation")
    await db_save.save_texts(db, [(other, a_draft("One.", key="a", reused_from=origin))], worker="w")
    psql.execute("UPDATE chunk SET content_raw = 'By hand.', raw_fence = NULL")
    assert await pruned(db, 30) == 0
    age(psql, 31)
    assert await pruned(db, 30) == 2


async def test_a_limit_of_size_forgets_the_oldest_first(db: Database, psql: Connection) -> None:
    psql.execute(
        "INSERT INTO generation (repo_id, chunk_id, stage, key, source_key, fence, model, recipe, prompt_fingerprint, "
        "language, output, created_at) SELECT 0, 0, 'coder', 'k' || n, 's', 0, 'm', 'r', 'p', 'en', "
        "(SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 60) m), now() - make_interval(hours => n) "
        "FROM generate_series(1, 3000) n"
    )
    assert await ledger.forget_before(db, keep_days=None, keep_mb=None) is None
    assert await ledger.forget_before(db, keep_days=None, keep_mb=1000) is None
    before = await ledger.forget_before(db, keep_days=None, keep_mb=2)
    assert before is not None
    dropped, _ = await ledger.prune(db, before)
    left = all_rows(
        psql, "SELECT min(created_at) AS oldest, sum(pg_column_size(g.*)) AS bytes, count(*) AS n FROM generation g"
    )
    assert left[0]["n"] == 3000 - dropped
    assert 1.9 * 2**20 < left[0]["bytes"] <= 2 * 2**20
    assert left[0]["oldest"] >= before


async def test_a_daemon_forgets_by_and_by(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    await db_save.save_texts(db, [(claim, a_draft())], worker="w")
    psql.execute("UPDATE chunk SET content_raw = 'By hand.', raw_fence = NULL")
    age(psql, 400)
    await an_app(db).worker()._upkeep.prune_ledger()
    assert scalar(psql, "SELECT count(*) FROM generation") == 0
