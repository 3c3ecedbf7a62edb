"""Who is claimed beside what it calls waits for its text: callees before callers, however many are written at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import PromptTooLong
from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import Answer, ScriptedModel, well_formed
from daemon.settings import IndexSettings
from db import gather as db_gather
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, all_rows, scalar, take
from tests.support.processes import eventually
from tests.support.workers import an_app, work_off

SHOP = '''def total(prices):
    """Add up all prices of a basket."""
    return sum(prices)


def tax(price):
    return price * 0.2


class Till:
    def open(self):
        return tax(100)


def receipt(prices):
    return f"{total(prices)} with {tax(total(prices))}"
'''
_FOREVER_S = 3600.0  # longer than a test may take: where it is waited for, the test says so by its end


class Coder:
    """Says whose text it is; answers about ``held`` only when let."""

    def __init__(self, held: str) -> None:
        self.asked: dict[str, str] = {}
        self.held, self.go, self.reached = held, asyncio.Event(), asyncio.Event()
        self.refuses: Exception | None = None
        self.model = ScriptedModel(self._answer)

    def _answer(self, prompt: Prompt) -> Awaitable[Answer]:
        code = prompt.user
        marks = ("class Till", "def receipt", "def total", "def open", "def tax", "def ping", "def pong")
        name = next((mark.split()[1] for mark in marks if f"\n{mark}" in code or f"\n    {mark}" in code), "file")
        self.asked.setdefault(name, code)
        return self._say(name, well_formed(prompt))

    async def _say(self, name: str, text: str) -> Answer:
        if name == self.held:
            self.reached.set()
            await self.go.wait()
            if self.refuses is not None:
                return self.refuses
        return text.replace("Summary\n", f"Summary\nOur words about {name}. And more.\n", 1)


def put(root: Path, text: str) -> None:
    root.mkdir()
    (root / "shop.py").write_text(text)


async def a_shop(db: Database, root: Path, text: str = SHOP) -> None:
    put(root, text)
    await sync(db, root, "shop", IndexSettings(workers=1))


def chunk_of(psql: Connection, name: str) -> int:
    return int(scalar(psql, "SELECT c.id FROM chunk c JOIN node n ON n.id = c.node_id WHERE n.name = %s", name))


async def test_a_caller_waits_for_the_text_of_its_callee(db: Database, psql: Connection, tmp_path: Path) -> None:
    await a_shop(db, tmp_path / "tree")
    coder = Coder("tax")
    app = an_app(db, coder=coder.model, slots=8, stages=(Stage.CODER,), callee_wait_s=_FOREVER_S)
    working = asyncio.create_task(work_off(app))
    await coder.reached.wait()
    leased = "SELECT count(*) FROM work WHERE state = 'leased' AND stage = 'coder'"
    await eventually(lambda: bool(scalar(psql, leased) == 4))  # all but `total`, which calls nothing and is done
    assert set(coder.asked) == {"total", "tax"}
    coder.go.set()
    await working
    assert "Our words about tax." in coder.asked["receipt"]
    assert "Our words about tax." in coder.asked["open"]
    assert "Our words about open." in coder.asked["Till"], "and a class for its members"
    assert scalar(psql, "SELECT max(attempts) FROM work WHERE stage = 'coder'") == 1


async def test_nobody_waits_where_that_is_set(db: Database, tmp_path: Path) -> None:
    await a_shop(db, tmp_path / "tree")
    coder = Coder("tax")
    app = an_app(db, coder=coder.model, slots=8, stages=(Stage.CODER,), callee_wait_s=0)
    working = asyncio.create_task(work_off(app))
    await eventually(lambda: "receipt" in coder.asked)
    coder.go.set()
    await working
    assert "Our words" not in coder.asked["receipt"]


async def test_what_cannot_be_written_is_waited_for_no_longer(db: Database, psql: Connection, tmp_path: Path) -> None:
    await a_shop(db, tmp_path / "tree")
    coder = Coder("tax")
    coder.refuses = PromptTooLong("no", "no")
    coder.go.set()
    app = an_app(db, coder=coder.model, slots=8, stages=(Stage.CODER,), callee_wait_s=_FOREVER_S)
    await work_off(app)
    assert (
        scalar(psql, "SELECT state FROM work WHERE chunk_id = %s AND stage = 'coder'", chunk_of(psql, "tax")) == "dead"
    )
    assert {"receipt", "open", "Till"} <= set(coder.asked)


async def test_a_ring_does_not_wait_for_itself(db: Database, psql: Connection, tmp_path: Path) -> None:
    await a_shop(db, tmp_path / "tree", "def ping(n):\n    return pong(n)\n\n\ndef pong(n):\n    return ping(n)\n")
    coder = Coder("nothing")
    await work_off(an_app(db, coder=coder.model, slots=8, stages=(Stage.CODER,), callee_wait_s=_FOREVER_S))
    told = ["Our words" in coder.asked[name] for name in ("ping", "pong")]
    assert sorted(told) == [False, True], "the second knows of the first"


async def test_what_another_process_writes_is_waited_for_too(db: Database, psql: Connection, tmp_path: Path) -> None:
    """Two workers, each with one place: the second takes a caller while the first has its callee in hand."""
    await a_shop(db, tmp_path / "tree")
    first, second = Coder("tax"), Coder("nothing")
    one = an_app(db, coder=first.model, slots=1, stages=(Stage.CODER,), callee_wait_s=_FOREVER_S)
    two = an_app(db, coder=second.model, slots=8, stages=(Stage.CODER,), callee_wait_s=_FOREVER_S)
    working = asyncio.create_task(work_off(one))
    await first.reached.wait()
    beside = asyncio.create_task(work_off(two))
    owners = "SELECT count(DISTINCT lease_owner) FROM work WHERE state = 'leased'"
    await eventually(lambda: bool(scalar(psql, owners) == 2))
    first.go.set()
    await asyncio.gather(working, beside)
    asked = {**second.asked, **first.asked}
    assert all("Our words about tax." in asked[name] for name in ("receipt", "open"))


async def test_patience_ends(db: Database, psql: Connection, tmp_path: Path) -> None:
    """The callee stands in the name of somebody who does nothing: rescued some day, and not waited for until then."""
    await a_shop(db, tmp_path / "tree")
    await only_leased(db, psql, chunk_of(psql, "tax"))
    coder = Coder("nothing")
    app = an_app(db, coder=coder.model, slots=8, stages=(Stage.CODER,), callee_wait_s=0.05)
    working = asyncio.create_task(work_off(app))
    await eventually(lambda: {"receipt", "open"} <= set(coder.asked))
    await working
    assert "Our words" not in coder.asked["receipt"]


async def test_what_ends_between_two_looks_is_not_missed(
    db: Database, psql: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_shop(db, tmp_path / "tree")
    tax, receipt = chunk_of(psql, "tax"), chunk_of(psql, "receipt")
    await only_leased(db, psql, tax)

    def then_saved(look: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def looked(*args: Any, **more: Any) -> Any:
            found = await look(*args, **more)
            if receipt in [getattr(one, "chunk_id", one) for one in args[1]]:
                psql.execute(
                    "UPDATE chunk SET content_raw = 'Our words about tax.', raw_fence = 9 WHERE id = %s", (tax,)
                )
                psql.execute(
                    "UPDATE work SET state = 'done', lease_owner = NULL, lease_until = NULL "
                    "WHERE chunk_id = %s AND stage = 'coder'", (tax,)
                )  # fmt: skip
            return found

        return looked

    for name in ("below", "gather"):
        monkeypatch.setattr(db_gather, name, then_saved(getattr(db_gather, name)))
    coder = Coder("nothing")
    await work_off(an_app(db, coder=coder.model, slots=8, stages=(Stage.CODER,), callee_wait_s=_FOREVER_S))
    assert "Our words about tax." in coder.asked["receipt"]


async def only_leased(db: Database, psql: Connection, chunk: int) -> None:
    """Somebody who does nothing holds this piece, and no other."""
    for claim in await take(db, limit=9, lease_s=3600):
        if claim.chunk_id != chunk:
            psql.execute(
                "UPDATE work SET state = 'due', attempts = 0, lease_owner = NULL, lease_until = NULL "
                "WHERE chunk_id = %s AND stage = 'coder'", (claim.chunk_id,)
            )  # fmt: skip


@pytest.mark.parametrize("spoil", ["nothing", "author", "done", "after"])
async def test_who_is_waited_for(db: Database, psql: Connection, tmp_path: Path, spoil: str) -> None:
    await a_shop(db, tmp_path / "tree")
    tax, receipt = chunk_of(psql, "tax"), chunk_of(psql, "receipt")
    await take(db, limit=9)
    if spoil == "author":
        psql.execute("UPDATE node SET doc_summary = 'Works out the tax.' WHERE name = 'tax'")
    elif spoil == "done":
        psql.execute(
            "UPDATE work SET state = 'done', lease_owner = NULL, lease_until = NULL WHERE chunk_id = %s", (tax,)
        )
    elif spoil == "after":
        psql.execute("UPDATE work SET priority = 2000000000 WHERE chunk_id = %s", (tax,))
    below = await db_gather.below(db, [receipt])
    assert below == ({receipt: frozenset({tax})} if spoil == "nothing" else {})
    assert all_rows(psql, "SELECT 1 FROM work WHERE state = 'leased' AND chunk_id = %s", receipt)
