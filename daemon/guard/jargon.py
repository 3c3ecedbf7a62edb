"""Is the plain text plain? Names from the code and words of the trade, counted; and how easy it reads."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

import yaml

from daemon.guard import prose
from daemon.guard.base import Answer, Verdict
from daemon.guard.grounding import known_names
from daemon.guard.mentions import mentions, normal_name
from daemon.guard.readability import reading_ease
from daemon.thresholds import JargonSettings

_SHOWN = 6


@functools.cache
def jargon_words() -> dict[str, tuple[str, ...]]:
    """Words of the trade by language, from jargon.yaml beside this file."""
    table = yaml.safe_load((files("daemon.guard") / "jargon.yaml").read_text(encoding="utf-8"))
    return {str(language): tuple(str(words).split()) for language, words in table.items()}


class JargonGuard:
    """Judges a text for people who do not program. ``lexicon``: language -> words of the trade, ``*`` at the end of a
    stem."""

    def __init__(self, settings: JargonSettings, lexicon: Mapping[str, Iterable[str]]) -> None:
        self._settings = settings
        self._patterns = {language: _pattern(words) for language, words in lexicon.items()}

    def check(self, answer: Answer) -> Verdict:
        """Figures: ``names`` (identifiers in the prose), ``jargon`` (share of words of the trade), ``reading_ease``
        (None: too short to tell, or no formula for the language)."""
        found = mentions(answer.text)
        # Products have names that readers know; an error's name is a name from the code, however common it is.
        names = [name for name in found.names if normal_name(name) not in known_names("products and formats")]
        words = [word for text in prose.paragraphs(answer.text) for word in prose.words(text)]
        pattern = self._patterns.get(answer.language)
        trade = [word for word in words if pattern is not None and pattern.fullmatch(word.lower())]
        share = len(trade) / len(words) if words else 0.0
        defects: dict[str, str] = {}
        if len(names) > self._settings.names or share > self._settings.share:
            listed = dict.fromkeys([*names, *(word.lower() for word in trade)])
            defects["jargon"] = ", ".join(list(listed)[:_SHOWN])
        ease = reading_ease(answer.text, answer.language)
        return Verdict(
            figures={
                "names": len(names),
                "jargon": round(share, 3),
                "reading_ease": None if ease is None else round(ease, 1),
            },
            defects=defects,
            score=max(0.2, 1 - 4 * share) * 0.85 ** min(len(names), 6),
        )


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    parts = (re.escape(word.removesuffix("*").lower()) + (r"\w*" if word.endswith("*") else "") for word in words)
    return re.compile("|".join(parts) or r"(?!)")
