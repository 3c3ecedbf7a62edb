"""Adds up, over all tests and processes of a run, what was done to the daemons and what came of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

_PLACE = "FAULTS_OF_DOCTOWN"  # inherited by the workers of pytest-xdist


def begin() -> bool:
    """Open the sums; False where they are open already, so that somebody else will report."""
    if _PLACE in os.environ:
        return False
    handle, path = tempfile.mkstemp(prefix="doctown-faults-", suffix=".jsonl")
    os.close(handle)
    os.environ[_PLACE] = path
    return True


def add(kinds: Mapping[str, int], *, lost: int = 0, doubled: int = 0, rules: Mapping[str, int] | None = None) -> None:
    """Faults by kind, documents lost and doubled, and how often each rule of the state machine ran."""
    path = os.environ.get(_PLACE)
    if path:
        row = {"kinds": kinds, "lost": lost, "doubled": doubled, "rules": rules or {}}
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def report() -> str:
    """A table by kind, the rules, and the last line; empty when nothing was done. Closes the sums."""
    path = Path(os.environ.pop(_PLACE))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.unlink()
    kinds: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for row in rows:
        kinds.update(row["kinds"])
        rules.update(row["rules"])
    if not kinds:
        return ""
    width = max(map(len, [*kinds, *rules]))
    lines = [f"{kind:{width}} {count:6}" for kind, count in sorted(kinds.items())]
    if rules:
        lines += ["", "steps of the state machine:", *(f"{rule:{width}} {n:6}" for rule, n in sorted(rules.items()))]
    lost, doubled = (sum(row[name] for row in rows) for name in ("lost", "doubled"))
    return "\n".join([*lines, "", f"faults {kinds.total()} lost {lost} doubled {doubled}"])
