"""Writes answers: deterministic, well-formed, in the asked language, with the asked headings and real identifiers."""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.doubles.sentences import CHINESE, NAMED, PLAIN, TECHNICAL, USING

LANGUAGES = tuple(PLAIN)

_SENTENCES_PER_SECTION = 3
_SENTENCES_PLAIN = 7
_SENTENCES_PER_PARAGRAPH = 4
_NAMES_PER_SECTION = 2
_SHORTEST_NAME = 3
_CYRILLIC_SHARE = 0.3  # names of code in a Russian prompt are Latin
# Pieces of words, digits and marks: within a fifth of Qwen's count on code and prose of all kinds (docs/sizes.md).
_TOKEN = re.compile(r" ?[A-Za-z]{1,8}| ?\d{1,2}| ?[^\W\d_A-Za-z]{1,3}| ?[^\w\s]{1,2}| ?_|\s+|.")
_LONGEST_TAIL = 60  # paragraphs that a regeneration may have appended

_HEADING = re.compile(r"^### .+$", re.MULTILINE)
_MARKER = re.compile(r"\blanguage\s*[:=]\s*[\"'`]?([a-z]{2})\b", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_CYRILLIC = re.compile(r"[\u0400-\u04FF]")
_SPANISH = re.compile(r"\b(?:el|la|los|las|un|una|del|que|para|con|por|y|se|lo|su|sus|qué|como|cada|sin)\b")
_ENGLISH = re.compile(r"\b(?:the|a|an|of|and|to|is|are|with|that|for|in|it|not|what|each|without)\b")
_BLOCK = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[ \t]*$|<(\w+)>\n(.*?)\n</\3>", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(
    r"\b(?:def|class|fun|func|fn|function|interface|object|struct|enum|trait|val|var)\s+([A-Za-z_]\w*)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_DOTTED = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_STRING_OR_COMMENT = re.compile(
    r"\"\"\".*?\"\"\"|'''.*?'''|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|(?://|#)[^\n]*", re.DOTALL
)
# Words of programming languages name nothing in the code.
_KEYWORD_LIST = (
    "abstract and any as assert async await bool boolean break byte case catch char class const constructor continue "
    "data def default defer del dict double elif else enum except export extends extern false final finally float fn "
    "for from fun func function global goto if impl implements import in inline instanceof int integer interface "
    "internal is lambda let list long loop match mod module mut namespace native new nil none nonlocal not null "
    "number object open operator or override package pass private protected pub public raise readonly return sealed "
    "self set short sizeof static str string struct super switch template this throw throws trait true try tuple type "
    "typedef typeof uint union unless unsafe until use using val var virtual void volatile when where while with yield"
)
_KEYWORDS = frozenset(_KEYWORD_LIST.split())


@dataclass(frozen=True, slots=True)
class Wish:
    """What a system prompt asks for."""

    language: str
    headings: tuple[str, ...]


@functools.lru_cache(maxsize=256)
def wish(system: str) -> Wish:
    """Language and headings that a system prompt asks for.

    Headings are its lines that start with ``### ``. The language is the one of a marker ``language: xx`` in
    it, else Russian by its letters, Spanish by its small words, English otherwise.
    """
    headings = tuple(dict.fromkeys(line.strip() for line in _HEADING.findall(system)))
    marker = _MARKER.search(system)
    if marker and marker[1].lower() in LANGUAGES:
        return Wish(marker[1].lower(), headings)
    letters = len(_LETTER.findall(system))
    if letters and len(_CYRILLIC.findall(system)) / letters >= _CYRILLIC_SHARE:
        return Wish("ru", headings)
    lower = system.lower()
    spanish = len(_SPANISH.findall(lower)) > len(_ENGLISH.findall(lower))
    return Wish("es" if spanish else "en", headings)


def source_of(user: str) -> str:
    """The longest fenced block or ``<tag>`` block of a message: what is documented. Empty where there is none."""
    blocks = (match[2] if match[2] is not None else match[4] for match in _BLOCK.finditer(user))
    return max(blocks, key=len, default="")


def subject_of(user: str) -> str:
    """The first dotted name of a message, which is the piece that is documented; empty where there is none."""
    found = _DOTTED.search(user)
    return found[0] if found else ""


