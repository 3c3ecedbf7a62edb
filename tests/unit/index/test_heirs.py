"""Where code went, told by what it says."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from daemon.index.heirs import heirs_of, package_heirs
from db.carry import Candidate

_NUMBER = itertools.count(1)


def a(path: str, name: str, *, source: str = "s", shape: str | None = "shape", **values: object) -> Candidate:
    kind = str(values.pop("kind", "FUNCTION"))
    owner = values.pop("owner", None)
    fqn = f"{path.removesuffix('.py').replace('/', '.')}.{f'{owner}.' if owner else ''}{name}"
    given = {"ordinal": 0, "line_start": 1, "content_hash": f"bytes of {path}", **values}
    return Candidate(
        node_id=next(_NUMBER), path=path, kind=kind, lang="python", fqn=fqn, name=name, source_hash=source,
        owner=f"{path}.{owner}" if owner else None, shape_hash=shape, **given,  # type: ignore[arg-type]
    )  # fmt: skip


def pairs(gone: list[Candidate], fresh: list[Candidate]) -> list[tuple[str, str, bool]]:
    found = heirs_of(gone, fresh)
    return sorted((f"{heir.old.path} {heir.old.name}", f"{heir.new.path} {heir.new.name}", heir.same) for heir in found)


def test_the_same_bytes_are_the_same_file_with_all_that_is_in_it() -> None:
    bytes_ = {"content_hash": "bytes"}
    gone = [a("a.py", "a.py", kind="FILE", **bytes_), a("a.py", "f", source="f", shape="~", **bytes_)]
    fresh = [a("b/x.py", "x.py", kind="FILE", **bytes_), a("b/x.py", "f", source="f", shape="~", **bytes_)]
    assert pairs(gone, fresh) == [("a.py a.py", "b/x.py x.py", True), ("a.py f", "b/x.py f", True)]


def test_a_function_that_moved_and_one_that_is_called_otherwise() -> None:
    gone = [a("a.py", "f", source="1", shape="1"), a("a.py", "g", source="2", shape="2")]
    fresh = [a("b.py", "f", source="1", shape="1"), a("a.py", "h", source="3", shape="2")]
    assert pairs(gone, fresh) == [("a.py f", "b.py f", True), ("a.py g", "a.py h", True)]


def test_what_says_too_little_is_known_by_its_class_and_else_not_at_all() -> None:
    gone = [a("a.py", "close", shape="~", owner="File")]
    assert pairs(gone, [a("b.py", "close", shape="~", owner="File")]) == [("a.py close", "b.py close", True)]
    assert pairs(gone, [a("b.py", "close", shape="~", owner="Socket")]) == []
    assert pairs(gone, [a("a.py", "shut", source="t", shape="~", owner="File")]) == []


def test_of_two_that_look_the_same_none_is_chosen() -> None:
    gone, two = [a("a.py", "f")], [a("b.py", "f"), a("c.py", "f")]
    assert pairs(gone, two) == []
    assert pairs([a("b.py", "f"), a("c.py", "f")], [a("d.py", "f")]) == []
    assert pairs([a("a.py", "f", owner="A"), a("a.py", "f", owner="B")], [a("b.py", "f", owner="B")]) == [
        ("a.py f", "b.py f", True)
    ]


def test_members_follow_the_class_that_is_called_otherwise() -> None:
    gone = [a("a.py", "A", kind="CLASS", source="1"), a("a.py", "get", kind="METHOD", shape="~", owner="A")]
    fresh = [a("a.py", "B", kind="CLASS", source="2"), a("a.py", "get", kind="METHOD", shape="~", owner="B")]
    gone[1:] = [replace_owner(gone[1], gone[0])]
    fresh[1:] = [replace_owner(fresh[1], fresh[0])]
    assert pairs(gone, fresh) == [("a.py A", "a.py B", True), ("a.py get", "a.py get", True)]


def replace_owner(one: Candidate, owner: Candidate) -> Candidate:
    return a(one.path, one.name, kind=one.kind, shape=one.shape_hash).__class__(
        **{**{name: getattr(one, name) for name in one.__slots__}, "owner": owner.fqn}
    )


def test_a_file_that_was_edited_on_its_way_goes_where_its_members_went() -> None:
    gone = [a("a.py", "a.py", kind="FILE", source="1", shape="~"), *(a("a.py", n, source=n, shape=n) for n in "fgh")]
    fresh = [a("b.py", "b.py", kind="FILE", source="2", shape="~"), *(a("b.py", n, source=n, shape=n) for n in "fgx")]
    assert ("a.py a.py", "b.py b.py", False) in pairs(gone, fresh)


nodes = st.lists(
    st.builds(
        a,
        st.sampled_from(["a.py", "b/a.py", "c.py"]),
        st.sampled_from(["f", "g"]),
        source=st.sampled_from("12"),
        shape=st.sampled_from(["1", "2", "~1"]),
        owner=st.sampled_from([None, "A", "B"]),
        content_hash=st.sampled_from("xy"),
    ),
    max_size=8,
)


@given(nodes, nodes)
def test_nothing_is_inherited_twice_and_order_does_not_matter(gone: list[Candidate], fresh: list[Candidate]) -> None:
    found = {(heir.old.node_id, heir.new.node_id) for heir in heirs_of(gone, fresh)}
    assert len({old for old, _ in found}) == len({new for _, new in found}) == len(found)
    assert {(heir.old.node_id, heir.new.node_id) for heir in heirs_of(gone[::-1], fresh[::-1])} == found
    same = {one.node_id: (one.source_hash, one.shape_hash, one.content_hash) for one in [*gone, *fresh]}
    assert all(any(map(str.__eq__, map(str, same[old]), map(str, same[new]))) for old, new in found)


def test_packages_go_where_most_of_what_they_held_went() -> None:
    inner, outer, new_inner, new_outer = (a("", name, kind="PACKAGE") for name in ("s.in", "s", "t.in", "t"))
    holds = {
        inner.node_id: {901, 902}, new_inner.node_id: {901, 902, 903},
        outer.node_id: {inner.node_id, 904}, new_outer.node_id: {new_inner.node_id, 904},
    }  # fmt: skip
    found = package_heirs([outer, inner], [new_outer, new_inner], holds)
    assert [(heir.old.name, heir.new.name) for heir in found] == [("s.in", "t.in"), ("s", "t")]
    assert package_heirs([inner], [new_inner], {inner.node_id: {1, 2}, new_inner.node_id: {1, 9}}) == []
