"""How easy a text reads: Flesch's formula with the constants of each language. 100 is easy, 0 is hard.

English: Flesch 1948. Russian: Oborneva 2006. Spanish: Fernández Huerta 1959.
"""

from __future__ import annotations

import re

from daemon.guard import prose

_CONSTANTS = {"en": (206.835, 1.015, 84.6), "ru": (206.835, 1.3, 60.1), "es": (206.84, 1.02, 60.0)}
_MINIMUM_SENTENCES, _MINIMUM_WORDS = 3, 40  # below, a single long word moves the figure by tens
_RUSSIAN = re.compile("[аеёиоуыэюя]", re.IGNORECASE)
_SPANISH = re.compile("[aeiouáéíóúü]+", re.IGNORECASE)
_ENGLISH = re.compile("[aeiouy]+", re.IGNORECASE)


def reading_ease(markdown: str, language: str) -> float | None:
    """Flesch's reading ease; None below 3 sentences or 40 words, and for languages without constants."""
    constants = _CONSTANTS.get(language)
    found = [words for sentence in prose.sentences(markdown) if (words := prose.words(sentence))]
    words = [word for sentence in found for word in sentence]
    if constants is None or len(found) < _MINIMUM_SENTENCES or len(words) < _MINIMUM_WORDS:
        return None
    base, per_length, per_syllable = constants
    syllables = sum(_syllables(word, language) for word in words)
    return base - per_length * len(words) / len(found) - per_syllable * syllables / len(words)


def _syllables(word: str, language: str) -> int:
    if language == "ru":
        return max(1, len(_RUSSIAN.findall(word)))
    if language == "es":
        return max(1, len(_SPANISH.findall(word)))
    # A final silent e is no syllable of its own.
    count = len(_ENGLISH.findall(word))
    silent = word.lower().endswith("e") and not word.lower().endswith("le")
    return max(1, count - silent)
