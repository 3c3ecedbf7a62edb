"""Code that is moved or called otherwise keeps its chunk with texts, vectors, queue and history: no model is asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedModel, well_formed
from daemon.settings import IndexSettings
from db.session import Database
from tests.support.builders import Connection, all_rows, one, scalar
from tests.support.workers import an_app, work_off

ORDERS = '''"""Orders and what becomes of them."""

from shop.mail import send_receipt


class OrderService:
    """Takes orders."""

    def __init__(self, repo: "OrderRepository") -> None:
        self.repo = repo
        self.places = {number: name for number, name in enumerate(["here", "there"])}

    def place(self, basket: list[str], *, express: bool = False) -> int:
        """Store an order and tell the customer."""
        number = self.repo.save(basket)
        send_receipt(number)
        return number


def cheapest(prices: list[int], tax: float = 0.2) -> float:
    found = [price * (1 + tax) for price in prices if price > 0]
    return min(found) if found else 0.0


def dearest(prices: list[int]) -> int:
    return max(prices)
'''
MAIL = '''"""Mail."""


def send_receipt(number: int) -> None:
    """Mail it."""
    print(f"order {number}")


def remind(numbers: list[int]) -> None:
    for number in numbers:
        if number > 0:
            print(f"order {number} is not paid")
'''


class Shop:
    """A small repository that is indexed and described."""

    def __init__(self, db: Database, psql: Connection, root: Path) -> None:
        self.db, self.psql, self.root = db, psql, root

    async def answer(self, prompt: Prompt) -> str:
        names = [row["title"] for row in all_rows(self.psql, "SELECT title FROM chunk ORDER BY length(title) DESC")]
        return f"{well_formed(prompt)}\n\nIt is called `{next(name for name in names if name in prompt.user)}`."

    async def follow(self) -> Counter[str]:
        """Index and write what is due; about what the models were asked, and how often."""
        last = scalar(self.psql, "SELECT COALESCE(max(id), 0) FROM generation")
        await sync(self.db, self.root, "shop", IndexSettings(workers=1, batch_files=2))
        coder, talker = ScriptedModel(self.answer), ScriptedModel()
        await work_off(an_app(self.db, coder=coder, talker=talker))
        asked = all_rows(
            self.psql,
            "SELECT n.fqn FROM generation g JOIN chunk c ON c.id = g.chunk_id JOIN node n ON n.id = c.node_id "
            "WHERE g.id > %s AND g.reused_from IS NULL",
            last,
        )
        assert len(asked) == len(coder.calls) + len(talker.calls)
        return Counter(row["fqn"] for row in asked)

    def chunks(self) -> dict[str, dict[str, Any]]:
        rows = all_rows(self.psql, "SELECT n.fqn, n.kind, c.* FROM chunk c JOIN node n ON n.id = c.node_id")
        return {f"{row['kind']} {row['fqn']}": row for row in rows}

    def chunk(self, fqn: str) -> dict[str, Any]:
        return one(self.psql, "SELECT c.* FROM chunk c JOIN node n ON n.id = c.node_id WHERE n.fqn = %s", fqn)

    def edit(self, path: str, *changes: tuple[str, str]) -> None:
        text = (self.root / path).read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        (self.root / path).write_text(text)

    def nothing_is_due(self) -> bool:
        return bool(scalar(self.psql, "SELECT count(*) = 0 FROM work WHERE state <> 'done'"))


@pytest.fixture
async def shop(db: Database, psql: Connection, tmp_path: Path) -> Shop:
    root = tmp_path / "tree"
    (root / "shop").mkdir(parents=True)
    (root / "shop/orders.py").write_text(ORDERS)
    (root / "shop/mail.py").write_text(MAIL)
    (root / "tools").mkdir()
    (root / "tools/release.py").write_text("def release(version: str) -> str:\n    return f'v{version}'\n")
    (root / "tools/check.py").write_text("def check(version: str) -> bool:\n    return bool(version)\n")
    shop = Shop(db, psql, root)
    assert await shop.follow()
    assert not await shop.follow()
    return shop


async def test_a_file_called_otherwise(shop: Shop) -> None:
    before = shop.chunks()
    vectors = all_rows(shop.psql, "SELECT chunk_id, field FROM embedding ORDER BY 1, 2")
    (shop.root / "shop/orders.py").rename(shop.root / "shop/sales.py")
    assert await shop.follow() == {}
    assert shop.nothing_is_due()
    after = shop.chunks()
    assert {row["id"] for row in after.values()} == {row["id"] for row in before.values()}
    moved, was = after["METHOD shop.sales.OrderService.place"], before["METHOD shop.orders.OrderService.place"]
    assert moved["id"] == was["id"]
    assert moved["title"] == "shop.sales.OrderService.place"
    assert moved["content_raw"] == was["content_raw"].replace("shop.orders", "shop.sales")
    assert "sales" in moved["idents"]
    assert "sales.py" in moved["explain_md"]
    assert moved["raw_recipe"] == was["raw_recipe"]
    assert moved["raw_fence"] == was["raw_fence"]
    assert all_rows(shop.psql, "SELECT chunk_id, field FROM embedding ORDER BY 1, 2") == vectors


async def test_a_folder_called_otherwise(shop: Shop) -> None:
    before = shop.chunks()
    (shop.root / "shop").rename(shop.root / "store")
    shop.edit("store/orders.py", ("from shop.mail", "from store.mail"))
    calls = await shop.follow()
    assert set(calls) == {"store.orders", "store", "shop"}, "one file imports otherwise; the wholes round it read that"
    after = shop.chunks()
    assert {row["id"] for row in after.values()} == {row["id"] for row in before.values()}
    assert after["PACKAGE store"]["id"] == before["PACKAGE shop"]["id"]
    assert after["PACKAGE store"]["title"] == "store"


async def test_a_folder_moved_as_it_is(shop: Shop) -> None:
    before = shop.chunks()
    (shop.root / "lib").mkdir()
    (shop.root / "tools").rename(shop.root / "lib/tools")
    assert await shop.follow() == {}
    assert {row["id"] for row in shop.chunks().values()} == {row["id"] for row in before.values()}
    assert shop.nothing_is_due()


async def test_a_function_moved_to_another_file(shop: Shop) -> None:
    before = shop.chunk("shop.mail.remind")
    start = MAIL.index("\n\ndef remind")
    (shop.root / "shop/mail.py").write_text(MAIL[:start])
    shop.edit("shop/orders.py", ("def dearest", MAIL[start:].strip() + "\n\n\ndef dearest"))
    calls = await shop.follow()
    after = shop.chunk("shop.orders.remind")
    assert after["id"] == before["id"]
    assert after["content_raw"] == before["content_raw"].replace("shop.mail.remind", "shop.orders.remind")
    assert not [name for name in calls if "remind" in name]
    assert shop.nothing_is_due()


async def test_a_function_called_otherwise(shop: Shop) -> None:
    before = shop.chunk("shop.orders.cheapest")
    shop.psql.execute(
        "UPDATE chunk SET content_raw = %s, raw_fence = raw_fence + 1, content_key = md5(%s) WHERE id = %s",
        ("`cheapest` sorts. It finds the cheapest.\n\n```\ncheapest([1])\n```",) * 2 + (before["id"],),
    )
    await shop.follow()
    shop.edit("shop/orders.py", ("def cheapest", "def lowest"))
    assert await shop.follow() == {}
    after = shop.chunk("shop.orders.lowest")
    assert after["id"] == before["id"]
    assert after["content_raw"] == "`lowest` sorts. It finds the cheapest.\n\n```\nlowest([1])\n```"
    assert (after["coder_due"], after["talker_due"], after["embed_due"]) == (False, False, False)
    assert after["raw_recipe"] == before["raw_recipe"], "it is no text of somebody's hand"
    assert after["explain_quality"]["carried"]["from"] == "shop.orders.cheapest"
    assert shop.nothing_is_due()


async def test_a_name_that_means_something_else_as_well_is_written_anew(shop: Shop) -> None:
    shop.edit(
        "shop/orders.py",
        ("def cheapest(prices", "def lowest(prices"),
        ("if found else 0.0", 'if found else 0.0  # "cheapest"'),
    )
    shop.edit("shop/orders.py", ("    found = [", '    """Not the cheapest."""\n    found = ['))
    calls = await shop.follow()
    assert calls["shop.orders.lowest"] == 2


async def test_too_little_code_to_tell_is_written_anew(shop: Shop) -> None:
    shop.edit("shop/orders.py", ("def dearest", "def greatest"))
    calls = await shop.follow()
    assert calls["shop.orders.greatest"] == 2


async def test_a_class_called_otherwise(shop: Shop) -> None:
    before = shop.chunks()
    shop.edit("shop/orders.py", ("class OrderService", "class OrderDesk"))
    assert await shop.follow() == {}
    after = shop.chunks()
    assert {row["id"] for row in after.values()} == {row["id"] for row in before.values()}
    place = after["METHOD shop.orders.OrderDesk.place"]
    assert place["id"] == before["METHOD shop.orders.OrderService.place"]["id"]
    assert "OrderService" not in place["content_raw"]


async def test_two_that_look_the_same_come_from_the_ledger(shop: Shop) -> None:
    (shop.root / "shop/copy.py").write_text(MAIL)
    await shop.follow()
    (shop.root / "shop/copy.py").rename(shop.root / "shop/first.py")
    (shop.root / "shop/mail.py").rename(shop.root / "shop/second.py")
    calls = await shop.follow()
    assert not [name for name in calls if "remind" in name or "receipt" in name]
    assert shop.nothing_is_due()


async def test_what_a_hand_wrote_and_what_was_given_up_go_along(shop: Shop) -> None:
    hand, dead = shop.chunk("shop.orders.cheapest")["id"], shop.chunk("shop.orders.dearest")["id"]
    shop.psql.execute("UPDATE chunk SET content_raw = 'By hand.', content = 'Plainly.' WHERE id = %s", (hand,))
    await shop.follow()
    shop.psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = %s", (dead,))
    shop.psql.execute(
        "UPDATE work SET state = 'dead', last_error = 'no' WHERE chunk_id = %s AND stage = 'coder'", (dead,)
    )
    (shop.root / "shop/orders.py").rename(shop.root / "shop/sales.py")
    await shop.follow()
    assert shop.chunk("shop.sales.cheapest")["content_raw"] == "By hand."
    assert shop.chunk("shop.sales.cheapest")["raw_recipe"] is None
    row = one(shop.psql, "SELECT * FROM work WHERE chunk_id = %s AND stage = 'coder'", dead)
    assert (row["state"], row["last_error"]) == ("dead", "no")


async def test_there_and_back_again(shop: Shop) -> None:
    before = shop.chunks()
    for old, new in (("cheapest", "lowest"), ("lowest", "smallest"), ("smallest", "cheapest")):
        shop.edit("shop/orders.py", (f"def {old}", f"def {new}"))
        assert await shop.follow() == {}
    after = shop.chunks()
    texts = ("id", "content_raw", "content", "source_key", "raw_key")
    for name, row in before.items():
        assert {key: after[name][key] for key in texts} == {key: row[key] for key in texts}, name
