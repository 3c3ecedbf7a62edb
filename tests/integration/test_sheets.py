"""Fact sheets: there with the index, in the repository's language, rewritten only where they came out differently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.index import sheets
from daemon.index.sheet import Facts
from daemon.index.sheet import render as real_render
from daemon.index.sheet_words import Words
from daemon.index.sync import sync
from daemon.roles import RoleRow
from daemon.settings import IndexSettings
from db import link as db_link
from db.session import Database
from db.types import NodeKind
from tests.support.builders import Connection, a_chunk, a_node, a_repository, all_rows, scalar
from tests.support.edges import an_edge

SHOP = '''"""What the shop sells."""

import shelves


class Catalog:
    """All products."""

    def find(self, sku: str, limit: int = 3) -> list[str]:
        """Look products up."""
        return [name for name in shelves.all(sku)][:limit]


def best(catalog: Catalog) -> str:
    return catalog.find("x")[0]
'''
TESTS = "from shop import Catalog\n\n\ndef test_find():\n    catalog = Catalog()\n    catalog.find('x')\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "tests").mkdir(parents=True)
    (root / "shop.py").write_text(SHOP)
    (root / "tests" / "test_shop.py").write_text(TESTS)
    return root


async def index(db: Database, root: Path, **options: Any) -> None:
    await sync(db, root, "tree", IndexSettings(), **options)


def sheets_in(psql: Connection) -> dict[str, str]:
    rows = all_rows(psql, "SELECT n.fqn, c.explain_md FROM chunk c JOIN node n ON n.id = c.node_id ORDER BY n.fqn")
    return {str(row["fqn"]): row["explain_md"] for row in rows}


def versions(psql: Connection) -> dict[str, str]:
    rows = all_rows(psql, "SELECT n.fqn, c.xmin::text AS v FROM chunk c JOIN node n ON n.id = c.node_id")
    return {str(row["fqn"]): str(row["v"]) for row in rows}


async def test_every_symbol_has_a_page_as_soon_as_it_is_indexed(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    found = sheets_in(psql)
    assert set(found) >= {"shop", "shop.Catalog", "shop.Catalog.find", "shop.best", "tests.test_shop.test_find"}
    assert all(sheet.startswith(f"# `{fqn}`\n") for fqn, sheet in found.items())
    assert found["shop.Catalog.find"] == (
        "# `shop.Catalog.find`\n\n"
        "method · python\n\n"
        "```python\ndef find(self, sku: str, limit: int = 3) -> list[str]\n```\n\n"
        "- **Where:** `shop.py:9-11`\n"
        "- **Part of:** `shop.Catalog`\n"
        "- **Returns:** `list[str]`\n"
        "- **Use:** call sites: 2, callers: 2\n\n"
        "## Doc comment\n\nLook products up.\n\n"
        "## Parameters\n\n"
        "| Name | Type | Default |\n| --- | --- | --- |\n| `sku` | `str` |  |\n| `limit` | `int` | `3` |\n\n"
        "## Called by (1)\n\n- `shop.best`\n\n"
        "## Tests that touch it (1)\n\n- `tests.test_shop.test_find`\n\n"
        "**Outside of this index:** `shelves.all`\n"
    )


async def test_nothing_is_written_when_nothing_changed(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    before = versions(psql)
    await index(db, tree)
    (tree / "shop.py").touch()
    await index(db, tree)
    assert versions(psql) == before


async def test_a_new_caller_rewrites_the_sheets_that_name_it_and_no_text_goes_stale(
    db: Database, psql: Connection, tree: Path
) -> None:
    await index(db, tree)
    psql.execute("UPDATE chunk SET content_raw = 'text', raw_key = source_key, raw_recipe = 'r'")
    before = sheets_in(psql)
    (tree / "more.py").write_text(
        "from shop import Catalog\n\n\ndef worst(catalog: Catalog):\n    return catalog.find('y')\n"
    )
    await index(db, tree)
    after = sheets_in(psql)
    rewritten = {fqn for fqn, sheet in before.items() if after[fqn] != sheet}
    assert rewritten == {"shop.Catalog", "shop.Catalog.find", "tree"}, "and the repository's, which lists its files"
    assert "- `more.worst`" in after["shop.Catalog.find"]
    assert all_rows(psql, "SELECT n.fqn FROM chunk c JOIN node n ON n.id = c.node_id WHERE c.coder_due") == [
        {"fqn": "more.worst"},
    ], "the file waits for what stands in it"  # fmt: skip


async def test_a_sheet_speaks_the_language_of_its_repository(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree, language="es")
    assert "**Parte de:** `shop.Catalog`" in sheets_in(psql)["shop.Catalog.find"]
    await index(db, tree)
    assert "**Parte de:**" in sheets_in(psql)["shop.Catalog.find"], "it is remembered"
    await index(db, tree, language="ru")
    assert "**Часть:** `shop.Catalog`" in sheets_in(psql)["shop.Catalog.find"]


async def test_the_configured_language_stands_in_for_none(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree, default_language="ru")
    assert "**Часть:** `shop.Catalog`" in sheets_in(psql)["shop.Catalog.find"]


async def test_no_secret_of_a_default_value_stands_in_a_sheet(db: Database, psql: Connection, tree: Path) -> None:
    secret = "hunter2-Zx81-qwertz"
    (tree / "login.py").write_text(f'def login(user: str, password: str = "{secret}"):\n    return user\n')
    await index(db, tree)
    assert secret not in sheets_in(psql)["login.login"]
    assert "`password`" in sheets_in(psql)["login.login"]


# --- what the texts of a container say of its members ------------------------------------------------------


def due(psql: Connection) -> set[str]:
    rows = all_rows(psql, "SELECT n.fqn FROM chunk c JOIN node n ON n.id = c.node_id WHERE c.coder_due")
    return {str(row["fqn"]) for row in rows}


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        # Not the test that uses both: what its neighbours say of themselves is no reason to tell a test anew.
        (
            '"""Look products up."""', '"""Look up what is sold."""',
            {"shop.Catalog", "shop.Catalog.find", "shop.best"},
        ),
        ('"""All products."""', '"""Everything."""', {"shop.Catalog"}),
        ('("x")[0]', '("y")[0]', {"shop.best"}),
    ],
    ids=["of a method", "of a class", "body"],
)  # fmt: skip
async def test_who_shows_a_member_hears_of_its_doc_comment_and_not_of_its_body(
    db: Database, psql: Connection, tree: Path, old: str, new: str, stale: set[str]
) -> None:
    await index(db, tree)
    psql.execute("UPDATE chunk SET content_raw = 'text', raw_key = source_key, raw_recipe = 'r'")
    assert due(psql) == set()
    (tree / "shop.py").write_text(SHOP.replace(old, new))
    await index(db, tree)
    assert due(psql) == stale, "a file hears of it by the new text of its class"


async def test_a_class_hears_of_the_roles_of_its_members(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    psql.execute("UPDATE chunk SET content_raw = 'text', raw_key = source_key, raw_recipe = 'r'")
    row = RoleRow(role="lookup", kinds=(NodeKind.METHOD,), names=("^find$",))
    await sync(db, tree, "tree", IndexSettings(roles=(row,)))
    assert due(psql) == {"shop.Catalog", "shop.Catalog.find"}
    assert "- `def find(self, sku: str, limit: int = 3) -> list[str]` (lookup)" in sheets_in(psql)["shop.Catalog"]


# --- an index that is not ours ----------------------------------------------------------------------------


async def test_a_foreign_index_gets_its_sheets_when_its_chunks_are_worked_on(db: Database, psql: Connection) -> None:
    repo = a_repository(psql, language="es")
    callee = a_node(psql, repo, fqn="shop.total", name="total", signature="def total()", kind="FUNCTION")
    caller = a_node(psql, repo, fqn="shop.pay", name="pay")
    an_edge(psql, repo, caller, callee, count=2)
    chunk, other = a_chunk(psql, callee), a_chunk(psql, caller)
    shown = await sheets.sheets_of(db, [chunk], language="en")
    assert "## Llamado por (1)\n\n- `shop.pay` × 2" in shown[chunk]
    assert scalar(psql, "SELECT count(*) FROM chunk WHERE explain_md IS NOT NULL") == 0, "looking writes nothing"

    assert await sheets.fill(db, [chunk], language="en") == 1
    assert scalar(psql, "SELECT explain_md FROM chunk WHERE id = %s", chunk) == shown[chunk]
    assert scalar(psql, "SELECT explain_md FROM chunk WHERE id = %s", other) is None
    assert await sheets.fill(db, [chunk], language="en") == 0


async def test_a_foreign_sheet_is_rendered_again_on_request_because_nothing_else_tells_of_neighbours(
    db: Database, psql: Connection
) -> None:
    repo = a_repository(psql)
    callee, caller = a_node(psql, repo, fqn="shop.total"), a_node(psql, repo, fqn="shop.pay")
    chunk = a_chunk(psql, callee)
    await sheets.fill(db, [chunk], language="en")
    an_edge(psql, repo, caller, callee)
    assert await sheets.fill(db, [chunk], language="en") == 0
    assert await sheets.fill(db, [chunk], language="en", foreign=True) == 1
    assert "- `shop.pay`" in scalar(psql, "SELECT explain_md FROM chunk WHERE id = %s", chunk)
    assert await sheets.fill(db, [chunk], language="en", foreign=True) == 0, "what is the same is not written"


@pytest.mark.parametrize("text", ["Explained by hand.", "# `shop.total`\n\nIt adds up.", "# Totals\n\nsum · total\n"])
async def test_what_a_foreign_index_says_in_place_of_a_sheet_is_kept(db: Database, psql: Connection, text: str) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), fqn="shop.total"), explain_md=text)
    assert await sheets.fill(db, [chunk], language="en", foreign=True) == 0
    assert scalar(psql, "SELECT explain_md FROM chunk WHERE id = %s", chunk) == text


async def test_members_of_a_foreign_class_are_known_by_their_owner(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    owner = a_node(psql, repo, kind="CLASS", fqn="shop.Cart", name="Cart", signature="class Cart")
    for name, line in (("pay", 9), ("add", 3)):
        a_node(
            psql, repo, kind="METHOD", fqn=f"shop.Cart.{name}", name=name, owner="shop.Cart", line_start=line,
            signature=f"def {name}(self)",
        )  # fmt: skip
    chunk = a_chunk(psql, owner)
    sheet = (await sheets.sheets_of(db, [chunk], language="en"))[chunk]
    assert "## Members (2)\n\n- `def add(self)`\n- `def pay(self)`" in sheet


async def test_other_words_are_said_by_the_next_run_though_no_file_changed(
    db: Database, psql: Connection, tree: Path, tmp_path: Path
) -> None:
    await index(db, tree)
    assert "**Part of:**" in sheets_in(psql)["shop.Catalog.find"]
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "sheet.yaml").write_text("en: {owner: Belongs to}", encoding="utf-8")
    await index(db, tree, prompts=tmp_path / "words")
    assert "**Belongs to:**" in sheets_in(psql)["shop.Catalog.find"]
    before = versions(psql)
    await index(db, tree, prompts=tmp_path / "words")
    assert versions(psql) == before


async def test_one_function_more_renders_the_sheets_that_speak_of_it(
    db: Database, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "apart.py").write_text("".join(f"def apart_{n}():\n    return {n}\n\n\n" for n in range(30)))
    await index(db, tree)
    rendered: list[str] = []

    def counted(facts: Facts, words: Words) -> str:
        rendered.append(facts.fqn)
        return real_render(facts, words)

    monkeypatch.setattr(sheets, "render", counted)
    (tree / "shop.py").write_text(SHOP + "\n\ndef worst(catalog: Catalog) -> str:\n    return catalog.find('z')[-1]\n")
    await index(db, tree)
    assert {"shop.Catalog.find", "shop.Catalog", "shop"} <= set(rendered)
    assert not [fqn for fqn in rendered if fqn.startswith("apart.")]


async def test_sheets_from_the_graph_are_those_from_what_is_stored(db: Database, psql: Connection, tree: Path) -> None:
    """Linking draws them from all it has in memory, a look at some chunks from the rows around these."""
    for number in range(30):  # as many packages: counted with the code, each would shift what a share of it is
        package = tree / f"p{number}"
        package.mkdir()
        (package / "__init__.py").write_text(f"NUMBER = {number}\n")
        (package / "more.py").write_text(f"MORE = {number}\n")
        calls = "".join(f"    f{other}()\n" for other in range(number))
        (package / "code.py").write_text(
            "".join(f"from p{other}.code import f{other}\n" for other in range(number))
            + f"\n\ndef f{number}():\n{calls}    return {number}\n"
        )
    await index(db, tree)
    stored = {row["id"]: row["explain_md"] for row in all_rows(psql, "SELECT id, explain_md FROM chunk")}
    assert any("most central" in sheet for sheet in stored.values())
    assert await sheets.sheets_of(db, list(stored), language="en") == stored


async def test_an_edit_in_a_body_loads_no_graph(
    db: Database, psql: Connection, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(db, tree)
    before = sheets_in(psql)

    async def never(*_: object) -> None:
        raise AssertionError("the whole graph was asked for")

    monkeypatch.setattr(db_link, "load_imports", never)
    monkeypatch.setattr(db_link, "load_leanings", never)
    at = "        return [name"
    (tree / "shop.py").write_text(SHOP.replace(at, f"        limit = limit or 1\n{at}"))
    await index(db, tree)
    after = sheets_in(psql)
    assert {fqn for fqn, sheet in after.items() if sheet != before[fqn]} >= {"shop.Catalog.find", "shop.best"}
    assert "- **Where:** `shop.py:9-12`\n" in after["shop.Catalog.find"]
