"""Whatever a fault test counts has its place in the list that `make faults` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.catalogue import FAULTS, listed
from tests.support.proxy import Fate

HERE = Path(__file__).parents[1]
_COUNTED = re.compile(r"(?:faults\[f?|called(?:: str)? ?= ?)\"([^\"]+)\"")


def kinds() -> set[str]:
    """The names under which the sources count, with a fitting word for what is put in."""
    sources = [*(HERE / "faults").glob("*.py"), *(HERE / "support").glob("*.py")]
    found = {
        re.sub(r"\{[^}]*\}", "cut", name)
        for path in sources
        for name in _COUNTED.findall(path.read_text(encoding="utf-8"))
    }
    return found | {f"model {kind}" for kind in ("500", "hang")} | {f"connection {fate}" for fate in Fate}


def test_every_kind_has_one_place() -> None:
    assert len(kinds()) > 30
    listed(dict.fromkeys(kinds(), 1))
    for kind in kinds():
        assert len([fault for fault in FAULTS if fault.kinds and kind.startswith(fault.kinds)]) == 1, kind


def test_every_fault_is_counted_or_said_to_be_elsewhere() -> None:
    for fault in FAULTS:
        counted = any(kind.startswith(fault.kinds) for kind in kinds() | {"race: x"}) if fault.kinds else False
        assert counted != bool(fault.elsewhere), fault.name


def test_a_kind_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="meteor"):
        listed({"meteor": 1})


def test_the_list_is_complete_and_in_order() -> None:
    assert [fault.number for fault in FAULTS] == list(range(1, 21))
    lines = listed({"process killed": 3, "killed at SAVE answer": 2})
    assert lines[0].split()[-1] == "5"
    assert sum(line.startswith(" " * 6) for line in lines) == 2
