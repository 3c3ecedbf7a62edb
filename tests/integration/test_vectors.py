"""From one embedding model to another: filled beside, switched at once, and no search ever compares vectors of two."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from daemon.llm.base import Embedder
from daemon.llm.scripted import ScriptedEmbedder
from daemon.search.hybrid import find
from daemon.work.loop import Scope
from db import search as db_search
from db import vectors
from db.errors import OtherModel
from db.requeue import Selection
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_chunk, a_node, a_repository, all_rows, requeued, scalar
from tests.support.workers import an_app

OLD, NEW = ScriptedEmbedder(name="old", dims=16), ScriptedEmbedder(name="new", dims=16)


async def work(db: Database, embedder: Embedder, *, scope: Scope | None = None, **queue: Any) -> None:
    """As `doctown run --once` does, with this embedder in the configuration."""
    await an_app(db, embedder=embedder, **queue).worker(scope=scope).once(asyncio.Event())


def former(name: str, dims: int, settings: Mapping[str, Any]) -> Embedder | None:
    del settings
    return {"old": OLD, "new": NEW}.get(name) if dims == 16 else None


def standing(psql: Connection) -> dict[str, tuple[bool, int]]:
    """By model whether it is searched, and of how many chunks it has vectors."""
    rows = all_rows(
        psql,
        "SELECT m.name, m.active, count(DISTINCT e.chunk_id) AS chunks FROM embedding_model m "
        "LEFT JOIN embedding e ON e.model_id = m.id GROUP BY 1, 2",
    )
    return {row["name"]: (row["active"], row["chunks"]) for row in rows}


@pytest.fixture
async def half(db: Database, psql: Connection) -> int:
    """Two repositories embedded by the old model; the first by the new one too. The number of the second."""
    repos = [a_repository(psql, name) for name in ("one", "two")]
    for repo in repos:
        for number in range(3):
            a_chunk(psql, a_node(psql, repo, fqn=f"shop.f{number}", name=f"f{number}"), content_raw="Sends a receipt.")
    await work(db, OLD)
    assert standing(psql) == {"old": (True, 6)}
    psql.execute("UPDATE repository SET paused = true WHERE name = 'two'")
    await work(db, NEW)
    return repos[1]


async def test_the_old_one_is_searched_until_the_new_one_is_whole(db: Database, psql: Connection, half: int) -> None:
    assert standing(psql) == {"old": (True, 6), "new": (False, 3)}
    found = await find(db, NEW, "Sends a receipt.", limit=6, former=former)
    assert (found.by_meaning, found.note, len(found.hits)) == (True, "", 6)
    alone = await find(db, NEW, "Sends a receipt.", limit=6)
    assert (alone.by_meaning, "only words" in alone.note) == (False, True), "where nobody can ask the old one"


async def test_a_restart_goes_on_and_then_it_is_switched(db: Database, psql: Connection, half: int) -> None:
    before = len(NEW.calls)
    psql.execute("UPDATE repository SET paused = false")
    await work(db, NEW)
    assert standing(psql) == {"new": (True, 6)}, "and the old vectors have gone"
    assert sum(len(texts) for texts in NEW.calls[before:]) == 3 * 3, "what was embedded before is not embedded again"
    assert scalar(psql, "SELECT count(*) FROM pg_indexes WHERE indexname ~ 'hnsw'") == 1
    assert (await find(db, NEW, "Sends a receipt.", limit=6)).by_meaning


async def test_it_may_be_changed_back_half_way(db: Database, psql: Connection, half: int) -> None:
    await work(db, OLD)
    assert scalar(psql, "SELECT name FROM embedding_model WHERE active") == "old"
    psql.execute("UPDATE repository SET paused = false")
    await work(db, OLD)
    assert standing(psql) == {"old": (True, 6)}


async def test_what_was_given_up_holds_nothing_back(db: Database, psql: Connection, half: int) -> None:
    psql.execute("UPDATE work SET state = 'dead' WHERE stage = 'embed' AND repo_id = %s", (half,))
    await work(db, NEW)
    assert standing(psql)["new"] == (True, 3)


async def test_a_new_text_meanwhile_is_embedded_by_the_new_one(db: Database, psql: Connection, half: int) -> None:
    a_chunk(psql, a_node(psql, scalar(psql, "SELECT id FROM repository WHERE name = 'one'")), content_raw="Charges.")
    await work(db, NEW)
    assert standing(psql) == {"old": (True, 6), "new": (False, 4)}
    psql.execute("UPDATE repository SET paused = false")
    await work(db, NEW)
    assert standing(psql) == {"new": (True, 7)}


async def test_manual_waits_for_a_word(db: Database, psql: Connection) -> None:
    a_chunk(psql, a_node(psql, a_repository(psql)), content_raw="Sends a receipt.")
    await work(db, OLD)
    await work(db, NEW, refresh="manual")
    assert standing(psql) == {"old": (True, 1)}
    now = await an_app(db, embedder=NEW).present_recipes()
    assert await requeued(db, Selection(stage=Stage.EMBED, outdated=now.stored)) == 1
    await work(db, NEW, refresh="manual")
    assert standing(psql) == {"new": (True, 1)}


async def test_a_switch_between_the_question_and_the_search(db: Database, psql: Connection, half: int) -> None:
    """The question's vector is of the old model, and in that moment the new one takes over: it is asked anew."""
    psql.execute("UPDATE repository SET paused = false")

    class Slow(ScriptedEmbedder):
        asked = 0

        async def embed(self, texts: Sequence[str]) -> list[list[float]]:
            found = await super().embed(texts)
            Slow.asked += 1
            if Slow.asked == 1:
                await work(db, NEW)
            return found

    slow = Slow(name="old", dims=16)
    found = await find(db, NEW, "Sends a receipt.", limit=6, former=lambda name, *_: slow if name == "old" else NEW)
    assert (Slow.asked, found.by_meaning) == (1, True)
    assert standing(psql)["new"][0]


async def test_a_vector_of_another_model_is_refused(db: Database, psql: Connection, half: int) -> None:
    with pytest.raises(OtherModel):
        await db_search.search(db, "receipt", vector=[1.0] * 16, model=("new", 16))
    assert len(await vectors.models(db)) == 2