class Sources:
    """Recognises that a prompt was asked before, even with complaints appended to its end."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._answered: set[str] = set()

    def key(self, model: str, system: str, user: str) -> str:
        """A hash of what is documented, with model and system prompt.

        Where the message holds a block, that is it. Else it is the whole message, or the longest beginning of
        it (in whole paragraphs) that was a message before.
        """
        if source := source_of(user):
            return digest(model, system, source)
        message = user.rstrip()
        end = len(message)
        for _ in range(_LONGEST_TAIL):
            beginning = digest(model, system, message[:end].rstrip())
            if beginning in self._known:
                return beginning
            end = message.rfind("\n\n", 0, end)
            if end < 0:
                break
        whole = digest(model, system, message)
        self._known.add(whole)
        return whole

    def is_first(self, key: str) -> bool:
        """Whether it was never answered."""
        return key not in self._answered

    def answered(self, key: str) -> None:
        """It is answered now."""
        self._answered.add(key)

    def clear(self) -> None:
        """Everything is new again."""
        self._known.clear()
        self._answered.clear()


def write(system: str, user: str, seed: str, *, language: str | None = None) -> str:
    """An answer to a prompt, in ``language`` or in the one it asks for; another seed gives another text.

    With headings: each with up to two identifiers of the source and three technical sentences. Without: seven
    plain sentences in two paragraphs, and no identifier. At least 60 words in any case.
    """
    wanted = wish(system)
    tongue = language or wanted.language
    seed = digest(seed, system, user)
    if not wanted.headings:
        plain = _shuffled(PLAIN[tongue], seed)[:_SENTENCES_PLAIN]
        return f"{' '.join(plain[:_SENTENCES_PER_PARAGRAPH])}\n\n{' '.join(plain[_SENTENCES_PER_PARAGRAPH:])}"
    technical = _shuffled(_pool(tongue, user), seed)
    openings = _shuffled(NAMED[tongue], seed)
    names = _names(source_of(user), seed)
    sections: list[str] = []
    for number, heading in enumerate(wanted.headings):
        # With more sections than sentences it starts anew.
        start = number * _SENTENCES_PER_SECTION
        said = [technical[(start + step) % len(technical)] for step in range(_SENTENCES_PER_SECTION)]
        mine = names[number * _NAMES_PER_SECTION :][:_NAMES_PER_SECTION]
        if mine:
            listed = ", ".join(f"`{name}`" for name in mine)
            said.insert(0, openings[number % len(openings)].format(names=listed))
        sections.append(f"{heading}\n{' '.join(said)}")
    return "\n\n".join(sections)


def _pool(language: str, user: str) -> Sequence[str]:
    """The sentences to choose from: where the message holds some of ours, a description is there already."""
    said = [sentence for sentence in TECHNICAL[language] if sentence in user]
    return [*USING[language], *(one for one in TECHNICAL[language] if one not in said)] if said else TECHNICAL[language]


def with_chinese(text: str, seed: str) -> str:
    """The text with a few Chinese sentences among its own."""
    head, dot, tail = text.partition(". ")
    drift = "".join(_shuffled(CHINESE, seed)[:2])
    return f"{head}{dot}{drift} {tail}"


def tokens(text: str) -> int:
    """The doubles' count of a text's tokens."""
    return sum(1 for _ in _TOKEN.finditer(text))


def cut(text: str, count: int) -> str:
    """The first ``count`` tokens of a text."""
    return "".join(match.group() for match in itertools.islice(_TOKEN.finditer(text), count))


def digest(*parts: str) -> str:
    """A 96-bit hash."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _names(source: str, seed: str) -> list[str]:
    """Identifiers of the source: the first declared one, then the others in an order of the seed's."""
    code = _STRING_OR_COMMENT.sub(" ", source)
    found = [word for word in dict.fromkeys(_WORD.findall(code)) if _is_name(word)]
    declared = next((word for word in _DECLARED.findall(code) if _is_name(word)), None)
    others = _shuffled([word for word in found if word != declared], seed)
    return others if declared is None else [declared, *others]


def _is_name(word: str) -> bool:
    return len(word) >= _SHORTEST_NAME and word.lower() not in _KEYWORDS


def _shuffled(items: Sequence[str], seed: str) -> list[str]:
    return sorted(items, key=lambda item: hashlib.blake2b((seed + item).encode(), digest_size=8).digest())
