"""Wholes on a real queue: due when everything below is done and quiet, and only when what they read has changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.llm.scripted import ScriptedModel
from daemon.work.loop import Scope
from daemon.work.settling import settle
from db import gather as db_gather
from db import refresh as db_refresh
from db import save as db_save
from db.refresh import Recipes
from db.session import Database
from db.types import Lane, Outcome, Stage
from tests.support.builders import (
    Connection,
    a_chunk,
    a_draft,
    a_node,
    a_repository,
    all_rows,
    chunk_row,
    scalar,
    take,
    work_row,
)  # fmt: skip
from tests.support.workers import a_worker, an_app, work_off

QUIET_S = 300.0


class Shop:
    """A package of two files with one function each, written by plain SQL as an index of somebody else's."""

    def __init__(self, psql: Connection) -> None:
        self.psql = psql
        self.repo = a_repository(psql, "shop")
        self.package, self.files, self.functions = self._whole("PACKAGE", "shop"), [], []
        for name in ("orders", "mail"):
            file = self._whole("FILE", f"shop.{name}")
            contains(psql, self.repo, self.node(self.package), self.node(file))
            function = a_chunk(psql, a_node(psql, self.repo, fqn=f"shop.{name}.go", name="go"))
            contains(psql, self.repo, self.node(file), self.node(function))
            self.files.append(file)
            self.functions.append(function)
        self.repository = self._whole("REPOSITORY", "all of it")
        contains(psql, self.repo, self.node(self.repository), self.node(self.package))

    def _whole(self, kind: str, fqn: str) -> int:
        code = "import x" if kind == "FILE" else None
        node = a_node(self.psql, self.repo, kind=kind, fqn=fqn, name=fqn.rpartition(".")[2], source_code=code)
        return a_chunk(self.psql, node, strategy=kind.lower())

    def node(self, chunk: int) -> int:
        return int(scalar(self.psql, "SELECT node_id FROM chunk WHERE id = %s", chunk))

    def due(self) -> set[int]:
        rows = all_rows(self.psql, "SELECT chunk_id FROM work WHERE stage = 'coder' AND state = 'due'")
        return {row["chunk_id"] for row in rows}

    def age(self, seconds: float = QUIET_S) -> None:
        """As if so much time had gone by since the last change."""
        self.psql.execute(
            "UPDATE unsettled SET touched_at = touched_at - make_interval(secs => %s), look_at = 'epoch'",
            (seconds,),
        )


def contains(psql: Connection, repo: int, owner: int, member: int) -> None:
    psql.execute(
        "INSERT INTO edge (repo_id, src, kind, dst_name, dst) VALUES (%s, %s, 'CONTAINS', %s, %s)",
        (repo, owner, f"has{member}", member),
    )


@pytest.fixture
def shop(psql: Connection) -> Shop:
    return Shop(psql)


async def write(db: Database, chunk: int, text: str) -> None:
    """Have the Coder write this text for this chunk."""
    for claim in await take(db, limit=50):
        if claim.chunk_id == chunk:
            outcomes = await db_save.save_texts(db, [(claim, a_draft(text))], worker="w")
            assert list(outcomes.values()) == [Outcome.SAVED]
        else:
            await release(db, claim)


async def release(db: Database, claim: Any) -> None:
    async with db.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE work SET state = 'due', lease_owner = NULL, lease_until = NULL WHERE chunk_id = %s AND stage = %s",
            (claim.chunk_id, str(claim.stage)),
        )


async def write_all(db: Database, shop: Shop, suffix: str = "") -> None:
    """Everything in its order, bottom-up."""
    while due := sorted(shop.due()):
        for chunk in due:
            await write(db, chunk, f"Text of {chunk}{suffix}.")
        await settle(db, quiet_s=QUIET_S, force=True)
    await settle(db, quiet_s=QUIET_S, force=True)


# --- the first text ---------------------------------------------------------------------------------------


