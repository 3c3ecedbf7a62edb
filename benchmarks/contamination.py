"""Answers in which languages mix: foreign openings, sentences, sections and whole texts, and mixes that do no harm."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

Texts = Mapping[str, str]  # language -> the good answer
Mix = Callable[[Texts, str, str, random.Random], str | None]  # texts, language, the other language, chance

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NOT_PROSE = re.compile(r"`[^`\n]*`|^#+ .*$|```[\s\S]*?```|^\s*(?:[-*]|\d+[.)])\s+", re.MULTILINE)
_LEAST_WORDS = 8
_SPOKEN = {
    "en": "Here is the description that you asked for, written as the rules demand.",
    "ru": "Вот описание, которое вы просили, оно составлено по всем указанным правилам.",
    "es": "Esta es la descripción que ha pedido, escrita como mandan las reglas.",
}
_COMMENT = {"en": "the usual case", "ru": "обычный случай", "es": "el caso habitual"}


def opening(texts: Texts, language: str, other: str, _: random.Random) -> str | None:
    """The first sentence in another language, the rest as asked."""
    parts = texts[language].strip().split("\n\n")
    place = 0 if not parts[0].startswith("#") else None
    if place is None:
        head, *rest = parts[0].split("\n", 1)
        parts[0] = " ".join([f"{head}\n{_SPOKEN[other]}", *rest])
    else:
        parts[0] = f"{_SPOKEN[other]} {parts[0]}"
    return "\n\n".join(parts)


def sentences(texts: Texts, language: str, other: str, chance: random.Random) -> str | None:
    """Two sentences of the same answer in another language, at two places."""
    found = _sentences(texts[other])
    parts = texts[language].strip().split("\n\n")
    places = [number for number, part in enumerate(parts) if not part.startswith(("#", "`", "-", "1.")) or "\n" in part]
    if len(found) < 2 or not places:
        return None
    for said, place in zip(chance.sample(found, 2), (places[0], places[-1]), strict=True):
        parts[place] = f"{parts[place]} {said}"
    return "\n\n".join(parts)


def section(texts: Texts, language: str, other: str, chance: random.Random) -> str | None:
    """One section, or one paragraph of a text without sections, in another language."""
    own, theirs = _sections(texts[language]), _sections(texts[other])
    if len(own) != len(theirs) or len(own) < 2:
        return None
    place = chance.randrange(len(own))
    head = own[place].split("\n", 1)[0] if own[place].startswith("#") else None
    body = theirs[place].split("\n", 1)[1] if head and "\n" in theirs[place] else theirs[place]
    own[place] = f"{head}\n{body}" if head else body
    return "\n\n".join(part.strip() for part in own)


def whole(texts: Texts, language: str, other: str, _: random.Random) -> str | None:
    """The whole answer in another language, under the headings that were asked for."""
    heads = iter([line for line in texts[language].splitlines() if line.startswith("### ")])
    return re.sub(r"(?m)^### .*$", lambda _: next(heads), texts[other])


def comment(texts: Texts, language: str, other: str, _: random.Random) -> str | None:
    """Harmless: a code example with a comment in another language."""
    if "### " not in texts[language]:
        return None
    return f"{texts[language].rstrip()}\n\n```\nrun()  # {_COMMENT[other]}\n```\n"


def names(texts: Texts, language: str, _other: str, _: random.Random) -> str | None:
    """Harmless: names of products and formats in Latin letters."""
    said = {"en": "JSON and PostgreSQL stay as they are.", "ru": "JSON и PostgreSQL остаются как есть.",
            "es": "JSON y PostgreSQL quedan como están."}  # fmt: skip
    parts = texts[language].rstrip().split("\n\n")
    place = max(number for number, part in enumerate(parts) if not part.startswith(("```", "#")) or "\n" in part)
    if parts[place].startswith("```") or "### " in texts[language]:
        return None
    parts[place] = f"{parts[place]} {said[language]}"
    return "\n\n".join(parts)


MIXES: tuple[Mix, ...] = (opening, sentences, section, whole)
HARMLESS: tuple[Mix, ...] = (comment, names)


def _sentences(text: str) -> list[str]:
    return [
        one.strip()
        for paragraph in text.split("\n\n")
        if not _NOT_PROSE.search(paragraph)
        for one in _SENTENCE.split(" ".join(paragraph.split()))
        if len(one.split()) >= _LEAST_WORDS
    ] or [
        one.strip()
        for one in _SENTENCE.split(" ".join(_NOT_PROSE.sub(" ", text).split()))
        if len(one.split()) >= _LEAST_WORDS
    ]


def _sections(text: str) -> list[str]:
    found = re.split(r"(?m)^(?=### )", text) if "### " in text else text.strip().split("\n\n")
    return [part for part in found if part.strip()]


def others(language: str, languages: Sequence[str]) -> list[str]:
    """The languages that an answer in ``language`` may be mixed with."""
    return [one for one in languages if one != language]
