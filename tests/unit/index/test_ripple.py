"""What an edit can make lead elsewhere is looked at again: never less than what really does, and not everything."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from daemon.index.edges import Definition, Link, Use, link, typed
from daemon.index.languages import language_of
from daemon.index.parse import parse
from daemon.index.ripple import Graph, ripple
from db.parsed import Import, ParsedFile
from tests.support.histories import SOURCES, STEPS, Tree

LANGUAGES = sorted(folder.name for folder in SOURCES.iterdir())
STEP_NAMES = sorted(set(STEPS) - {"touch", "undo", "back to the start"})
State = tuple[list[Definition], dict[int, list[Import]], list[Use]]


@cache
def parsed(path: str, source: bytes) -> ParsedFile | None:
    language = language_of(path)
    return None if language is None else parse(path, source, language)


class Numbers:
    """One number for one file and for one node, as long as it is there."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}

    def of(self, *key: object) -> int:
        return self._known.setdefault(key, len(self._known) + 1)

    def state(self, files: Mapping[str, bytes]) -> State:
        definitions: list[Definition] = []
        imports: dict[int, list[Import]] = {}
        uses: list[Use] = []
        for path, source in sorted(files.items()):
            file = parsed(path, source)
            if file is None:
                continue
            number = self.of(path)
            ids = [self.of(path, node.kind, node.fqn, node.ordinal) for node in file.nodes]
            definitions += [
                Definition(
                    id=id_, kind=node.kind, fqn=node.fqn, name=node.name, owner=node.owner, package=node.package,
                    file_id=number, lang=node.lang, supertypes=node.supertypes,
                    fields=typed(node.params, node.fields), returns=node.return_type,
                )
                for id_, node in sorted(zip(ids, file.nodes, strict=True), key=lambda pair: pair[1].line_start)
            ]  # fmt: skip
            imports[number] = list(file.imports)
            uses += [Use(ids[use.source], use.kind, use.target) for use in file.references]
        return definitions, imports, uses

    def missed(
        self, before: Mapping[str, bytes], after: Mapping[str, bytes]
    ) -> list[tuple[Use, Link | None, Link]] | None:
        """Uses that lead elsewhere and would not be looked at; None where everything would be."""
        changed = {self.of(path) for path in {*before, *after} if before.get(path) != after.get(path)}
        was, now = self.state(before), self.state(after)
        kept, other = _split(now, changed)
        found = ripple(kept, _split(was, changed)[1], other)
        if found is None:
            return None
        home = {one.id: one.file_id for one in now[0]}
        said = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(found.words)))})\b") if found.words else None
        there = {one.id for one in now[0]}
        led, leads = link(was[0], was[2], was[1]), link(now[0], now[2], now[1])
        return [
            (use, led.get(use), to)
            for use, to in leads.items()
            if led.get(use) != to
            and home[use.source] not in found.files
            and not (said and said.search(use.target))
            and not ((old := led.get(use)) and old.dst is not None and old.dst not in there)  # the store sees these
        ]


def _split(state: State, changed: set[int]) -> tuple[Graph, Graph]:
    definitions, imports, _ = state
    return (
        Graph([one for one in definitions if one.file_id not in changed],
              {file: entries for file, entries in imports.items() if file not in changed}),
        Graph([one for one in definitions if one.file_id in changed],
              {file: entries for file, entries in imports.items() if file in changed}),
    )  # fmt: skip


@contextmanager
def a_tree(languages: list[str], seed: int) -> Iterator[Tree]:
    folder = Path(tempfile.mkdtemp(prefix="doctown-ripple-"))
    try:
        yield Tree(folder / "tree", languages, Random(seed))  # noqa: S311 - hypothesis chooses the seed
    finally:
        shutil.rmtree(folder)


def contents(tree: Tree) -> dict[str, bytes]:
    return {path.relative_to(tree.root).as_posix(): path.read_bytes() for path in tree.files()}