async def test_a_whole_waits_for_everything_below_it_and_no_longer(db: Database, shop: Shop) -> None:
    assert shop.due() == set(shop.functions)
    assert await settle(db, quiet_s=QUIET_S) == 0
    await write(db, shop.functions[0], "One.")
    assert await settle(db, quiet_s=QUIET_S) == 1
    assert shop.due() == {shop.functions[1], shop.files[0]}, "its only function is done; the other file's is not"
    await write(db, shop.files[0], "File one.")
    await write(db, shop.functions[1], "Two.")
    await settle(db, quiet_s=QUIET_S)
    assert shop.due() == {shop.files[1]}, "the package waits for both files"
    await write(db, shop.files[1], "File two.")
    await settle(db, quiet_s=QUIET_S)
    assert shop.due() == {shop.package}
    assert work_row(shop.psql, shop.package)["reason"] == "new"
    await write(db, shop.package, "Package.")
    await settle(db, quiet_s=QUIET_S)
    assert shop.due() == {shop.repository}
    await write(db, shop.repository, "Repository.")
    assert await settle(db, quiet_s=QUIET_S) == 0
    assert scalar(shop.psql, "SELECT count(*) FROM unsettled") == 0


async def test_what_was_given_up_below_holds_nothing_back(db: Database, shop: Shop) -> None:
    await write(db, shop.functions[0], "One.")
    shop.psql.execute("UPDATE work SET state = 'dead' WHERE chunk_id = %s AND stage = 'coder'", (shop.functions[1],))
    shop.age()
    assert await settle(db, quiet_s=QUIET_S) == 2
    pieces = (await db_gather.look(db, [shop.files[1]], Stage.CODER, language="en"))[shop.files[1]].pieces
    assert [(piece.name, piece.text) for piece in pieces] == [("go", None)], "it is shown by what the index knows"


async def test_what_waits_for_its_next_try_too_long_holds_nothing_back(db: Database, shop: Shop) -> None:
    await write(db, shop.functions[0], "One.")
    shop.psql.execute(
        "UPDATE work SET state = 'retrying', due_at = now() - interval '1 minute' WHERE chunk_id = %s",
        (shop.functions[1],),
    )
    shop.age(0)
    assert await settle(db, quiet_s=QUIET_S) == 1
    shop.age(0)
    assert await settle(db, quiet_s=30) == 1, "half a minute is over"


async def test_a_first_text_does_not_wait_for_refreshes(db: Database, shop: Shop) -> None:
    await write(db, shop.functions[0], "One.")
    shop.psql.execute(
        "UPDATE work SET state = 'due', lane = 2 WHERE chunk_id = %s AND stage = 'coder'", (shop.functions[0],)
    )
    shop.age(0)
    assert await settle(db, quiet_s=QUIET_S) == 1


# --- afterwards -------------------------------------------------------------------------------------------


@pytest.fixture
async def written(db: Database, shop: Shop) -> Shop:
    """The shop with all its texts."""
    await write_all(db, shop)
    assert scalar(shop.psql, "SELECT count(*) FROM chunk WHERE content_raw IS NOT NULL") == 6
    assert scalar(shop.psql, "SELECT count(*) FROM unsettled") == 0
    return shop


async def edit(db: Database, shop: Shop, text: str) -> None:
    shop.psql.execute(
        "UPDATE node SET source_code = source_code || ' # more' WHERE id = %s", (shop.node(shop.functions[0]),)
    )
    await write(db, shop.functions[0], text)


async def test_an_edit_reaches_the_wholes_once_it_is_quiet(db: Database, written: Shop) -> None:
    await edit(db, written, "Something else.")
    assert await settle(db, quiet_s=QUIET_S) == 0
    left = scalar(written.psql, "SELECT extract(epoch FROM look_at - clock_timestamp()) FROM unsettled")
    assert QUIET_S - 60 < left <= QUIET_S, "it is looked at again when the time is over"
    await edit(db, written, "Something else again.")
    written.age(QUIET_S - 60)
    assert await settle(db, quiet_s=QUIET_S) == 0, "each edit begins the time anew"
    written.age(60)
    assert await settle(db, quiet_s=QUIET_S) == 1
    row = work_row(written.psql, written.files[0])
    assert (row["reason"], row["lane"]) == ("context", Lane.REFRESH)
    assert chunk_row(written.psql, written.files[0])["content_raw"], "the old text stays until the new one is there"


