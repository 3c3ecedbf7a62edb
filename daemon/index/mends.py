"""Takes out of a source, for the parser only, what a grammar is known to misread; lengths stay as they are.

Kotlin: the delegate of a class (``class Cache : Store by store {``: its body is taken for a lambda), line breaks and
comments between the name of a class and its ``constructor``, and ``actual`` before that.

Scala: the annotation of a class's constructor (``class Orders @Inject() (store: Store)``), which would take the
parameters of the class for arguments of its own. C, C++ and Swift: ``mends_native.py``.
"""

from __future__ import annotations

import re

from daemon.index.languages import Language
from daemon.index.mends_native import noise_of

_DELEGATE = re.compile(rb"\bby\s+[\w.]+(?:\([^(){}]*\))?(?=\s*\{)")
_CONSTRUCTOR = re.compile(rb"\bconstructor\s*\(")
_HEADER = re.compile(
    rb"\bclass\s+\w+(?:\s*<[^<>{}()]*>)?((?:\s|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|@[\w.:]+(?:\([^()]*\))?"
    rb"|\b(?:internal|private|protected|public|actual)\b)*)\Z"
)
_TAKEN_OUT = re.compile(rb"//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|\n|\bactual\b")
_WORD_BEFORE = re.compile(rb"(\w+)\Z")
_SCALA_ANNOTATION = re.compile(
    rb"\bclass\s+\w+(?:\s*\[[^\[\]\n]*(?:\[[^\[\]\n]*\][^\[\]\n]*)*\])?\s+(@[\w.]+(?:\(\s*\))?)"
    rb"(?=\s*(?:(?:private|protected)(?:\[\w+\])?\s*)?\()"
)
_VISIBLE = re.compile(rb"[^\n]")
_FAR = 4000  # bytes in which the declaration must begin that a delegate belongs to
_NEAR = 800  # bytes between a class and its constructor
_NEST = {ord(")"): 1, ord("]"): 1, ord(">"): 1, ord("("): -1, ord("["): -1, ord("<"): -1}


def mended(data: bytes, language: Language) -> bytes:
    """The bytes to parse; tokens.py finds what is missing again, as it finds all that is not in a tree."""
    noise = noise_of(data, language.grammar)
    if language.grammar == "scala":
        noise = [match.span(1) for match in _SCALA_ANNOTATION.finditer(data)]
    if noise:
        changed = bytearray(data)
        for start, end in noise:
            changed[start:end] = _VISIBLE.sub(b" ", data[start:end])
        return bytes(changed)
    if language.grammar != "kotlin":
        return data
    blanks = [match.span() for match in _DELEGATE.finditer(data) if _in_class_header(data, match.start())]
    for match in _CONSTRUCTOR.finditer(data):
        header = _HEADER.search(data, max(match.start() - _NEAR, 0), match.start())
        if header is not None:
            blanks += [found.span() for found in _TAKEN_OUT.finditer(data, header.start(1), header.end(1))]
    if not blanks:
        return data
    changed = bytearray(data)
    for start, end in blanks:
        changed[start:end] = b" " * (end - start)  # line breaks too
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