def test_no_use_leads_elsewhere_unseen() -> None:
    some = 0

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate])  # fmt: skip
    @given(
        st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=2, unique=True),
        st.lists(st.sampled_from(STEP_NAMES), min_size=1, max_size=4),
        st.integers(min_value=0, max_value=1 << 32),
    )
    def holds(languages: list[str], steps: list[str], seed: int) -> None:
        nonlocal some
        numbers = Numbers()
        with a_tree(languages, seed) as tree:
            for step in steps:
                before = contents(tree)
                tree.edit(step)
                missed = numbers.missed(before, contents(tree))
                assert not missed, (step, missed)
                some += missed is not None

    holds()
    assert some > 60, "or else everything is looked at every time"


HERE = "from shop.base import Base\nfrom shop.tools import helper_of_all as helper\nimport shop.tools\n"
SHOP = {
    "shop/__init__.py": "from shop.tools import helper_of_all\n",
    "shop/base.py": "class Base:\n    def greet(self):\n        pass\n\n\nclass Middle(Base):\n    pass\n",
    "shop/tools.py": "def helper_of_all():\n    pass\n\n\ndef make():\n    return 1\n",
    "shop/cart.py": f"{HERE}\n\nclass Cart(Base):\n    def go(self):\n        self.greet()\n        helper()\n",
    "shop/deep.py": "from shop.base import Middle\n\n\nclass Deep(Middle):\n    def go(self):\n        self.greet()\n",
    "shop/user.py": "from shop import helper_of_all\nfrom shop.base import Base\n\n\ndef use(b: Base):\n"
    "    helper_of_all()\n    b.greet()\n    Base()\n",
    "shop/apart.py": "def alone():\n    return beside()\n\n\ndef beside():\n    return 2\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "old", "new", "leads"),
    [
        ("shop/base.py", "def greet", "def salute", {"self.greet", "b.greet"}),
        ("shop/base.py", "def greet(self)", "def __init__(self)", {"Base", "self.greet", "b.greet"}),
        ("shop/base.py", "Middle(Base)", "Middle", {"self.greet"}),
        ("shop/tools.py", "def helper_of_all", "def helper_of_none", {"helper", "helper_of_all"}),
        ("shop/__init__.py", "from shop.tools import helper_of_all", "", {"helper_of_all"}),
        ("shop/tools.py", "def make", "def added():\n    return 3\n\n\ndef make", set()),
    ],
)
def test_what_leads_elsewhere_is_seen_and_what_stands_apart_is_not(
    path: str, old: str, new: str, leads: set[str]
) -> None:
    before = {name: text.encode() for name, text in SHOP.items()}
    after = before | {path: SHOP[path].replace(old, new).encode()}
    assert after != before
    numbers = Numbers()
    was, now = numbers.state(before), numbers.state(after)
    led, to = link(was[0], was[2], was[1]), link(now[0], now[2], now[1])
    assert {use.target for use in to if use.kind == "CALLS" and led.get(use) != to[use]} == leads
    assert numbers.missed(before, after) == []
    kept, other = _split(now, {numbers.of(path)})
    found = ripple(kept, _split(was, {numbers.of(path)})[1], other)
    assert found is not None
    assert numbers.of("shop/apart.py") not in found.files


def test_a_module_that_comes_above_others_has_everything_looked_at() -> None:
    """``import b`` led beside its file while nothing stood above them; no name that is said anywhere tells of it."""
    before = {"shop/a.py": b"import b\n\n\ndef go():\n    b.make()\n", "shop/b.py": b"def make():\n    pass\n"}
    after = before | {"shop/__init__.py": b"X = 1\n"}
    numbers = Numbers()
    was, now = numbers.state(before), numbers.state(after)
    led, to = link(was[0], was[2], was[1]), link(now[0], now[2], now[1])
    assert {use.target for use in led if led[use] != to[use]} == {"b", "b.make"}
    assert numbers.missed(before, after) is None
