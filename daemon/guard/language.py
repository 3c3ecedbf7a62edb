"""Is the prose written in the asked language? Code, names and quotes of code do not count.

The share of words that stand in sentences identified as the asked language must reach a minimum. Letter shares on
raw Markdown, the simpler rule, reject most good answers with code in them and let a third of foreign sentences
through once code is stripped; the figures are in docs/quality.md.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import langdetect
from langdetect.lang_detect_exception import LangDetectException
from lingua import IsoCode639_1, LanguageDetector, LanguageDetectorBuilder
from lingua import Language as Lingua

from daemon.errors import ConfigError
from daemon.guard import prose
from daemon.guard.base import Answer, Verdict
from daemon.thresholds import LanguageGuardSettings

# With these four lingua tells short technical texts apart in 98.6 % of cases: see docs/quality.md.
_ALWAYS = ("en", "es", "ru", "zh")
_SURE_WORDS = 8  # a sentence this long is told with confidence
_MINIMUM_SENTENCE = 4  # words; shorter pieces are labels and fragments that no method tells apart
_FOREIGN_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0002fa1f]")
_WRITTEN_WITH_THEM = {"zh", "ja", "ko"}
_SCRIPTS = {
    **dict.fromkeys(("ru", "uk", "bg", "be", "sr", "mk", "kk", "mn"), re.compile("[\u0400-\u052f]")),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
    "hy": re.compile("[\u0530-\u058f]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "zh": re.compile("[\u3400-\u9fff]"),
    "ja": re.compile("[\u3040-\u30ff\u3400-\u9fff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
}
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")

_SAME = sys.float_info.epsilon  # lingua names no language where its two best lie no further apart


@dataclass(frozen=True, slots=True)
class _Heard:
    """A sentence of so many words, the language lingua takes it for, and how sure it is; ``tie``: as of another."""

    words: int
    best: Lingua
    value: float
    tie: bool

    @property
    def language(self) -> str | None:
        """Two letters; None where it cannot tell."""
        return None if self.tie else str(self.best.iso_code_639_1.name).lower()


class LanguageGuard:
    """Judges the language of an answer's prose.

    ``languages`` are all languages that are written here; English and Chinese are always suspects besides, because
    models of the Qwen family slip into them. Raises ConfigError for a language that the method does not know.
    """

    def __init__(self, settings: LanguageGuardSettings, languages: Iterable[str]) -> None:
        self._settings = settings
        self._suspects = tuple(sorted({*languages, *_ALWAYS}))
        if settings.method == "lingua":
            for language in self._suspects:
                _lingua_language(language)

    def minimum(self, language: str) -> float:
        """The share that an answer in ``language`` must reach."""
        if self._settings.method == "script":
            return self._settings.minimum_script
        return self._settings.minimum.get(language, self._settings.minimum_other)

    def check(self, answer: Answer) -> Verdict:
        """Figures: ``language_ratio`` (None: too little prose to tell), ``language_detected``, ``words``."""
        defects: dict[str, str] = {}
        found = prose.sentences(answer.text, names=answer.identifiers)
        sized = [(sentence, len(prose.words(sentence))) for sentence in found]
        total = sum(size for _, size in sized)
        foreign = answer.language not in _WRITTEN_WITH_THEM and any(_FOREIGN_SCRIPT.search(s) for s in found)
        if foreign:
            defects["foreign-script"] = ""
        alien = False
        if self._settings.method == "script":
            ratio, detected = self._by_script(found, answer.language)
        elif self._settings.method == "langdetect":
            long = [(s, size) for s, size in sized if size >= _MINIMUM_SENTENCE]
            ratio, detected = _share([(_by_langdetect(s), size) for s, size in long], answer.language)
        else:
            heard = self._heard(sized, answer.language)
            ratio, detected = _share([(one.language, one.words) for one in heard], answer.language)
            alien = self._has_foreign_sentence(heard, answer.language)
        if total < self._settings.minimum_words:
            ratio = None
        if ratio is not None and (alien or ratio < self.minimum(answer.language)):
            defects["language"] = f"{ratio:.2f}"
        return Verdict(
            figures={
                "language_ratio": None if ratio is None else round(ratio, 3),
                "language_detected": detected,
                "words": total,
            },
            defects=defects,
            score=(1.0 if ratio is None else ratio) * (0.5 if foreign else 1.0),
        )

    def _heard(self, sized: Iterable[tuple[str, int]], asked: str) -> list[_Heard]:
        """What lingua makes of every sentence of enough words: the one dear step, so it is asked once."""
        detector = _lingua_detector(tuple(sorted({*self._suspects, asked})))
        heard = []
        for sentence, size in sized:
            if size >= _MINIMUM_SENTENCE:
                best, second, *_ = detector.compute_language_confidence_values(sentence)
                heard.append(_Heard(size, best.language, best.value, tie=best.value - second.value < _SAME))
        return heard

    def _has_foreign_sentence(self, heard: list[_Heard], asked: str) -> bool:
        sure = self._settings.foreign_sentence
        if sure is None:
            return False
        wanted = _lingua_language(asked)
        return any(one.words >= _SURE_WORDS and one.best != wanted and one.value >= sure for one in heard)

    def _by_script(self, found: list[str], asked: str) -> tuple[float | None, str | None]:
        letters = [letter for sentence in found for letter in sentence if letter.isalpha()]
        if not letters:
            return None, None
        pattern = _SCRIPTS.get(asked, _LATIN)
        share = sum(1 for letter in letters if pattern.match(letter)) / len(letters)
        return share, asked if share >= self._settings.minimum_script else None


def _share(told: Iterable[tuple[str | None, int]], asked: str) -> tuple[float | None, str | None]:
    """The share of words that stand in sentences of the asked language, and the language of most of them."""
    weights: Counter[str | None] = Counter()
    for language, size in told:
        weights[language] += size
    counted = sum(weights.values())
    if not counted:
        return None, None
    named = [(weight, language) for language, weight in weights.items() if language is not None]
    return weights[asked] / counted, max(named)[1] if named else None


@functools.cache
def _lingua_detector(languages: tuple[str, ...]) -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*(_lingua_language(code) for code in languages)).build()


def _lingua_language(code: str) -> Lingua:
    name = "NB" if code == "no" else code.upper()
    try:
        return Lingua.from_iso_code_639_1(getattr(IsoCode639_1, name))
    except (AttributeError, ValueError):
        raise ConfigError(
            f"language {code!r}: the language guard cannot recognise it with method lingua",
            "Set guard.language.method to script, or choose another language.",
        ) from None


def _by_langdetect(sentence: str) -> str | None:
    # Without a seed langdetect answers by chance: up to one short text in twenty changes its answer.
    langdetect.DetectorFactory.seed = 0
    try:
        return str(langdetect.detect(sentence)).split("-")[0]
    except LangDetectException:
        return None
