"""The words of steering: orders to a model that code may hold, and what an answer says that has followed one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml

from daemon.guard.base import Answer
from daemon.guard.phrases import Phrases
from daemon.identifiers import split

CODE_SPAN = re.compile(r"(`+)(?:(?!\1).)+?\1", re.DOTALL)


_TABLE = yaml.safe_load((files("daemon.guard") / "steering.yaml").read_text(encoding="utf-8"))


ADDRESSES, MODELS, REPORTS, OBEYED, PROMOTES = (
    Phrases(_TABLE[key]) for key in ("addresses", "models", "reports", "obeyed", "promotes")
)
_COMMON_LOUD = frozenset(_TABLE["loud"].split())
_SYNTAX = frozenset(_TABLE["syntax"].split())
# What is to be said stands in quotes, in capitals, or after a colon.
_QUOTES = (
    ('"', '"'), ("'", "'"), ("`", "`"), ("\u00ab", "\u00bb"), ("\u201c", "\u201d"),
    ("\u2018", "\u2019"), ("\u201e", "\u201c"),
)  # fmt: skip
_QUOTED = tuple(re.compile(f"{first}([^{first}{last}\\n]{{3,120}}){last}") for first, last in _QUOTES)
_LOUD = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Z0-9_\-]*[A-Z]{2})(?:[A-Z][A-Z0-9]*(?:[_\-][A-Z0-9]+)+|[A-Z]{5,}\d*)(?![A-Za-z0-9])"
)
_AFTER_COLON = re.compile(r":\s*([^\"'`:\n]{4,80}?)\s*(?:\*/|-->|\"\"\"|$)")
_SHORTEST_ORDER = 4
_WORD = re.compile(r"\w+")
_RUN = 4  # words in a row of a line that speaks to models; three stand in many an honest sentence


@dataclass(frozen=True, slots=True)
class Orders:
    """Lines that address a model, the words that they ask for, and runs of words of those that name models."""

    lines: tuple[str, ...]
    words: tuple[str, ...]
    runs: frozenset[tuple[str, ...]]

    def obeyed(self, sentence: str) -> str:
        """What a sentence of an answer says as its own that stands in an order; empty where nothing does.

        Names in code spans are citations, and so is what stands in quotes inside a longer sentence.
        """
        bare = CODE_SPAN.sub(" ", sentence)
        uncited = bare
        for pattern in _QUOTED:
            uncited = pattern.sub(" ", uncited)
        if len(_WORD.findall(uncited)) >= _RUN:
            bare = uncited
        for word in self.words:
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", bare, re.IGNORECASE):
                return word
        return next((" ".join(run) for run in _runs(bare) if run in self.runs), "")


@lru_cache(maxsize=4)  # every attempt at a text is held against the same material
def canaries(shown: str) -> Orders:
    """What the material orders a model to say. A guess: an answer is blamed only for saying it bare, as its own."""
    lines: list[str] = []
    words: dict[str, None] = {}
    runs: set[tuple[str, ...]] = set()
    spoken_all = shown.replace("_", " ")  # names speak as well
    addresses, models = ADDRESSES.within(spoken_all), MODELS.within(spoken_all)
    for line in shown.splitlines() if addresses or models else ():
        spoken = line.replace("_", " ")
        to_model = models.search(spoken) is not None
        if not (to_model or addresses.search(spoken)):
            continue
        lines.append(line)
        for pattern in _QUOTED:
            words.update(dict.fromkeys(said for said in pattern.findall(line) if to_model or " " in said.strip()))
        words.update(dict.fromkeys(said for said in _LOUD.findall(line) if said not in _COMMON_LOUD))
        if match := _AFTER_COLON.search(line):
            words[match.group(1).strip()] = None
        if to_model:
            runs.update(_runs(line))
    said = tuple(word.strip() for word in words if len(word.strip()) >= _SHORTEST_ORDER)
    return Orders(tuple(lines), said, frozenset(runs))


def _runs(text: str) -> list[tuple[str, ...]]:
    words = [word.lower() for word in _WORD.findall(text)]
    return [tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)]


_NAME = re.compile(r"[A-Za-z_]\w{2,}")
_LABEL = re.compile(r"^- [\w-]+: ")  # of a hint
_ENOUGH_NAMES = 6  # fewer different words of code tell nothing


def off_task(answer: Answer, orders: Orders) -> bool:
    """Whether an answer about code holds not one word of the code's names: a poem does, an explanation never did.

    The words of an order are no words of the code: who asks for a recipe names the dish.
    """
    known = _known(answer.source, answer.facts, orders.lines)
    if not answer.source or len(known) < _ENOUGH_NAMES or not answer.text.strip():
        return False
    said = {part for name in _NAME.findall(answer.text) for part in split(name)}
    stems = {word[:5] for word in said}
    return not any(word in said or word[:5] in stems for word in known)


@lru_cache(maxsize=4)
def _known(source: str, facts: str, ordered: tuple[str, ...]) -> frozenset[str]:
    """The words of the names in the code and in the facts."""
    out = frozenset(ordered)
    shown = [*source.splitlines(), *(_LABEL.sub("", line) for line in facts.splitlines())]
    names = {name for line in shown if line not in out for name in _NAME.findall(line)}
    return frozenset(part for name in names for part in split(name) if len(part) > 3) - _SYNTAX  # noqa: PLR2004
