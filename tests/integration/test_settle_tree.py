"""Wholes of a real tree: made by the index, written bottom-up, and what each change of a file costs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedModel, well_formed
from daemon.settings import IndexSettings
from db import gather as db_gather
from db import report
from db.session import Database
from db.types import Stage
from tests.support.builders import (
    Connection,
    all_rows,
    scalar,
)  # fmt: skip
from tests.support.workers import an_app, work_off


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "shop" / "mail").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text('"""Sells things."""\n')
    (root / "shop" / "orders.py").write_text(
        "from shop.mail import smtp\n\ndef place(basket):\n    smtp.send(basket)\n"
    )
    (root / "shop" / "mail" / "__init__.py").write_text("")
    (root / "shop" / "mail" / "smtp.py").write_text("def send(letter):\n    return letter\n")
    (root / "shop" / "mail" / "pop.py").write_text("def fetch():\n    return []\n")
    (root / "run.py").write_text("from shop.orders import place\n\nif __name__ == '__main__':\n    place([])\n")
    return root


async def index(db: Database, tree: Path) -> Any:
    return await sync(db, tree, "shop", IndexSettings())


def wholes(psql: Connection) -> dict[str, str]:
    rows = all_rows(
        psql,
        "SELECT n.kind || ' ' || n.fqn AS name, c.strategy FROM chunk c JOIN node n ON n.id = c.node_id "
        "WHERE doctown_is_whole(c.strategy) ORDER BY n.level, n.fqn",
    )
    return {row["name"]: row["strategy"] for row in rows}


async def test_our_index_makes_packages_and_the_repository(db: Database, psql: Connection, tree: Path) -> None:
    report_ = await index(db, tree)
    assert wholes(psql) == {
        "FILE shop.mail.pop": "file", "FILE shop.mail.smtp": "file", "FILE shop.orders": "file",
        "PACKAGE shop.mail": "package", "PACKAGE shop": "package", "REPOSITORY shop": "repository",
    }  # fmt: skip
    assert report_.chunks == scalar(psql, "SELECT count(*) FROM chunk")
    assert scalar(psql, "SELECT doc_summary FROM node WHERE kind = 'PACKAGE' AND fqn = 'shop'") == "Sells things."
    assert scalar(psql, "SELECT strategy FROM chunk c JOIN node n ON n.id = node_id WHERE n.fqn = 'run'") == "skeleton"
    sheet = scalar(psql, "SELECT explain_md FROM chunk c JOIN node n ON n.id = node_id WHERE n.fqn = 'shop.mail'")
    assert "smtp" in sheet, "the fact sheet is there from the first second"


async def test_everything_is_written_bottom_up_and_once(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    order: list[str] = []

    def answer(prompt: Prompt) -> str:
        order.append(next(line for line in prompt.user.splitlines() if not line.startswith("Programming")))
        return well_formed(prompt)

    await work_off(an_app(db, coder=ScriptedModel(answer), slots=1))
    assert len(order) == len(set(order)) == 11, "no piece twice"
    for before, after in (
        ("Piece: shop.mail.smtp.send", "File: shop/mail/smtp.py"), ("File: shop/mail/smtp.py", "Package: shop.mail"),
        ("Package: shop.mail", "Package: shop"), ("Package: shop", "Repository: shop"),
    ):  # fmt: skip
        assert order.index(before) < order.index(after)
    assert scalar(psql, "SELECT count(*) FROM docs WHERE stale OR content IS NULL") == 0
    pages = await report.pages(db, "shop/mail/smtp.py")
    assert [page.kind for page in pages] == ["FILE"]
    assert {page.kind for page in await report.pages(db, "shop")} == {"REPOSITORY", "PACKAGE", "FILE"}


async def test_an_edit_costs_its_wholes_and_nothing_else(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    await work_off(an_app(db))
    (tree / "shop" / "mail" / "pop.py").write_text("def fetch():\n    return ['a letter']\n")
    await index(db, tree)
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder))
    asked = [call.prompt.user.splitlines()[1].rpartition(": ")[2] for call in coder.calls]
    assert asked == ["shop.mail.pop.fetch", "shop/mail/pop.py", "shop.mail", "shop", asked[-1]]
    assert len(asked) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "shop" / "orders.py").write_text(
            "# moved down\n\n" + (tree / "shop" / "orders.py").read_text()
        ),
        lambda tree: (tree / "shop" / "mail").rename(tree / "shop" / "post"),
    ],
    ids=["comment", "moved folder"],
)
async def test_what_costs_no_call(db: Database, psql: Connection, tree: Path, change: Any) -> None:
    (tree / "shop" / "orders.py").write_text("def place(basket):\n    return basket\n")
    await index(db, tree)
    await work_off(an_app(db))
    change(tree)
    await index(db, tree)
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder))
    said = [call.prompt.user.splitlines()[1] for call in coder.calls]
    assert said in ([], ["Package: shop", ""]), "the package and the repository say how their parts are called"


async def test_an_index_run_without_change_writes_nothing(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    await work_off(an_app(db))
    tables = ("node", "edge", "chunk", "unsettled", "work")
    before = {table: all_rows(psql, f"SELECT xmin, ctid FROM {table}") for table in tables}
    await index(db, tree)
    psql.execute("UPDATE repository SET index_state = 'writing'")
    await index(db, tree)
    assert {table: all_rows(psql, f"SELECT xmin, ctid FROM {table}") for table in tables} == before


async def test_a_file_that_goes_is_missed_by_its_package(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    await work_off(an_app(db))
    (tree / "shop" / "mail" / "pop.py").unlink()
    await index(db, tree)
    assert "PACKAGE shop.mail" not in wholes(psql), "one file is no package"
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder))
    assert coder.calls[0].prompt.user.splitlines()[1] == "Package: shop"


async def test_a_file_that_gets_its_first_function_becomes_a_whole(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    await work_off(an_app(db))
    run = (tree / "run.py").read_text()
    (tree / "run.py").write_text("def main():\n    return 1\n")
    await index(db, tree)
    assert wholes(psql)["FILE run"] == "file"
    await work_off(an_app(db))
    (tree / "run.py").write_text(run)
    await index(db, tree)
    assert "FILE run" not in wholes(psql)
    await work_off(an_app(db))
    assert scalar(psql, "SELECT count(*) FROM docs WHERE stale") == 0


async def test_an_index_of_the_version_before_grows_its_wholes(db: Database, psql: Connection, tree: Path) -> None:
    """What the migration finds: files with texts of their own, no packages, and a mark that it is to be linked."""
    await index(db, tree)
    await work_off(an_app(db))
    psql.execute("DELETE FROM node WHERE file_id IS NULL")
    psql.execute(
        "UPDATE chunk c SET strategy = 'skeleton', source_hash = n.source_hash, context_hash = '-', "
        "raw_key = n.source_hash || '+-' FROM node n WHERE n.id = c.node_id AND n.kind = 'FILE'"
    )
    psql.execute("DELETE FROM unsettled")
    psql.execute("UPDATE repository SET index_state = 'writing'")
    await index(db, tree)
    assert len(wholes(psql)) == 6
    assert scalar(psql, "SELECT count(*) FROM docs WHERE content_raw IS NULL") == 3, (
        "packages and repository; files keep theirs"
    )
    await work_off(an_app(db))
    assert scalar(psql, "SELECT count(*) FROM docs WHERE stale OR content_raw IS NULL") == 0


async def test_clusters_are_told_and_shown(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    rows = all_rows(psql, "SELECT f.path, n.cluster FROM node n JOIN file f ON f.id = n.file_id WHERE n.kind = 'FILE'")
    clusters = {row["path"]: row["cluster"] for row in rows}
    assert clusters["shop/orders.py"] == clusters["run.py"] is not None
    assert clusters["shop/mail/pop.py"] is None, "nobody calls it"
    chunk = int(scalar(psql, "SELECT c.id FROM chunk c JOIN node n ON n.id = node_id WHERE n.kind = 'REPOSITORY'"))
    around = (await db_gather.look(db, [chunk], Stage.CODER, language="en"))[chunk].around
    assert around is not None
    assert "shop/orders.py" in around.clusters[0].files
    package = int(scalar(psql, "SELECT c.id FROM chunk c JOIN node n ON n.id = node_id WHERE n.fqn = 'shop.mail'"))
    around = (await db_gather.look(db, [package], Stage.CODER, language="en"))[package].around
    assert around is not None
    assert (around.serves, around.leans_on) == (("shop",), ())