async def test_the_same_text_below_stops_there(db: Database, written: Shop) -> None:
    await edit(db, written, f"Text of {written.functions[0]}.")
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 0
    assert scalar(written.psql, "SELECT count(*) FROM unsettled") == 0


async def test_the_same_text_of_a_file_stops_before_its_package(db: Database, written: Shop) -> None:
    await edit(db, written, "Something else.")
    written.age()
    await settle(db, quiet_s=QUIET_S)
    await write(db, written.files[0], f"Text of {written.files[0]}.")
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 0
    assert written.due() == set()


async def test_new_work_below_holds_a_refresh_back(db: Database, written: Shop) -> None:
    await edit(db, written, "Something else.")
    written.psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = %s", (written.functions[0],))
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 0
    await write(db, written.functions[0], "And again.")
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 1


async def test_the_files_own_code_counts(db: Database, written: Shop) -> None:
    written.psql.execute("UPDATE node SET source_code = 'import y' WHERE id = %s", (written.node(written.files[0]),))
    assert work_row(written.psql, written.files[0])["state"] == "done", "a whole is never due by its source alone"
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 1
    assert work_row(written.psql, written.files[0])["reason"] == "source"


async def test_what_its_author_says_of_a_package_counts(db: Database, written: Shop) -> None:
    written.psql.execute("UPDATE node SET doc_summary = 'Sells.' WHERE id = %s", (written.node(written.package),))
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 1
    assert written.due() == {written.package}


async def test_moved_and_renamed_wholes_keep_their_texts(db: Database, written: Shop) -> None:
    written.psql.execute("UPDATE node SET fqn = 'store' || substr(fqn, 5), line_start = 7 WHERE fqn LIKE 'shop%'")
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 0
    assert written.due() == set()


async def test_a_text_by_hand_is_kept_until_something_below_changes(db: Database, shop: Shop) -> None:
    shop.psql.execute("UPDATE chunk SET content_raw = 'By hand.' WHERE id = %s", (shop.package,))
    await write_all(db, shop)
    assert chunk_row(shop.psql, shop.package)["content_raw"] == "By hand."
    await edit(db, shop, "Something else.")
    await write_all(db, shop, " anew")
    assert chunk_row(shop.psql, shop.package)["content_raw"] == f"Text of {shop.package} anew."


async def test_emptying_a_text_requeues_it(db: Database, written: Shop) -> None:
    written.psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = %s", (written.package,))
    assert (written.due(), work_row(written.psql, written.package)["reason"]) == ({written.package}, "requeued")


async def test_a_recipe_of_its_own_refreshes_a_strategy_alone(db: Database, written: Shop) -> None:
    recipes = Recipes(language="en", by_stage={Stage.CODER: {"en": "recipe", "package/en": "another"}})
    assert (await db_refresh.sweep(db, recipes, written.repo))[0] == {(Stage.CODER, "recipe"): 1}
    assert written.due() == {written.package}


# --- what cannot go wrong ---------------------------------------------------------------------------------


async def test_a_ring_of_packages_comes_to_rest(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    nodes = [a_node(psql, repo, kind="PACKAGE", fqn=fqn, name=fqn, source_code=None) for fqn in ("a", "a.b", "a.b.c")]
    for owner in nodes:
        for member in nodes:
            contains(psql, repo, owner, member)
    for node in nodes:
        a_chunk(psql, node, strategy="package")
    model = ScriptedModel()
    app = an_app(db, coder=model)
    await asyncio.wait_for(work_off(app), 30)
    assert len(model.calls) == 3, "each once"


async def test_a_whole_without_anything_in_it_is_described_once(db: Database, psql: Connection) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), kind="PACKAGE", source_code=None), strategy="package")
    model = ScriptedModel()
    await work_off(an_app(db, coder=model))
    await work_off(an_app(db, coder=model))
    assert (len(model.calls), work_row(psql, chunk)["state"]) == (1, "done")


