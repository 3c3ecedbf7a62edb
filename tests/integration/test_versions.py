"""Two versions on one database: while daemons are brought up to date one by one, both claim, save and rescue.

``released/`` holds the statements of earlier releases, word for word as they were shipped.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import claim as db_claim
from db import save as db_save
from db.session import Database
from db.types import ErrorClass, Stage
from tests.support.builders import Connection, a_draft, a_repository, all_rows, scalar, some_chunks, take

_RELEASED = Path(__file__).parent / "released"
_RELEASES = sorted(folder.name for folder in _RELEASED.iterdir())


class Earlier:
    """A worker of an earlier release, as far as its statements go."""

    def __init__(self, db: Database, release: str) -> None:
        self._db = db
        self._folder = _RELEASED / release

    async def run(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """One of its statements."""
        statement = text((self._folder / f"{name}.sql").read_text(encoding="utf-8"))
        async with self._db.statement() as connection:
            return [dict(row) for row in (await connection.execute(statement, values)).mappings()]

    async def claim(self, limit: int = 1) -> list[dict[str, Any]]:
        """Take some of the coder's work."""
        return await self.run(
            "claim_take", stage="coder", owner=str(uuid4()), limit=limit, lease_s=90, max_lane=2, repo_id=None
        )

    async def save(self, claim: dict[str, Any], output: str = "Its text.") -> str:
        """Save as it did; the outcome."""
        draft = {
            "chunk_id": claim["chunk_id"], "stage": "coder", "fence": claim["fence"], "output": output, "key": "k",
            "wanted_key": claim["wanted_key"], "recipe": "r", "model": "m", "options": {}, "prompt_fingerprint": "p",
            "language": "en", "language_detected": "en", "quality": {}, "prompt_tokens": 1, "output_tokens": 1,
            "duration_ms": 1, "regenerations": 0, "reused_from": None,
        }  # fmt: skip
        (row,) = await self.run("save_texts", drafts=json.dumps([draft]), worker="earlier")
        return str(row["outcome"])


@pytest.fixture(params=_RELEASES)
def earlier(request: pytest.FixtureRequest, db: Database) -> Earlier:
    return Earlier(db, request.param)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_both_versions_work_off_one_queue(db: Database, psql: Connection, earlier: Earlier, seed: int) -> None:
    chunks = some_chunks(psql, a_repository(psql), 25)
    chance = random.Random(seed)  # noqa: S311 - a seeded run can be repeated
    for _ in range(400):
        if scalar(psql, "SELECT count(*) FROM work WHERE stage = 'coder' AND state <> 'done'") == 0:
            break
        await (earlier.run("claim_promote") if chance.random() < 0.5 else db_claim.promote(db))
        what = chance.random()
        if chance.random() < 0.5:
            for claim in await earlier.claim(3):
                if what < 0.6:
                    assert await earlier.save(claim) == "saved"
                elif what < 0.8:
                    await earlier.run(
                        "claim_fail", chunk_id=claim["chunk_id"], stage="coder", fence=claim["fence"], wait_s=0,
                        dead=False, error_class="transient", error="boom",
                    )  # fmt: skip
                else:
                    await earlier.run(
                        "claim_release", chunks=[claim["chunk_id"]], stages=["coder"], fences=[claim["fence"]],
                        wait_s=0, error_class=None, error=None,
                    )  # fmt: skip
        else:
            for mine in await take(db, limit=3):
                if what < 0.6:
                    outcomes = await db_save.save_texts(db, [(mine, a_draft())], worker="later")
                    assert list(outcomes.values()) == ["saved"]
                elif what < 0.8:
                    await db_claim.fail(db, mine, error_class=ErrorClass.TRANSIENT, error="boom")
                else:
                    await db_claim.release(db, [mine])
    ledger = Counter(row["chunk_id"] for row in all_rows(psql, "SELECT chunk_id FROM generation WHERE stage = 'coder'"))
    assert ledger == dict.fromkeys(chunks, 1), "each saved once, by one of the two"
    assert {row["worker"] for row in all_rows(psql, "SELECT worker FROM generation")} == {"earlier", "later"}


async def test_neither_saves_what_the_other_has_rescued(db: Database, psql: Connection, earlier: Earlier) -> None:
    some_chunks(psql, a_repository(psql), 2)
    (theirs,) = await earlier.claim()
    (ours,) = await take(db)
    psql.execute(
        "UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE chunk_id = %s", (theirs["chunk_id"],)
    )
    await db_claim.rescue(db, max_crashes=3, max_attempts=6, backoff_base_s=0, backoff_cap_s=1)
    psql.execute(
        "UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE chunk_id = %s", (ours.chunk_id,)
    )
    await earlier.run("claim_rescue", max_crashes=3, max_attempts=6, base_s=0, cap_s=1)
    assert await earlier.save(theirs) == "lost"
    assert list((await db_save.save_texts(db, [(ours, a_draft())], worker="later")).values()) == ["lost"]
    assert scalar(psql, "SELECT count(*) FROM generation") == 0


async def test_a_lease_is_renewed_by_the_version_that_holds_it(
    db: Database, psql: Connection, earlier: Earlier
) -> None:
    some_chunks(psql, a_repository(psql), 2)
    (theirs,) = await earlier.claim()
    (ours,) = await take(db)
    rows = await earlier.run(
        "claim_renew", chunks=[theirs["chunk_id"], ours.chunk_id], stages=["coder", "coder"],
        fences=[theirs["fence"], ours.fence - 1], lease_s=90,
    )  # fmt: skip
    assert [row["chunk_id"] for row in rows] == [theirs["chunk_id"]]
    assert await db_claim.renew(db, [ours], lease_s=90) == {db_claim.key_of(ours)}
    assert ours.stage is Stage.CODER
