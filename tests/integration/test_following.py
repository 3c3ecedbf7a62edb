"""Followed repositories: daemons take turns by leases, failures are shown and tried again later, commands audited."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from daemon.errors import SourceError
from daemon.follow.child import turn
from daemon.reach import FollowSettings
from daemon.settings import Settings
from daemon.work.following import Following, wait_after
from db import follow as db_follow
from db.audit import Order
from db.errors import NotFound
from db.follow import Origin
from db.session import Database
from tests.support.builders import Connection, all_rows, one, scalar
from tests.support.gits import a_repository_of_git, commit, git, put

ORDER = Order(actor="me", command="follow", filter={})
SETTINGS = FollowSettings(retry_s=10, retry_cap_s=100)
HERE = Origin(root="/", url=None, ref=None)


class Turns:
    """Counts turns; the answers of a repository may be errors."""

    def __init__(self, **answers: Exception) -> None:
        self.counts: Counter[str] = Counter()
        self.answers = answers
        self.begun = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def __call__(self, repo: str, origin: Origin) -> Mapping[str, Any]:
        self.counts[repo] += 1
        self.begun.set()
        if self.hold is not None:
            await self.hold.wait()
        if repo in self.answers:
            raise self.answers[repo]
        return {"changed": True}


async def until_nothing_is_due(following: Following) -> None:
    while (await db_follow.due(following._db))[0]:
        await following.once(asyncio.Event())


def set_back(psql: Connection, seconds: float = 1000) -> None:
    psql.execute("UPDATE follow SET next_at = next_at - make_interval(secs => %s)", (seconds,))


async def test_each_turn_is_taken_by_one_daemon(db: Database, psql: Connection) -> None:
    for number in range(6):
        await db_follow.follow(db, ORDER, f"r{number}", HERE, 60)
    turns = Turns()
    await asyncio.gather(*(until_nothing_is_due(Following(db, SETTINGS, turns)) for _ in range(4)))
    assert turns.counts == Counter({f"r{number}": 1 for number in range(6)})
    assert scalar(psql, "SELECT count(*) FROM follow WHERE lease_owner IS NULL AND done_at IS NOT NULL") == 6
    spread = all_rows(psql, "SELECT extract(epoch FROM next_at - done_at)::float8 AS s FROM follow")
    assert all(54 <= row["s"] <= 66 for row in spread)
    assert len({row["s"] for row in spread}) == 6, "with jitter, so that they do not stay in step"


async def test_a_failure_is_shown_and_tried_again_later_and_later(db: Database, psql: Connection) -> None:
    await db_follow.follow(db, ORDER, "shop", HERE, 60)
    following = Following(db, SETTINGS, Turns(shop=SourceError("no such branch", "Name another.")))
    waits = []
    for failures in (1, 2, 3):
        await following.once(asyncio.Event())
        (shop,) = await db_follow.followed(db)
        assert (shop.failures, shop.error) == (failures, "no such branch (Name another.)")
        waits.append(-shop.overdue_s)
        set_back(psql)
    assert 50 < waits[0] <= 60
    await Following(db, SETTINGS, Turns()).once(asyncio.Event())
    (shop,) = await db_follow.followed(db)
    assert (shop.failures, shop.error, shop.done_at is not None) == (0, None, True)


def test_the_wait_after_failures() -> None:
    settings = FollowSettings(retry_s=10, retry_cap_s=100)
    assert [wait_after(n, 5, settings, 0.0) for n in range(1, 7)] == [10, 20, 40, 80, 100, 100]
    assert wait_after(1, 60, settings, 0.0) == 60, "not more often than when all is well"
    assert wait_after(1, 86400, settings, 0.0) == 100, "nor a day later"
    assert wait_after(10_000, 5, settings, 0.0) == 100
    assert [wait_after(0, 100, settings, chance) for chance in (0.0, 0.5, 1.0)] == [90, 100, pytest.approx(110)]


async def test_a_daemon_that_vanished_loses_its_turn(db: Database, psql: Connection) -> None:
    repo = await db_follow.follow(db, ORDER, "shop", HERE, 60)
    dead = uuid4()
    assert await db_follow.take(db, repo, dead, 60)
    turns = Turns()
    await Following(db, SETTINGS, turns).once(asyncio.Event())
    assert turns.counts == Counter()
    psql.execute("UPDATE follow SET lease_until = clock_timestamp()")
    await Following(db, SETTINGS, turns).once(asyncio.Event())
    assert turns.counts == Counter(shop=1)
    assert not await db_follow.renew(db, repo, dead, 60), "and learns of it, should it come back"
    assert not await db_follow.done(db, repo, dead, wait_s=1)
    assert not await db_follow.failed(db, repo, dead, error="late", wait_s=1)
    assert scalar(psql, "SELECT failures FROM follow") == 0


async def test_a_stop_gives_the_turn_back(db: Database, psql: Connection) -> None:
    await db_follow.follow(db, ORDER, "shop", HERE, 60)
    turns, stopping = Turns(), asyncio.Event()
    turns.hold = asyncio.Event()
    running = asyncio.create_task(Following(db, SETTINGS, turns).run(stopping))
    await turns.begun.wait()
    stopping.set()
    await running
    assert [shop.repo for shop in (await db_follow.due(db))[0]] == ["shop"]
    assert scalar(psql, "SELECT failures FROM follow") == 0


async def test_a_turn_that_takes_longer_than_its_lease_is_kept(db: Database, psql: Connection) -> None:
    await db_follow.follow(db, ORDER, "shop", HERE, 60)
    turns, stopping = Turns(), asyncio.Event()
    turns.hold = asyncio.Event()
    following = Following(db, SETTINGS.model_copy(update={"lease_s": 0.3}), turns)
    running = asyncio.create_task(following.once(stopping))
    await turns.begun.wait()
    first = scalar(psql, "SELECT lease_until FROM follow")
    async with asyncio.timeout(30):
        while scalar(psql, "SELECT lease_until FROM follow") == first:
            await asyncio.sleep(0.02)
    turns.hold.set()
    await running
    assert scalar(psql, "SELECT done_at IS NOT NULL FROM follow")


async def test_a_folder_of_another_machine_and_what_is_paused_are_left_alone(db: Database, psql: Connection) -> None:
    await db_follow.follow(db, ORDER, "there", Origin(root="/nowhere/at/all", url=None, ref=None), 60)
    await db_follow.follow(db, ORDER, "paused", HERE, 60)
    psql.execute("UPDATE repository SET paused = true WHERE name = 'paused'")
    turns = Turns()
    await Following(db, SETTINGS, turns).once(asyncio.Event())
    assert turns.counts == Counter()
    assert scalar(psql, "SELECT count(*) FROM follow WHERE lease_owner IS NOT NULL OR failures > 0") == 0


async def test_commands_are_audited(db: Database, psql: Connection) -> None:
    await db_follow.follow(db, ORDER, "shop", HERE, 60)
    assert await db_follow.unfollow(db, Order(actor="me", command="unfollow", filter={}), "shop")
    assert not await db_follow.unfollow(db, Order(actor="me", command="unfollow", filter={}), "shop")
    assert [row["command"] for row in all_rows(psql, "SELECT command FROM audit ORDER BY id")] == [
        "follow", "unfollow", "unfollow",
    ]  # fmt: skip
    assert scalar(psql, "SELECT count(*) FROM repository") == 1, "index and texts stay"
    with pytest.raises(NotFound):
        await db_follow.unfollow(db, ORDER, "nobody")
    with pytest.raises(NotFound):
        await db_follow.follow(db, ORDER, "nobody", None, 60)


async def test_a_turn_runs_in_a_process_of_its_own(db: Database, psql: Connection, tmp_path: Path) -> None:
    root = a_repository_of_git(tmp_path / "tree", {"a.py": "def first():\n    pass\n"})
    git(root, "checkout", "-qb", "side")
    put(root, {"b.py": "def second():\n    pass\n"})
    second = commit(root)
    settings = Settings()
    done = await turn("tree", Origin(root=str(root), url=None, ref="main"), settings, db.url)
    assert (done["read"], done["changed"]) == (1, True)
    done = await turn("tree", Origin(root=str(root), url=None, ref="side"), settings, db.url)
    assert (done["read"], done["commit"]) == (1, second)
    assert one(psql, "SELECT indexed_commit FROM repository") == {"indexed_commit": second}
    with pytest.raises(SourceError, match="no commit, branch or tag is called 'gone'") as caught:
        await turn("tree", Origin(root=str(root), url=None, ref="gone"), settings, db.url)
    assert "git branch -a" in caught.value.remedy
