"""How many tokens a text is, without its tokenizer: an estimate that errs to the high side, and a floor.

The figures are the result of a fit against two real vocabularies, on 1,200 pieces of 4,000 characters in seven
programming languages and six natural ones; docs/sizes.md tells from which files, how well it fits and how to repeat it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

# A character's class, as one letter; texts are translated into classes first, and those are counted.
_LOWER, _UPPER, _DIGIT, _SPACE, _BREAK, _MARK = "a", "A", "0", " ", "\n", "."
_ACCENTED, _CYRILLIC, _KANA, _HANGUL, _HAN, _SEMITIC, _OTHER, _WIDE, _SYMBOL, _ASTRAL = "lckghropse"
_BLOCKS = (
    (0x0400, 0x0530, _CYRILLIC), (0x0590, 0x0700, _SEMITIC), (0x3000, 0x3040, _WIDE), (0x3040, 0x3100, _KANA),
    (0x4E00, 0xA000, _HAN), (0xAC00, 0xD7B0, _HANGUL), (0xFF00, 0xFFF0, _WIDE),
)  # fmt: skip

_WORDS = re.compile("[aA]+")
_SHORT_HUMPS = re.compile("(?<!a)(?:aa?|Aaa?)(?=A)")  # aB, Abc: keys and hashes are full of them
_LONG_TAILS = re.compile("(?<=[aA]{7})a+|(?<=A{3})A+")
_MARKS = re.compile(r"\.+")
_BREAKS = re.compile(r"\n+")
_SPACES = re.compile("  +")
_CYRILLICS = re.compile("c+")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens per thing that is counted in a text."""

    name: str
    costs: Mapping[str, float]


# Fitted to the 151,643 tokens that Qwen, Qwen2 and Qwen2.5 share, and raised by 5 %.
QWEN = Vocabulary(
    "qwen",
    {
        "word": 1.14, "short hump": 2.15, "long tail": 0.15, "digit": 1.13, "marks": 0.71, "mark more": 0.2,
        "break": 0.86, "spaces": 0.85, "accented": 1.33, "cyrillic word": 0.05, "cyrillic": 0.52, "kana": 0.62,
        "hangul": 0.86, "han": 0.71, "semitic": 0.48, "other": 1.2, "wide": 1.2, "symbol": 0.68, "astral": 1.55,
    },
)  # fmt: skip
# Fitted to SmolLM2's 49,152 tokens, which are made for English and code, and raised by 5 %: for models we do not know.
# One value is from GPT-2's kind of vocabulary at large: accented letters are two bytes, and no more tokens than that.
FRUGAL = Vocabulary(
    "frugal",
    {
        "word": 1.15, "short hump": 2.7, "long tail": 0.28, "digit": 1.05, "marks": 1.15, "mark more": 0.32,
        "break": 1.13, "spaces": 0.2, "accented": 2.0, "cyrillic word": 1.13, "cyrillic": 0.97, "kana": 1.79,
        "hangul": 2.87, "han": 1.77, "semitic": 1.15, "other": 1.45, "wide": 1.7, "symbol": 1.01, "astral": 3.9,
    },
)  # fmt: skip
# What no vocabulary that we know of undercuts by much: words are never joined, digits at most in threes.
_FLOOR = Vocabulary(
    "floor",
    {
        "word": 0.8, "short hump": 0.0, "long tail": 0.05, "digit": 0.25, "marks": 0.35, "mark more": 0.1,
        "break": 0.4, "spaces": 0.2, "accented": 0.25, "cyrillic word": 0.5, "cyrillic": 0.25, "kana": 0.4,
        "hangul": 0.5, "han": 0.4, "semitic": 0.25, "other": 0.25, "wide": 0.4, "symbol": 0.2, "astral": 0.4,
    },
)  # fmt: skip


def vocabulary_of(model: str) -> Vocabulary:
    """The vocabulary that a model's name speaks of; the frugal one for names we do not know."""
    return QWEN if "qwen" in model.lower() else FRUGAL


def estimate(text: str, vocabulary: Vocabulary = QWEN) -> int:
    """Tokens of a text, rather too many than too few. No token is shorter than a byte, so neither is the estimate."""
    if not text:
        return 0
    costs = vocabulary.costs
    found = sum(count * costs[thing] for thing, count in _counts(text).items())
    return max(1, min(round(found + 0.5), len(text.encode("utf-8", "surrogatepass"))))


def floor(text: str) -> int:
    """Tokens that any model must have read when it read the whole text; a count below it means that it did not."""
    costs = _FLOOR.costs
    return int(sum(count * costs[thing] for thing, count in _counts(text).items()))