async def test_packages_of_an_index_that_knows_no_wholes_are_left_alone(db: Database, psql: Connection) -> None:
    a_chunk(psql, a_node(psql, a_repository(psql), kind="PACKAGE", source_code=None))
    assert await settle(db, quiet_s=0, force=True) == 0
    assert scalar(psql, "SELECT count(*) FROM work") == 0


async def test_several_may_settle_at_once(db: Database, shop: Shop) -> None:
    for function in shop.functions:
        await write(db, function, "Text.")
    made = await asyncio.gather(*(settle(db, quiet_s=QUIET_S) for _ in range(5)))
    assert sum(made) == 2
    assert shop.due() == set(shop.files)


async def test_a_touch_between_look_and_verdict_is_not_lost(
    db: Database, written: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await edit(db, written, f"Text of {written.functions[0]}.")
    written.age()
    original = settle.__globals__["db_settle"].make_due

    async def touched_meanwhile(*arguments: Any) -> Any:
        await edit(db, written, "Changed while we looked.")
        return await original(*arguments)

    monkeypatch.setattr("db.settle.make_due", touched_meanwhile)
    await settle(db, quiet_s=QUIET_S)
    monkeypatch.setattr("db.settle.make_due", original)
    written.age()
    assert await settle(db, quiet_s=QUIET_S) == 1


async def test_wholes_of_a_repository_that_is_being_indexed_wait(db: Database, shop: Shop) -> None:
    for function in shop.functions:
        await write(db, function, "Text.")
    shop.psql.execute("UPDATE repository SET indexing_until = now() + interval '1 minute'")
    assert await settle(db, quiet_s=QUIET_S, force=True) == 0
    shop.psql.execute("UPDATE repository SET indexing_until = NULL")
    assert await settle(db, quiet_s=QUIET_S, force=True) == 2


async def test_a_run_that_writes_what_is_asked_for_leaves_wholes_alone(db: Database, shop: Shop) -> None:
    shop.psql.execute("UPDATE work SET lane = 0")
    await a_worker(an_app(db), scope=Scope(max_lane=Lane.ASKED)).once(asyncio.Event())
    assert shop.due() == set()
    assert scalar(shop.psql, "SELECT count(*) FROM chunk WHERE content_raw IS NOT NULL") == 2


async def test_what_is_no_whole_any_more_is_not_settled_as_one(db: Database, psql: Connection, shop: Shop) -> None:
    file = shop.files[0]
    psql.execute(
        "UPDATE chunk SET strategy = 'skeleton', source_hash = 'own', context_hash = '-' WHERE id = %s", (file,)
    )
    await settle(db, quiet_s=QUIET_S, force=True)
    row = chunk_row(psql, file)
    assert (row["source_hash"], row["context_hash"]) == ("own", "-"), "it is made from its own code, and no whole"
    assert scalar(psql, "SELECT count(*) FROM unsettled WHERE chunk_id = %s", file) == 0


async def test_a_run_does_not_end_beside_work_that_came_while_it_looked(
    db: Database, psql: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done between its look at the wholes and its look at the queue: nothing is due then, but wholes are open."""
    await work_off(an_app(db))
    worker = a_worker(an_app(db))
    settling, came = worker._settle, False

    async def and_then(*, force: bool = False) -> int:
        nonlocal came
        made = await settling(force=force)
        if force and not came:
            came = True
            psql.execute(
                "UPDATE node SET source_code = 'def go(): return 99' WHERE id = %s", (shop.node(shop.functions[0]),)
            )
            worker._wake(None, by="poll")
            await worker._until_idle(asyncio.Event())
        return made

    monkeypatch.setattr(worker, "_settle", and_then)
    await worker.once(asyncio.Event())
    assert came
    assert scalar(psql, "SELECT count(*) FROM unsettled") == 0
    assert shop.due() == set()
