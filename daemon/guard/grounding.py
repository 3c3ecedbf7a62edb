"""Does the answer speak of what is there? Names, parameters, numbers and quoted values, held against what was shown.

The measure is the chunk's own code with the facts that were shown beside it, not the whole index: among 3,456 functions
of a standard library that tells a right description from another function's with an AUC of 0.87, "exists somewhere"
with 0.63 (docs/quality.md).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from difflib import SequenceMatcher
from http import HTTPStatus
from importlib.resources import files

from daemon.guard.base import Answer, Verdict
from daemon.guard.figures import follows
from daemon.guard.mentions import mentions, names_in, normal_name, numbers_in
from daemon.identifiers import split
from daemon.thresholds import GroundingSettings

_SMALL = frozenset({"0", "1", "2"})  # counted by the writer, not read from the code
_HTTP = frozenset(str(status.value) for status in HTTPStatus)  # they have names in code and numbers in prose
_ALIKE = 0.6  # similarity from which an unknown name is taken for a parameter written wrong
_SHOWN = 6


@functools.cache
def known_names(section: str | None = None) -> frozenset[str]:
    """What everybody may mention: keywords, everyday types and errors, products; or one section of these alone."""
    found: set[str] = set()
    heading = ""
    for line in (files("daemon.guard") / "known_names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.removeprefix("# -- ")
        elif section in {None, heading}:
            found.update(normal_name(word) for word in line.split())
    return frozenset(found)


class GroundingGuard:
    """Judges whether names, parameters and values of an answer are those of the code."""

    def __init__(self, settings: GroundingSettings) -> None:
        self._settings = settings

    def check(self, answer: Answer) -> Verdict:
        """Figures: ``grounded`` (share of the names that are there), ``unknown_names``, ``params_named`` (share),
        ``unknown_values``. No verdict where nothing was shown."""
        if not answer.source and not answer.facts:
            return Verdict(figures={})
        defects: dict[str, str] = {}
        found = mentions(answer.text)
        there = _vocabulary(answer.source, answer.facts)
        unknown = [name for name in found.names if not _is_there(name, there)]
        share = 1.0 if not found.names else 1 - len(unknown) / len(found.names)
        if len(unknown) > self._settings.unknown_names or (
            share < self._settings.minimum and len(found.names) >= self._settings.minimum_names and len(unknown) > 1
        ):
            defects["grounding"] = ", ".join(unknown[:_SHOWN])
        text_names = {normal_name(name) for name in found.names} | names_in([answer.text])
        missing = [param for param in answer.params if normal_name(param) not in text_names]
        # A parameter's name may be a word of the language too: in a sentence it need not be the parameter.
        unnamed = [param for param in answer.params if param not in found.names]
        wrong = [name for name in unknown if _like_one_of(name, missing) or _longer(name, unnamed)]
        if wrong:
            defects["params"] = ", ".join(wrong[:_SHOWN])
        values = _unknown_values(answer, found.numbers, found.quoted)
        if len(values) > self._settings.unknown_values:
            defects["numbers"] = ", ".join(values[:_SHOWN])
        named = 1.0 if not answer.params else 1 - len(missing) / len(answer.params)
        # Of one name, one unknown is no share to judge by, for the score no more than for the verdict.
        weighed = 1 - len(unknown) / max(len(found.names), self._settings.minimum_names)
        score = weighed * (0.8 if wrong else 1.0) * 0.9 ** min(len(values), 5)
        return Verdict(
            figures={
                "grounded": round(share, 3),
                "unknown_names": unknown[:_SHOWN],
                "params_named": round(named, 3),
                "unknown_values": values[:_SHOWN],
            },
            defects=defects,
            score=score,
        )


class ValuesGuard:
    """For the stages that retell: every number of the answer stands in the text it was made from."""

    def check(self, answer: Answer) -> Verdict:
        """Figures: ``unknown_values``."""
        if answer.source or not answer.facts:
            return Verdict(figures={})
        values = _unknown_values(answer, mentions(answer.text).numbers, ())
        return Verdict(
            figures={"unknown_values": values[:_SHOWN]},
            defects={"numbers": ", ".join(values[:_SHOWN])} if values else {},
            score=0.9 ** min(len(values), 5),
        )


@functools.lru_cache(maxsize=64)
def _vocabulary(source: str, facts: str) -> frozenset[str]:
    return names_in((source, facts)) | known_names()


def _is_there(name: str, there: frozenset[str]) -> bool:
    plain = normal_name(name)
    return plain in there or (plain.endswith("s") and plain[:-1] in there)


def _like_one_of(name: str, params: Sequence[str]) -> bool:
    plain = normal_name(name)
    return any(
        normal_name(param) in plain or plain in normal_name(param)
        or SequenceMatcher(None, plain, normal_name(param)).ratio() >= _ALIKE
        for param in params
    )  # fmt: skip


def _longer(name: str, params: Sequence[str]) -> bool:
    """Whether the name is that of a parameter with words added: ``line_value`` for ``line``."""
    words = set(split(name)[1:])  # the first is the whole name
    return any(words > set(split(param)[-max(1, len(split(param)) - 1) :]) for param in params if split(param))


def _unknown_values(answer: Answer, numbers: Sequence[str], quoted: Sequence[str]) -> list[str]:
    shown = f"{answer.source}\n{answer.facts}"
    there = numbers_in(shown)
    speaks_http = "http" in shown.lower() or "status" in shown.lower()
    unknown = [
        number
        for number in numbers
        if number not in there
        and number not in _SMALL
        and not (speaks_http and number in _HTTP)
        and not follows(number, there, shown)
    ]
    return unknown + [f'"{value}"' for value in quoted if value not in shown]
