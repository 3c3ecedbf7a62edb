"""Writes the grammar (GBNF) that holds a small model to its headings and to prose in one script."""

from __future__ import annotations

import json
from collections.abc import Sequence

_LATIN = r"a-zA-Z\u00C0-\u024F"

# Letters of the other scripts, as the inside of a character class.
_LETTERS = {
    "cyrillic": r"\u0400-\u052F",
    "greek": r"\u0370-\u03FF\u1F00-\u1FFF",
    "hebrew": r"\u0590-\u05FF",
    "arabic": r"\u0600-\u06FF",
    "devanagari": r"\u0900-\u097F",
    "chinese": r"\u4E00-\u9FFF",
    "japanese": r"\u3040-\u30FF\u4E00-\u9FFF",
    "korean": r"\uAC00-\uD7AF",
}
_SCRIPT = {
    **dict.fromkeys(("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg"), "cyrillic"),
    **dict.fromkeys(("ar", "fa", "ur"), "arabic"),
    **dict.fromkeys(("hi", "mr", "ne"), "devanagari"),
    "el": "greek",
    "he": "hebrew",
    "zh": "chinese",
    "ja": "japanese",
    "ko": "korean",
}

# By whether the script is Latin. What one word costs a tokenizer that was trained on English, in tokens
# (measured with SmolLM2, rounded up); how long a sentence may be; how long it is as a rule.
_TOKENS_PER_WORD = {True: 1.4, False: 7.0}
_WORDS_PER_SENTENCE = {True: 28, False: 12}
_TYPICAL_WORDS = {True: 18, False: 13}
_BUDGET = 400  # tokens that the caps below are meant for; a larger budget raises them in proportion


def grammar(sections: Sequence[str], language: str, tokens: int = _BUDGET) -> str:
    """The GBNF grammar for one kind of answer that fits into about ``tokens`` tokens.

    With ``sections``: exactly these headings in this order, each followed by 1 to 4 sentences (more where
    ``tokens`` allows it). Without: 2 to 6 sentences and nothing else. Sentences are in the script of
    ``language`` (two letters; Latin where it is unknown) with inline code and numbers between, and bounded in
    every direction, because a tiny model that found a loop stays in it. Other scripts take Latin letters in
    code and abbreviations only, so no answer can drift into English, or into Chinese.
    """
    script = _SCRIPT.get(language)
    latin = script is None
    letters = _LATIN if script is None else _LETTERS[script]
    headings = sum(len(heading) for heading in sections)
    words = (tokens - headings / (3 if latin else 1.5)) / _TOKENS_PER_WORD[latin]
    affordable = int(words / max(1, len(sections)) / _TYPICAL_WORDS[latin])
    generous = max(1, tokens // _BUDGET)
    if sections:
        least, most = 1, min(affordable, 4 * generous)
        root = ' "\\n\\n" '.join(f"{_literal(heading)} {_literal(chr(10))} prose" for heading in sections)
    else:
        least, most = 2, min(affordable, 6 * generous)
        root = "prose"
    rules = {
        "root": root,
        "prose": f'sentence (" " sentence){{{least - 1},{max(most, least) - 1}}}',
        "sentence": f'opening (joint word){{3,{_WORDS_PER_SENTENCE[latin]}}} "."',
        "opening": "plain | code",
        "word": 'plain | code | number | "(" plain ")"' + ("" if latin else " | abbreviation"),
        "plain": f"[{letters}] [{letters}'-]{{0,23}}",
        "code": r'"`" [a-zA-Z_] [a-zA-Z0-9_.]{0,40} "()"? "`"',
        "number": '[0-9]{1,6} ("." [0-9]{1,3})?',
        "joint": '" " | ", "',
    }
    if not latin:
        rules["abbreviation"] = "[A-Z] [A-Za-z0-9]{1,9}"
    return "".join(f"{name} ::= {body}\n" for name, body in rules.items())


def _literal(text: str) -> str:
    """``text`` as a GBNF string, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
