"""Is the answer whole and in form: not empty, not cut, its sections there, fences closed, said once, not copied?"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence

from daemon.guard import prose
from daemon.guard.base import Answer, Verdict
from daemon.thresholds import ShapeGuardSettings

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_THINKING = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s*)?(?:\*\*|__)?\s*(?:(\d+)[.)]\s*)?(.+?)\s*:?\s*(?:\*\*|__)?\s*:?\s*$")
_TOKEN = re.compile(r"\w+|[^\w\s]")

_COPY_GRAM = 5
_PREAMBLE_WORDS = 14


def tidy(text: str, sections: Sequence[str] = ()) -> str:
    """Mend what is form alone, so that no call is spent on it.

    A fence round the whole answer goes, headings that differ from the asked ones in their marks only are set
    right, and what stands before the first heading is dropped when all headings are there.
    """
    lines = _unwrapped(text.strip()).splitlines()
    if not sections:
        return "\n".join(lines).strip()
    wanted = {_bare(section): section for section in sections}
    inside = False
    places: list[int] = []
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            inside = not inside
        elif not inside and len(line) <= max(len(s) for s in sections) + 12:
            section = wanted.get(_bare(line))
            if section is not None and _looks_like_heading(line, section):
                lines[number] = section
                places.append(number)
    if len(places) == len(sections):
        lines = lines[places[0] :]
    return "\n".join(line.rstrip() for line in lines).strip()


def _unwrapped(text: str) -> str:
    lines = text.splitlines()
    if len(lines) > 2:  # noqa: PLR2004 - two fences and something between them
        first, last = _FENCE.match(lines[0]), lines[-1].strip()
        if first and first.group(2).strip().lower() in {"", "markdown", "md"} and last == first.group(1):
            return "\n".join(lines[1:-1])
    return text


def _bare(line: str) -> str:
    match = _HEADING.match(line)
    return "" if match is None else re.sub(r"\s+", " ", match.group(2).strip(" *_#:").lower())


def _looks_like_heading(line: str, section: str) -> bool:
    # A plain line that happens to say "Summary" is no heading; marks, numbers or exact equality make it one.
    return line.lstrip().startswith(("#", "*", "_")) or bool(re.match(r"\s*\d+[.)]", line)) or line.strip() == section


class ShapeGuard:
    """Judges the form of an answer."""

    def __init__(self, settings: ShapeGuardSettings | None = None) -> None:
        self._settings = settings or ShapeGuardSettings()

    def check(self, answer: Answer) -> Verdict:
        """Figures: ``sections`` (share present), ``repeated``, ``copied`` (shares), ``finished``."""
        defects: dict[str, str] = {}
        text = answer.text
        if not text.strip():
            return Verdict(figures={"sections": 0.0, "finished": False}, defects={"empty": ""}, score=0.0)
        if answer.cut:
            defects["cut"] = ""
        if _THINKING.search(text):
            defects["thinking"] = ""
        if _open_fence(text):
            defects["fence"] = ""
        present = _sections_present(text, answer.sections)
        share = 1.0 if not answer.sections else present / len(answer.sections)
        if share < 1.0:
            defects["sections"] = ", ".join(answer.sections)
        elif _has_preamble(text, answer.sections):
            defects["preamble"] = ""
        repeated = repeated_share(text)
        if repeated > self._settings.repeated:
            defects["repetition"] = f"{repeated:.2f}"
        copied = copied_share(text, answer.source)
        if copied > self._settings.copied:
            defects["copied"] = f"{copied:.2f}"
        score = (0.25 + 0.75 * share) * (1 - repeated) * (1 - copied)
        score *= 0.5 ** len(defects.keys() & {"cut", "thinking", "fence", "preamble"})
        return Verdict(
            figures={
                "sections": round(share, 3),
                "repeated": round(repeated, 3),
                "copied": round(copied, 3),
                "finished": not answer.cut,
            },
            defects=defects,
            score=score,
        )


def _sections_present(text: str, sections: Sequence[str]) -> int:
    """How many headings stand in the asked order, each with text below it and outside of code."""
    blocks: list[tuple[str, bool]] = []
    inside = False
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        if not inside and line in sections:
            blocks.append((line, False))
        elif blocks and line.strip():
            blocks[-1] = (blocks[-1][0], True)
    headings = [heading for heading, filled in blocks if filled]
    present, position = 0, 0
    for section in sections:
        if section in headings[position:]:
            position += headings[position:].index(section) + 1
            present += 1
    return present if len(headings) <= len(sections) else min(present, len(sections) - 1)


def _has_preamble(text: str, sections: Sequence[str]) -> bool:
    first = text.lstrip().splitlines()[0]
    if sections:
        return first != sections[0]
    return first.rstrip().endswith(":") and len(prose.words(first)) <= _PREAMBLE_WORDS


def _open_fence(text: str) -> bool:
    opened: str | None = None
    for line in text.splitlines():
        match = _FENCE.match(line)
        if match is None:
            continue
        marks, info = match.group(1), match.group(2).strip()
        if opened is None:
            opened = marks
        elif marks[0] == opened[0] and len(marks) >= len(opened) and not info:
            opened = None
    return opened is not None


def repeated_share(text: str) -> float:
    """Share of the prose's words that stand in a sentence which the text has said before."""
    seen: Counter[str] = Counter()
    again = total = 0
    for sentence in prose.sentences(text):
        found = [word.lower() for word in prose.words(sentence)]
        total += len(found)
        key = " ".join(found)
        if len(found) >= 4 and seen[key]:  # noqa: PLR2004 - shorter ones are labels
            again += len(found)
        seen[key] += 1
    return again / total if total else 0.0


def copied_share(text: str, source: str) -> float:
    """Share of the answer's 5-grams of tokens that stand in the source word for word."""
    grams = _grams(text)
    if not source or not grams:
        return 0.0
    known = _grams_of(source)
    return sum(1 for gram in grams if gram in known) / len(grams)


@functools.lru_cache(maxsize=4)  # every attempt at a text is held against the same source
def _grams_of(source: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_grams(source))


def _grams(text: str) -> list[tuple[str, ...]]:
    tokens = _TOKEN.findall(text)
    return [tuple(tokens[start : start + _COPY_GRAM]) for start in range(len(tokens) - _COPY_GRAM + 1)]
