"""Adds up, over all tests and processes of a run, what was done to the daemons and what came of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.support.catalogue import listed

_PLACE = "FAULTS_OF_DOCTOWN"  # inherited by the workers of pytest-xdist


def begin() -> bool:
    """Open the sums; False where they are open already, so that somebody else will report."""
    if _PLACE in os.environ:
        return False
    handle, path = tempfile.mkstemp(prefix="doctown-faults-", suffix=".jsonl")
    os.close(handle)
    os.environ[_PLACE] = path
    return True


def add(
    kinds: Mapping[str, int] | None = None,
    *,
    lost: int = 0,
    doubled: int = 0,
    rules: Mapping[str, int] | None = None,
    noticed: Mapping[str, str] | None = None,
) -> None:
    """Faults by kind, documents lost and doubled, steps of the state machine, safeguards taken out and what noticed."""
    path = os.environ.get(_PLACE)
    if path:
        row = {
            "kinds": {kind: count for kind, count in (kinds or {}).items() if count},
            "lost": lost,
            "doubled": doubled,
            "rules": rules or {},
            "noticed": noticed or {},
        }
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def report() -> str:
    """The list of faults with counts, the steps, the sabotage, and the last line; empty when nothing was done."""
    path = Path(os.environ.pop(_PLACE))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.unlink()
    kinds: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    noticed: dict[str, str] = {}
    for row in rows:
        kinds.update(row["kinds"])
        rules.update(row["rules"])
        noticed.update(row["noticed"])
    if not kinds:
        return ""
    lines = listed(kinds)
    if rules:
        lines += ["", f"steps of the state machine, none of which found anything: {rules.total()}"]
        lines += [f"      {rule:56} {count:6}" for rule, count in sorted(rules.items())]
    if noticed:
        lines += ["", "safeguard taken out                 noticed by the invariant"]
        lines += [f"      {name:29} {invariant}" for name, invariant in sorted(noticed.items())]
    lost, doubled = (sum(row[name] for row in rows) for name in ("lost", "doubled"))
    return "\n".join([*lines, "", f"faults {kinds.total()} lost {lost} doubled {doubled}"])
