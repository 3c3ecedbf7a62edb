"""The probes: when a process is to be restarted, and when work may be expected of it."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.monitor import probes
from daemon.work.view import LoopView, WorkerView
from db.types import Stage


def view(*, draining: bool = False, stopping: bool = False, **loop: Any) -> WorkerView:
    values: dict[str, Any] = {"rest": "empty", "tasks": 0, "idle_s": 1.0, "waiting": False, "ended": False}
    return WorkerView(
        loops=(LoopView(stage=Stage.CODER, **{**values, **loop}),), endpoints=(), held=0, renewed_s=0,
        draining=draining, stopping=stopping, listener=None, woken={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loop", "stopping", "lives"),
    [
        ({}, False, True),
        ({"idle_s": 101.0}, False, False),
        ({"idle_s": 101.0, "waiting": True}, False, True),
        ({"ended": True}, False, False),
        ({"ended": True}, True, True),
    ],
)
def test_who_lives(loop: dict[str, Any], stopping: bool, lives: bool) -> None:
    checks = probes.live(view(stopping=stopping, **loop), patience_s=100)
    assert all(check.ok for check in checks) is lives
    assert [check.name for check in checks] == ["event loop", "loop coder"]


def test_a_drained_or_stopping_worker_is_not_ready() -> None:
    assert probes.at_work(view()).ok
    assert "drain --undo" in probes.at_work(view(draining=True)).found
    assert not probes.at_work(view(stopping=True)).ok


@pytest.mark.parametrize(
    ("revision", "compatible_since", "ok"),
    [
        ("0002", "0001", True),
        ("0003", "0001", True),
        ("0003", "0002", True),
        ("0003", "0003", False),
        ("0001", "0001", False),
    ],
)
def test_tables_of_other_revisions(revision: str, compatible_since: str, ok: bool) -> None:
    check = probes.migrations(revision, compatible_since, "0002")
    assert check.ok is ok
    assert revision in check.found
