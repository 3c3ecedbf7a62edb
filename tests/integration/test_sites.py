"""Places that use a piece: gathered with the code round the call, and a reason to write when they change."""

from __future__ import annotations

from daemon.llm.scripted import ScriptedModel
from db import gather as db_gather
from db import save as db_save
from db import switch as db_switch
from db.session import Database
from db.types import Outcome, Stage
from tests.support.builders import (
    Connection,
    a_chunk,
    a_draft,
    a_node,
    a_repository,
    chunk_row,
    scalar,
    take,
    work_row,
)  # fmt: skip
from tests.support.workers import an_app, work_off

ALL = (Stage.CODER, Stage.TALKER, Stage.INSTRUCT, Stage.EMBED)
USUAL = (Stage.CODER, Stage.TALKER, Stage.EMBED)


async def turn(db: Database, *stages: Stage) -> db_switch.Switched:
    return await db_switch.switch(db, stages or ALL, actor="tester@here")


async def write(db: Database, *stages: Stage, text: str = "") -> None:
    """Save a text of each stage for whatever of it is due."""
    for stage in stages:
        for claim in await take(db, stage, limit=50):
            draft = a_draft(text or f"{stage} of {claim.chunk_id}.")
            assert list((await db_save.save_texts(db, [(claim, draft)], worker="w")).values()) == [Outcome.SAVED]


def calls(psql: Connection, repo: int, source: int, target: int, line: int, count: int = 1) -> None:
    psql.execute(
        "INSERT INTO edge (repo_id, src, kind, dst_name, dst, count, line) VALUES (%s, %s, 'CALLS', %s, %s, %s, %s)",
        (repo, source, f"to{target}", target, count, line),
    )


def contains(psql: Connection, repo: int, owner: int, member: int) -> None:
    psql.execute(
        "INSERT INTO edge (repo_id, src, kind, dst_name, dst) VALUES (%s, %s, 'CONTAINS', %s, %s)",
        (repo, owner, f"has{member}", member),
    )


async def test_places_are_gathered_with_the_code_round_the_call(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    file = int(scalar(psql, "INSERT INTO file (repo_id, path) VALUES (%s, 'shop/basket.py') RETURNING id", repo))
    piece = a_node(psql, repo, name="price", fqn="shop.price")
    code = "def total(self):\n" + "    step()\n" * 30 + "    cost = price(item)\n    return cost\n"
    user = a_node(
        psql, repo, file_id=file, kind="METHOD", owner="shop.Basket", name="total", fqn="shop.Basket.total",
        source_code=code, line_start=100, line_end=133,
    )  # fmt: skip
    tested = a_node(
        psql, repo, name="test_price", role="test", source_code="def test_price():\n    assert price(1)", line_start=5
    )
    calls(psql, repo, tested, piece, 6, count=9)
    calls(psql, repo, user, piece, 131)
    calls(psql, repo, piece, piece, 1)
    made = a_chunk(psql, piece)
    uses = (await db_gather.look(db, [made], Stage.INSTRUCT, language="en"))[made].uses
    assert [(use.symbol, use.path, use.called, use.line, use.tested) for use in uses] == [
        ("Basket.total", "shop/basket.py", "price", 131, False),
        ("test_price", None, "price", 6, True),
    ], "code before tests, and its own calls are no example"
    assert uses[0].at is not None
    assert uses[0].code.splitlines()[uses[0].at] == "    cost = price(item)"
    assert len(uses[0].code.splitlines()) == 10, "lines round the call, not the whole caller"
    assert (await db_gather.look(db, [made], Stage.CODER, language="en"))[made].uses == ()


async def test_a_class_is_used_where_one_is_made(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    cart = a_node(psql, repo, kind="CLASS", name="Cart", fqn="shop.Cart")
    maker = a_node(
        psql, repo, kind="CONSTRUCTOR", name="__init__", fqn="shop.Cart.__init__", owner="shop.Cart",
        params='[{"name": "owner"}]',
    )  # fmt: skip
    add = a_node(psql, repo, kind="METHOD", name="add", fqn="shop.Cart.add", owner="shop.Cart")
    for member in (maker, add):
        contains(psql, repo, cart, member)
    inside = a_node(psql, repo, kind="METHOD", fqn="shop.Cart.merge", owner="shop.Cart", source_code="self.add(x)")
    adds = a_node(psql, repo, name="a_adds", fqn="app.a_adds", source_code="cart.add(apple)", line_start=1)
    makes = a_node(psql, repo, name="z_makes", fqn="app.z_makes", source_code="cart = Cart(ann)", line_start=1)
    calls(psql, repo, inside, add, 1)
    calls(psql, repo, adds, add, 1, count=5)
    calls(psql, repo, makes, maker, 1)
    made = a_chunk(psql, cart)
    material = (await db_gather.look(db, [made], Stage.INSTRUCT, language="en"))[made]
    assert [(use.symbol, use.called) for use in material.uses] == [("z_makes", "Cart"), ("a_adds", "add")]
    assert [[param.name for param in params] for params in material.makers] == [["owner"]]


async def test_a_caller_that_changed_makes_it_due_and_the_ledger_answers(db: Database, psql: Connection) -> None:
    """What is shown did not change: the key of the answer is the same, and no model is asked."""
    repo = a_repository(psql, index_state="linked")
    piece = a_node(psql, repo, name="price", fqn="shop.price", source_hash="p")
    user = a_node(psql, repo, source_code="cost = price(item)\nlog(1)", source_hash="u1", line_start=1, line_end=2)
    calls(psql, repo, user, piece, 1)
    chunks = [a_chunk(psql, piece), a_chunk(psql, user)]
    model = ScriptedModel()
    app = an_app(db, instruct=model, stages=ALL)
    await app.switch_stages(actor="tester@here")
    await work_off(app)
    assert len(model.calls) == 2
    psql.execute(
        "UPDATE node SET source_code = %s, source_hash = 'u2' WHERE id = %s", ("cost = price(item)\nlog(2)", user)
    )
    await db_switch.write_sites(db, repo)
    row = work_row(psql, chunks[0], "instruct")
    assert (row["state"], row["reason"], row["lane"]) == ("due", "context", 2)
    await work_off(app)
    assert len(model.calls) == 3, "the caller's own, and nobody else's"
    assert chunk_row(psql, chunks[0])["explain_quality"]["instruct"]["reused"] is True
    psql.execute("UPDATE node SET source_code = 'cost = price(other)', source_hash = 'u3' WHERE id = %s", (user,))
    await db_switch.write_sites(db, repo)
    await work_off(app)
    assert len(model.calls) == 5, "another call is another example"
