"""What an answer is made from, part by part: they make its key, and their short hashes say later what has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_SHORT = 4  # bytes of a part's hash: it tells a reader what differs, the key itself has 16
_EACH = 40  # neighbours that are told apart; the others count together
_OTHERS = "…"
_IN_FLIGHT = 128  # materials that are worked on at once, and some more

MadeFrom = dict[str, str | dict[str, str]]


@dataclass(frozen=True, slots=True)
class Input:
    """One part of what shapes an answer. ``each`` takes a part that is about several neighbours apart: their names,
    and of each what it shows of itself (a callee: signature and doc comment)."""

    name: str
    value: object  # as it enters the key
    each: tuple[tuple[str, tuple[object, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not what it was. ``what`` is its name, ``which`` the neighbour, ``how`` what happened to it."""

    what: str
    which: str | None = None
    how: str = "changed"  # or: new, gone


class OnceEach(Generic[T]):
    """The inputs of the materials at hand, worked out once for each; told apart by what they are, not by what they
    hold."""

    def __init__(self, work_out: Callable[[T], list[Input]]) -> None:
        self._work_out = work_out
        self._known: dict[int, tuple[T, list[Input]]] = {}

    def __call__(self, material: T) -> list[Input]:
        """The inputs of a material. It is kept with them, so that no other can come to have its identity."""
        known = self._known.get(id(material))
        if known is None:
            known = self._known[id(material)] = material, self._work_out(material)
            if len(self._known) > _IN_FLIGHT:
                self._known.pop(next(iter(self._known)))
        return known[1]


def digest(*parts: object) -> str:
    """A 128-bit fingerprint of values that JSON can write."""
    return _hash(parts, 16)


def short(*parts: object) -> str:
    """A fingerprint that is good enough to say that something differs."""
    return _hash(parts, _SHORT)


def _hash(parts: tuple[object, ...], size: int) -> str:
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def made_from(inputs: Sequence[Input]) -> MadeFrom:
    """The short hashes of all parts by name; of neighbours a mapping by theirs, with one hash for each thing shown.

    Parts of one name have one hash.
    """
    found: MadeFrom = {}
    alike: dict[str, list[object]] = {}
    for one in inputs:
        if not one.each:
            alike.setdefault(one.name, []).append(one.value)
            found[one.name] = short(*alike[one.name])
            continue
        each: dict[str, str] = {}
        for name, shown in one.each[:_EACH]:
            hashes = ".".join(short(part) if part else "" for part in shown)
            each[name] = f"{each[name]} {hashes}" if name in each else hashes
        if len(one.each) > _EACH:
            each[_OTHERS] = short(one.each[_EACH:])
        found[one.name] = each
    return found


def differences(then: Mapping[str, object], now: Mapping[str, object]) -> list[Difference]:
    """Which parts differ, neighbours one by one; what a side does not know by that name is new or gone."""
    found = []
    for name in dict.fromkeys((*then, *now)):
        before, after = then.get(name), now.get(name)
        if before == after:
            continue
        if isinstance(before, Mapping) or isinstance(after, Mapping):
            found += list(_of_each(name, _mapping(before), _mapping(after)))
        else:
            found.append(Difference(name, how="new" if before is None else "gone" if after is None else "changed"))
    return found


def _of_each(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    return [
        Difference(what, which, "new" if which not in before else "gone" if which not in after else "changed")
        for which in dict.fromkeys((*before, *after))
        if before.get(which) != after.get(which)
    ]


def _mapping(value: object) -> Mapping[str, str]:
    return value if isinstance(value, Mapping) else {}