@lru_cache(maxsize=128)
def _counts(text: str) -> Mapping[str, int]:
    # Remembered for the prompts that are measured several times, with those of other slots in between, and for the
    # system prompts of all.
    classes = text.translate(_CLASSES)
    words, marks, cyrillics = len(_WORDS.findall(classes)), len(_MARKS.findall(classes)), 0
    counts = {
        "word": words,
        "short hump": len(_SHORT_HUMPS.findall(classes)),
        "long tail": sum(map(len, _LONG_TAILS.findall(classes))),
        "digit": classes.count(_DIGIT),
        "marks": marks,
        "mark more": classes.count(_MARK) - marks,
        "break": len(_BREAKS.findall(classes)),
        "spaces": len(_SPACES.findall(classes)),
    }
    if not text.isascii():
        cyrillics = len(_CYRILLICS.findall(classes))
        counts |= {
            "accented": classes.count(_ACCENTED), "cyrillic word": cyrillics,
            "cyrillic": classes.count(_CYRILLIC) - cyrillics, "kana": classes.count(_KANA),
            "hangul": classes.count(_HANGUL), "han": classes.count(_HAN), "semitic": classes.count(_SEMITIC),
            "other": classes.count(_OTHER), "wide": classes.count(_WIDE), "symbol": classes.count(_SYMBOL),
            "astral": classes.count(_ASTRAL),
        }  # fmt: skip
    return counts


class _Classes(dict[int, str]):
    """Code point -> class, found out once."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _class_of(code)
        return found


_CLASSES = _Classes()


def _class_of(code: int) -> str:
    sign = chr(code)
    if code < 0x80:  # noqa: PLR2004 - ASCII
        if sign.isalpha():
            return _UPPER if sign.isupper() else _LOWER
        if sign.isdigit():
            return _DIGIT
        return _BREAK if sign in "\r\n" else _SPACE if sign.isspace() else _MARK
    if code >= 0x10000:  # noqa: PLR2004 - beyond the basic plane
        return _ASTRAL
    for start, end, name in _BLOCKS:
        if start <= code < end:
            return name
    if not (sign.isalpha() or unicodedata.category(sign).startswith("M")):
        return _SYMBOL
    return _ACCENTED if code < 0x250 else _OTHER  # noqa: PLR2004 - Latin with accents


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model's own counts say of our estimates: a pure value, one per model, replaced by every answer.

    ``factor`` is what estimates are multiplied with. It never falls below 1, because a prompt that is a little short
    costs nothing and one that is too long costs an error; and it is bounded, so that one odd answer does no harm.
    """

    seen: int = 0
    factor: float = 1.0
    lowest: float = 1.0  # the smallest count/estimate that was seen and believed

    HIGHEST = 2.5
    _SHARE = 0.2  # of a new observation below the factor; one above it counts at once
    _ENOUGH = 8  # answers before ``lowest`` is trusted

    def learned(self, estimated: int, counted: int) -> Calibration:
        """With one more answer: ``counted`` tokens were estimated as ``estimated``."""
        if estimated <= 0 or counted <= 0:
            return self
        ratio = counted / estimated
        step = 1.0 if ratio > self.factor else self._SHARE
        factor = self.factor + step * (ratio - self.factor)
        lowest = min(self.lowest, ratio) if self.seen else ratio
        return Calibration(self.seen + 1, min(self.HIGHEST, max(1.0, factor)), lowest)

    def refused(self) -> Calibration:
        """After the server refused a prompt as too long that we had thought to fit."""
        return Calibration(self.seen, min(self.HIGHEST, self.factor * 1.25), self.lowest)

    def estimate(self, text: str, vocabulary: Vocabulary) -> int:
        """The corrected estimate."""
        return round(estimate(text, vocabulary) * self.factor)

    def misses(self, text: str, counted: int | None, estimated: int) -> bool:
        """Whether the server can have read only a part of ``text``, having counted so few tokens.

        A count that is absent says nothing: Ollama leaves out a zero. Short texts say nothing either. ``text`` must
        be what no cache can have held before: some servers leave a cached beginning out of their count.
        """
        least = floor(text)
        if counted is None or least < _JUDGED:
            return False
        if counted < least * _UNBELIEVABLE:
            return True
        return self.seen >= self._ENOUGH and counted < least and counted < _UNUSUAL * self.lowest * estimated


class Gauge:
    """What is known of one model's tokens by now; shared by all that ask it, so that each learns from the others."""

    def __init__(self, model: str) -> None:
        self.vocabulary = vocabulary_of(model)
        self.calibration = Calibration()


_JUDGED = 400  # tokens; no server's context is smaller
_UNBELIEVABLE = 0.7
_UNUSUAL = 0.75
