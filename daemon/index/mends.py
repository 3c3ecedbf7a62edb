"""Takes out of a source, for the parser only, what a grammar is known to misread; lengths stay as they are.

Kotlin: the delegate of a class (``class Cache : Store by store {``: its body is taken for a lambda), line breaks and
comments between the name of a class and its ``constructor``, and ``actual`` before that.

C and C++: a macro between ``class`` and its name, or before a declaration (``class EXPORT Cart``, ``API int total()``),
and the braces of ``extern "C"`` that only C++ sees, each in an ``#ifdef`` of its own.
"""

from __future__ import annotations

import re

from daemon.index.languages import Language

_DELEGATE = re.compile(rb"\bby\s+[\w.]+(?:\([^(){}]*\))?(?=\s*\{)")
_CONSTRUCTOR = re.compile(rb"\bconstructor\s*\(")
_HEADER = re.compile(
    rb"\bclass\s+\w+(?:\s*<[^<>{}()]*>)?((?:\s|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|@[\w.:]+(?:\([^()]*\))?"
    rb"|\b(?:internal|private|protected|public|actual)\b)*)\Z"
)
_TAKEN_OUT = re.compile(rb"//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|\n|\bactual\b")
_WORD_BEFORE = re.compile(rb"(\w+)\Z")
_MACROS = (
    re.compile(
        rb"\b(?:class|struct|union)\s+([A-Z][A-Z0-9_]{2,}(?:\([^()\n]*\))?)(?=\s+[A-Za-z_]\w*(?:\s+final)?\s*[:{<])"
    ),
    re.compile(
        rb"^[ \t]*([A-Z][A-Z0-9_]{3,}(?:\([^()\n]*\))?)(?=[ \t]+(?:(?:static|inline|extern|virtual|const|constexpr"
        rb"|unsigned|struct|enum)\s+)*[a-z_]\w*(?:::\w+)*[ \t&*]+[\w:~]+[ \t]*\()",
        re.MULTILINE,
    ),
    re.compile(
        rb"^[ \t]*#[ \t]*if(?:def[ \t]+|[ \t]+defined[ \t]*\(?[ \t]*)__cplusplus\b[^\n]*\n"
        rb"([ \t]*(?:extern[ \t]+\"C\"[ \t]*\{|\})[^\n]*)\n\s*#[ \t]*endif",
        re.MULTILINE,
    ),
)
_FAR = 4000  # bytes in which the declaration must begin that a delegate belongs to
_NEAR = 800  # bytes between a class and its constructor
_NEST = {ord(")"): 1, ord("]"): 1, ord(">"): 1, ord("("): -1, ord("["): -1, ord("<"): -1}


def mended(data: bytes, language: Language) -> bytes:
    """The bytes to parse; tokens.py finds what is missing again, as it finds all that is not in a tree."""
    if language.grammar in {"c", "cpp"}:
        return _without(data, [match.span(1) for pattern in _MACROS for match in pattern.finditer(data)])
    if language.grammar != "kotlin":
        return data
    blanks = [match.span() for match in _DELEGATE.finditer(data) if _in_class_header(data, match.start())]
    for match in _CONSTRUCTOR.finditer(data):
        header = _HEADER.search(data, max(match.start() - _NEAR, 0), match.start())
        if header is not None:
            blanks += [found.span() for found in _TAKEN_OUT.finditer(data, header.start(1), header.end(1))]
    return _without(data, blanks)


def _without(data: bytes, blanks: list[tuple[int, int]]) -> bytes:
    if not blanks:
        return data
    changed = bytearray(data)
    for start, end in blanks:
        changed[start:end] = b" " * (end - start)
    return bytes(changed)


def _in_class_header(data: bytes, at: int) -> bool:
    """Whether ``by`` delegates a class, whose body the grammar would take for a lambda, and not a property."""
    depth = 0
    for position in range(at - 1, max(at - _FAR, -1), -1):
        sign = data[position]
        depth += _NEST.get(sign, 0)
        if depth < 0 or (depth == 0 and sign in b"{};="):
            return False
        if depth == 0 and sign in b" \t\n":
            word = _WORD_BEFORE.search(data, max(position - 20, 0), position)
            if word and word[1] in {b"val", b"var"}:
                return False
            if word and word[1] in {b"class", b"object"}:
                return True
    return False
