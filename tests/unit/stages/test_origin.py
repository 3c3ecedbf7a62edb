"""What an answer is made from by its parts: whatever moves the key is told by name, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.stages.coder import Coder
from daemon.stages.instruct import Instruct
from daemon.stages.origin import Difference, Input, differences, digest, made_from
from daemon.stages.talker import Talker
from daemon.stages.wholes import Whole
from db.types import Member, Neighbour, Param, Piece, Use
from tests.support.material import a_material

MATERIAL = a_material(
    content_raw="It adds.", strategy="symbol", audience="developers", goal="explain", role="service",
    callees=(Neighbour(fqn="shop.save", count=2, internal=False, resolved=True, signature="save()", summary="Store."),),
    callers=(Neighbour(fqn="shop.main", count=1, internal=False, resolved=True),),
    members=(Member(name="one", signature="one()", summary="First.", role="test"),),
    uses=(Use(symbol="main", path="m.py", called="f", code="f(1)", at=0),),
    pieces=(Piece(name="one", kind="FUNCTION", text="It is the first."),),
)  # fmt: skip
CHANGES: dict[str, Any] = {
    "source_hash": "other", "name": "other", "lang": "go", "part": 3, "signature": "other()",
    "params": (Param(name="other"),), "return_type": "bytes", "doc_summary": "Other.", "annotations": ("@other",),
    "role": "test", "audience": "others", "content_raw": "Other.", "supertypes": ("Other",),
    "callees": (replace(MATERIAL.callees[0], signature="save(x)"),),
    "members": (replace(MATERIAL.members[0], summary="Other."),),
    "uses": (replace(MATERIAL.uses[0], code="f(2)"),), "pieces": (replace(MATERIAL.pieces[0], text="Another."),),
    # No part of any key: they may change as they like.
    "line_start": 77, "path": "elsewhere.py", "callers": (), "package": "elsewhere", "content": "Other.",
}  # fmt: skip


@pytest.mark.parametrize("writing", [Coder(), Talker(), Instruct(), Whole("file"), Whole("package")])
@pytest.mark.parametrize("field", CHANGES)
def test_the_parts_differ_exactly_where_the_key_does(writing: Any, field: str) -> None:
    other = replace(MATERIAL, **{field: CHANGES[field]})
    before, after = writing.inputs(MATERIAL), writing.inputs(other)
    key_differs = digest(*(one.value for one in before)) != digest(*(one.value for one in after))
    assert bool(differences(made_from(before), made_from(after))) is key_differs
    if field in {"line_start", "callers", "package"}:
        assert not key_differs


def test_neighbours_are_told_apart() -> None:
    before = [Input("calls", 1, (("save", ("save()", "Store.")), ("load", ("load()", ""))))]
    after = [Input("calls", 2, (("save", ("save()", "Keep.")), ("drop", ("drop()", ""))))]
    assert differences(made_from(before), made_from(after)) == [
        Difference("calls", "save"), Difference("calls", "load", "gone"), Difference("calls", "drop", "new"),
    ]  # fmt: skip


def test_of_very_many_the_rest_counts_together() -> None:
    def of(last: str) -> dict[str, Any]:
        each = tuple((f"m{number}", ("x",)) for number in range(3000))
        return made_from([Input("members", 0, (*each, ("last", (last,))))])

    assert len(of("a")["members"]) == 41
    assert differences(of("a"), of("b")) == [Difference("members", "…")]


def test_two_of_one_name_count_both() -> None:
    once = made_from([Input("calls", 0, (("save", ("a",)),))])
    twice = made_from([Input("calls", 0, (("save", ("a",)), ("save", ("b",))))])
    assert differences(once, twice) == [Difference("calls", "save")]
