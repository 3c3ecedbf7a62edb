"""What is written first: what a person waits for, what was changed lately, callees before callers."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedModel, well_formed
from daemon.settings import IndexSettings
from db import requeue as db_requeue
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, all_rows, one, scalar, take
from tests.support.workers import an_app, work_off

RECEIPT = """def receipt(prices):
    return f"{total(prices)} with {tax(total(prices))}"


"""
SHOP = f'''def total(prices):
    """Add up all prices of a basket. Second sentence."""
    return sum(prices)


def tax(price):
    return price * 0.2


{RECEIPT}def unused(x):
    return x
'''


class Shop:
    """A file with a few functions, indexed."""

    def __init__(self, db: Database, psql: Connection, root: Path) -> None:
        self.db, self.psql, self.root = db, psql, root

    async def index(self) -> None:
        await sync(self.db, self.root, "shop", IndexSettings(workers=1))

    def edit(self, old: str, new: str) -> None:
        text = (self.root / "shop.py").read_text()
        assert old in text
        (self.root / "shop.py").write_text(text.replace(old, new))

    def queue(self, stage: str = "coder") -> list[tuple[str, str]]:
        """(name, reason) of what is due, in the order in which it is claimed."""
        rows = all_rows(
            self.psql,
            "SELECT n.name, w.reason FROM work w JOIN chunk c ON c.id = w.chunk_id JOIN node n ON n.id = c.node_id "
            "WHERE w.stage = %s AND w.state = 'due' ORDER BY w.lane, w.priority, w.chunk_id",
            stage,
        )
        return [(row["name"], row["reason"]) for row in rows]

    def chunk(self, name: str) -> int:
        return int(
            scalar(self.psql, "SELECT c.id FROM chunk c JOIN node n ON n.id = c.node_id WHERE n.name = %s", name)
        )


@pytest.fixture
async def shop(db: Database, psql: Connection, tmp_path: Path) -> Shop:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/shop.py").write_text(SHOP)
    shop = Shop(db, psql, tmp_path / "tree")
    await shop.index()
    return shop


async def test_callees_before_callers_and_central_before_remote(shop: Shop) -> None:
    names = [name for name, _ in shop.queue()]
    assert names == ["total", "tax", "unused", "receipt"]


async def test_what_was_changed_lately_goes_before_what_was_never_written(shop: Shop) -> None:
    shop.edit("return x", "return x + 1")
    await shop.index()
    assert next(name for name, _ in shop.queue()) == "unused"
    shop.edit("def unused", "def fresh(y):\n    return unused(y) or y\n\n\ndef unused")
    await shop.index()
    assert [name for name, _ in shop.queue()] == ["unused", "fresh", "total", "tax", "receipt"]
    await db_requeue.ask_for(shop.db, [shop.chunk("receipt")])
    assert next(name for name, _ in shop.queue()) == "receipt", "somebody waits for it"


async def test_the_plain_text_of_what_changed_goes_first_too(shop: Shop) -> None:
    await work_off(an_app(shop.db), stages=[Stage.CODER])
    assert len(shop.queue("talker")) >= 4
    shop.edit("return x", "return x + 1")
    await shop.index()
    coder = ScriptedModel(lambda prompt: well_formed(prompt).replace("the", "that"))
    await work_off(an_app(shop.db, coder=coder), stages=[Stage.CODER])
    assert shop.queue("talker")[0][0] == "unused"


async def test_new_code_stays_the_reason_when_its_callees_change_as_well(shop: Shop) -> None:
    await work_off(an_app(shop.db))
    shop.edit("def tax(price)", "def tax(price, rate=0.2)")
    shop.edit('return f"{total(prices)}', 'return f"sum {total(prices)}')
    await shop.index()
    assert dict(shop.queue())["receipt"] == "source"
    row = one(shop.psql, "SELECT lane FROM work WHERE chunk_id = %s AND stage = 'coder'", shop.chunk("receipt"))
    assert row["lane"] == 1


async def test_who_wants_another_text_gets_one_whatever_else_changes(shop: Shop) -> None:
    await work_off(an_app(shop.db))
    shop.psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = %s", (shop.chunk("receipt"),))
    shop.edit("def tax(price)", "def tax(price, rate=0.2)")
    await shop.index()
    assert dict(shop.queue())["receipt"] == "requeued"


async def test_callers_are_told_one_line_about_each_callee(shop: Shop) -> None:
    asked: dict[str, str] = {}

    def answer(prompt: Prompt) -> str:
        name = next((name for name in ("receipt", "unused", "tax", "total") if f"\ndef {name}(" in prompt.user), "file")
        asked.setdefault(name, prompt.user)
        return well_formed(prompt).replace("Summary\n", f"Summary\nOur words about {name}. And more.\n", 1)

    coder = ScriptedModel(answer)
    shop.edit(RECEIPT, "")
    await shop.index()
    await work_off(an_app(shop.db, coder=coder), stages=[Stage.CODER])
    shop.edit("def unused", f"{RECEIPT}def unused")
    await shop.index()
    await work_off(an_app(shop.db, coder=coder), stages=[Stage.CODER])
    assert "Add up all prices of a basket." in asked["receipt"], "its author's words"
    assert "Our words about tax." in asked["receipt"], "ours where its author said nothing"
    assert "And more." not in asked["receipt"]
    # What we say of a callee follows from its code: another sentence of ours makes nothing due, and no other key.
    shop.psql.execute(
        "UPDATE chunk SET content_raw = '### 1. Summary\nOther words.', raw_fence = raw_fence + 1 WHERE id = %s",
        (shop.chunk("tax"),),
    )
    assert not [name for name, _ in shop.queue() if name == "receipt"]


async def test_who_calls_what_cannot_be_written_does_not_wait_for_it(shop: Shop, db: Database) -> None:
    for claim in await take(db, limit=3):
        if claim.chunk_id == shop.chunk("total"):
            shop.psql.execute("UPDATE work SET state = 'dead', lease_owner = NULL, lease_until = NULL, "
                              "last_error = 'no' WHERE chunk_id = %s", (claim.chunk_id,))  # fmt: skip
        else:
            shop.psql.execute("UPDATE work SET state = 'due', lease_owner = NULL, lease_until = NULL "
                              "WHERE chunk_id = %s", (claim.chunk_id,))  # fmt: skip
    await work_off(an_app(shop.db), stages=[Stage.CODER])
    written = "SELECT content_raw IS NOT NULL FROM chunk WHERE id = %s"
    assert scalar(shop.psql, written, shop.chunk("receipt")) is True
    assert scalar(shop.psql, written, shop.chunk("total")) is False


async def test_functions_that_call_each_other_are_written_in_any_case(shop: Shop, db: Database) -> None:
    ring = "def ping(n):\n    return pong(n - 1)\n\n\ndef pong(n):\n    return ping(n - 1)\n"
    (shop.root / "rings.py").write_text(f"{ring}\n\ndef start():\n    return ping(3)\n")
    await shop.index()
    order = [name for name, _ in shop.queue()]
    assert order.index("start") > max(order.index("ping"), order.index("pong"))
    levels = all_rows(shop.psql, "SELECT name, level FROM node WHERE name IN ('ping', 'pong', 'start')")
    assert len({row["level"] for row in levels if row["name"] != "start"}) == 1, "a ring is one step"
    await work_off(an_app(shop.db))
    assert scalar(shop.psql, "SELECT count(*) FROM work WHERE state <> 'done'") == 0


async def test_a_test_is_not_written_anew_for_what_it_tries(shop: Shop) -> None:
    (shop.root / "test_shop.py").write_text("from shop import tax\n\n\ndef test_tax():\n    assert tax(10) == 2\n")
    await shop.index()
    await work_off(an_app(shop.db))
    shop.edit("def tax(price)", "def tax(price, rate=0.2)")
    await shop.index()
    assert {name for name, _ in shop.queue()} == {"tax", "receipt"}
