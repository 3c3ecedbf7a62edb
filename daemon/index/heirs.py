"""Where code went that is no longer in its place: told by what it says, never by what it is near to; pure.

What cannot be told for certain (two that look the same, two places for one) is left to the ledger, which knows texts by
what they were made from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from daemon.index.retell_names import retold
from db.carry import Candidate, Heir, Texts
from db.index import CONTAINERS
from db.types import NodeKind

_Key = Callable[[Candidate], Hashable]


def heirs_of(gone: Sequence[Candidate], fresh: Sequence[Candidate]) -> list[Heir]:
    """Pairs of nodes: the chunk of the first belongs to the second now. Each node is in one pair at most.

    First whole files (their bytes are the same), then code that moved (same kind, name and tokens), then code that is
    called otherwise (same kind and shape), then what stood in a class that is called otherwise. A class or file that
    was edited on its way goes where most of its members went: its text is old there, and better than none.

    All of them are to be carried at once: what is found of a part may be something else.
    """
    search = _Search({one.node_id: one for one in gone}, {one.node_id: one for one in fresh})
    search.files()
    for key in _MOVED:
        search.pair(key)
    for key in _RENAMED:
        search.pair(key)
    search.members()
    search.containers()
    return search.found


def package_heirs(
    gone: Sequence[Candidate], fresh: Sequence[Candidate], holds: Mapping[int, Collection[int]]
) -> list[Heir]:
    """Where packages went: to the one that has more than half of what they held, and got it from none besides.

    ``holds``: the nodes of files and packages in each, of those that are gone as far as they are there still.
    """
    went: dict[int, int] = {}
    found: list[Heir] = []
    for old in sorted(gone, key=lambda one: -len(one.fqn)):  # inner ones first: they are what the outer ones hold
        had = {went.get(node, node) for node in holds.get(old.node_id, ())}
        shares = {new.node_id: len(had.intersection(holds.get(new.node_id, ()))) for new in fresh}
        most = [new for new in fresh if 2 * shares[new.node_id] > len(had) and new.node_id not in went.values()]
        if len(most) == 1:
            went[old.node_id] = most[0].node_id
            found.append(Heir(old=old, new=most[0], same=True))
    return found


class ByContent:
    """Follows code by what it says: a ``db.carry.Carrier``."""

    def heirs(self, gone: Sequence[Candidate], fresh: Sequence[Candidate]) -> list[Heir]:
        """As ``heirs_of``."""
        return heirs_of(gone, fresh)

    def retold(self, texts: Texts, renames: Mapping[str, str], source: str) -> Texts | None:
        """As ``retell_names.retold``."""
        return retold(texts, renames, source)


@dataclass(slots=True)
class _Search:
    gone: dict[int, Candidate]
    fresh: dict[int, Candidate]
    found: list[Heir] = field(default_factory=list)

    def take(self, old: Candidate, new: Candidate, *, same: bool = True) -> None:
        """They are a pair."""
        del self.gone[old.node_id], self.fresh[new.node_id]
        self.found.append(Heir(old=old, new=new, same=same))

    def pair(self, key: _Key) -> None:
        """Pair what is alone with its key on both sides; a key None says nothing."""
        places = _grouped(self.fresh.values(), key)
        for found, nodes in _grouped(self.gone.values(), key).items():
            there = places.get(found, [])
            if len(nodes) == 1 and len(there) == 1:
                self.take(nodes[0], there[0])

    def files(self) -> None:
        """Files of the same bytes, with all that stands in them, node by node."""
        inside_gone, inside_fresh = _by_path(self.gone.values()), _by_path(self.fresh.values())
        for key in _FILES:
            before = len(self.found)
            self.pair(key)
            for heir in self.found[before:]:
                old = [one for one in inside_gone[heir.old.path] if one.node_id in self.gone]
                new = {_place(one): one for one in inside_fresh[heir.new.path] if one.node_id in self.fresh}
                for one in old:
                    twin = new.get(_place(one))
                    if twin is not None:
                        self.take(one, twin)

    def members(self) -> None:
        """What stands in a class, and is as it was but for the name of the class."""
        owners = {heir.old.fqn: heir.new.fqn for heir in self.found if heir.old.kind in CONTAINERS and heir.same}

        def before(one: Candidate) -> Hashable:
            owner = owners.get(one.owner or "")
            return (one.kind, one.lang, one.name, one.source_hash, owner, one.ordinal) if owner else None

        places = _grouped(
            self.fresh.values(),
            lambda one: (one.kind, one.lang, one.name, one.source_hash, one.owner, one.ordinal),
        )
        for found, nodes in _grouped(self.gone.values(), before).items():
            there = places.get(found, [])
            if len(nodes) == 1 and len(there) == 1:
                self.take(nodes[0], there[0])

    def containers(self) -> None:
        """Classes, then files, that go where more than half of what they held went."""
        for is_file in (False, True):
            went: defaultdict[int, Counter[int]] = defaultdict(Counter)
            held: Counter[int] = Counter()
            old, new = _holders(self.gone.values(), is_file), _holders(self.fresh.values(), is_file)
            members = [
                heir for heir in self.found if (heir.old.kind in CONTAINERS or not is_file) or not heir.old.owner
            ]
            for heir in members:
                source, target = old.get(_holder(heir.old, is_file)), new.get(_holder(heir.new, is_file))
                if source is not None and target is not None:
                    went[source.node_id][target.node_id] += 1
            for one in [*self.gone.values(), *(heir.old for heir in self.found)]:
                source = old.get(_holder(one, is_file))
                if source is not None and source.node_id != one.node_id:
                    held[source.node_id] += 1
            self._take_most(went, held)

    def _take_most(self, went: Mapping[int, Counter[int]], held: Mapping[int, int]) -> None:
        wanted = {
            source: target
            for source, targets in went.items()
            for target, count in targets.most_common(1)
            if 2 * count > held[source]
        }
        sought = Counter(wanted.values())
        for source, target in wanted.items():
            old, new = self.gone.get(source), self.fresh.get(target)
            if old is not None and new is not None and sought[target] == 1:
                self.take(old, new, same=False)


def _grouped(nodes: Iterable[Candidate], key: _Key) -> dict[Hashable, list[Candidate]]:
    groups: defaultdict[Hashable, list[Candidate]] = defaultdict(list)
    for one in nodes:
        found = key(one)
        if found is not None:
            groups[found].append(one)
    return groups


def _by_path(nodes: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    return {str(path): inside for path, inside in _grouped(nodes, lambda one: one.path).items()}


def _place(one: Candidate) -> Hashable:
    """Where something stands in its file, which has the same bytes as another."""
    return one.kind, one.line_start, one.name, one.ordinal, one.source_hash


def _holders(nodes: Iterable[Candidate], is_file: bool) -> dict[Hashable, Candidate]:
    if is_file:
        return {one.path: one for one in nodes if one.kind == NodeKind.FILE}
    return {(one.path, one.fqn): one for one in nodes if one.kind in CONTAINERS}


def _holder(one: Candidate, is_file: bool) -> Hashable:
    return one.path if is_file else (one.path, one.owner)


def _basename(one: Candidate) -> str:
    return one.path.rpartition("/")[2]


def _folder(one: Candidate) -> str:
    return one.path.rpartition("/")[0].rpartition("/")[2]


def _owner(one: Candidate) -> str:
    return (one.owner or "").rpartition(".")[2]


def _said(one: Candidate) -> Hashable:
    """Kind, name and tokens. A file is what stands in it, whatever it is called."""
    return one.kind, one.lang, "" if one.kind == NodeKind.FILE else one.name, one.source_hash


def _telling(one: Candidate) -> Hashable:
    """The same where it says so much that no other says it by chance: in another class it is still the same code."""
    return _said(one) if _is_telling(one) else None


def _shape(one: Candidate) -> Hashable:
    return (one.kind, one.lang, one.shape_hash) if _is_telling(one) and one.kind != NodeKind.FILE else None


def _is_telling(one: Candidate) -> bool:
    return one.shape_hash is not None and not one.shape_hash.startswith("~")


def _with(key: _Key, *more: _Key) -> _Key:
    def joined(one: Candidate) -> Hashable:
        first = key(one)
        return None if first is None else (first, *(further(one) for further in more))

    return joined


def _bytes(one: Candidate) -> Hashable:
    return one.content_hash if one.kind == NodeKind.FILE else None


# From the most certain to the least: what is alone only with more of its surroundings is found first.
_FILES: tuple[_Key, ...] = (_with(_bytes, _basename, _folder), _with(_bytes, _basename), _bytes)
_MOVED: tuple[_Key, ...] = (
    _with(_said, _owner, _basename, lambda one: one.ordinal),
    _with(_said, _owner, _basename),
    _with(_said, _owner),
    _with(_telling, _basename),
    _telling,
)
_RENAMED: tuple[_Key, ...] = (
    _with(_shape, lambda one: one.path, _owner),
    _with(_shape, lambda one: one.path),
    _with(_shape, _owner, _basename),
    _with(_shape, _owner),
    _shape,
)
