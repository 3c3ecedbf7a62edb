"""When a whole is written anew: the decision, without any clock or store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from daemon.work.settling import Verdict, decide
from db.settle import Whole

READY = Whole(
    chunk_id=1, look_at=datetime(2026, 1, 1, tzinfo=UTC), own="o", pieces="p", written=True, held=False, same=False,
    quiet_for_s=1000.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "force", "verdict", "wait"),
    [
        ({}, False, Verdict.DUE, 0),
        ({"quiet_for_s": 100.0}, False, Verdict.WAIT, 200),
        ({"quiet_for_s": 100.0}, True, Verdict.DUE, 0),
        ({"quiet_for_s": 0.0, "written": False}, False, Verdict.DUE, 0),
        ({"same": True, "quiet_for_s": 0.0}, False, Verdict.SAME, 0),
        ({"held": True, "pieces": None}, False, Verdict.WAIT, 300),
        ({"held": True, "pieces": None, "written": False}, True, Verdict.WAIT, 300),
    ],
)
def test_the_verdict(changes: dict[str, object], *, force: bool, verdict: Verdict, wait: float) -> None:
    assert decide(replace(READY, **changes), quiet_s=300, force=force) == (verdict, wait)  # type: ignore[arg-type]
