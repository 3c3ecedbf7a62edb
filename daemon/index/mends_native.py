"""What is taken out of C, C++ and Swift for the parser only: macros and directives that its grammar stumbles over.

C and C++: a macro between ``class`` and its name, or before a declaration (``class EXPORT Cart``, ``API int total()``,
``BOOL WINAPI Start(int x)``); macros that the file itself defines as nothing or as specifiers; the vocabulary of
Clang's thread safety analysis and of unused parameters; Qt's sections and ``Q_OBJECT``; the braces of ``extern "C"``
that only C++ sees, each in an ``#ifdef`` of its own; conditionals in the middle of a list, with their ``#else``.

Swift: the lines of conditional compilation (their code stays, that of all branches), ``(unsafe)`` and ``sending``.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_MACRO = rb"[A-Z][A-Z0-9_]{2,}"
_SPECIFIERS = rb"(?:(?:static|inline|extern|virtual|const|constexpr|unsigned|struct|enum)\s+)*"
_TYPE = rb"[A-Za-z_]\w*(?:::\w+)*(?:<[^<>;{}()\n]*(?:<[^<>;{}()\n]*>[^<>;{}()\n]*)?>)?"
_THREADS = (
    rb"(?:[A-Z]+_)*(?:(?:PT_)?GUARDED_(?:BY|VAR)|ACQUIRED_(?:AFTER|BEFORE)|(?:(?:EXCLUSIVE|SHARED)_)?"
    rb"(?:LOCKS_REQUIRED|TRYLOCK_FUNCTION|LOCK_FUNCTION)|LOCKS_EXCLUDED|LOCK_RETURNED|UNLOCK_FUNCTION"
    rb"|ASSERT_(?:EXCLUSIVE|SHARED)_LOCK|ASSERT_CAPABILITY|(?:TRY_)?ACQUIRE(?:_SHARED)?|RELEASE(?:_SHARED|_GENERIC)?"
    rb"|REQUIRES(?:_SHARED)?|EXCLUDES|NO_THREAD_SAFETY_ANALYSIS)"
)
_MACROS = (
    re.compile(
        rb"\b(?:class|struct|union)\s+(" + _MACRO + rb"(?:\([^()\n]*\))?)(?=\s+[A-Za-z_]\w*(?:\s+final)?\s*[:{<])"
    ),
    re.compile(
        rb"^[ \t]*(" + _MACRO + rb"\w(?:\([^()\n]*\))?)(?=[ \t\n]+" + _SPECIFIERS + rb"(?!" + _MACRO + rb"\b)" + _TYPE
        + rb"[ \t\n&*]+[\w:~]+[ \t]*\()",
        re.MULTILINE,
    ),
    re.compile(
        rb"^[ \t]*(?:static[ \t]+)?[A-Z]\w*[ \t*]+(WINAPI\w?|CALLBACK|APIENTRY|STDCALL|WINAPIV|__stdcall|__cdecl"
        rb"|STDMETHODCALLTYPE)(?=[ \t\n]+\w+[ \t]*\()",
        re.MULTILINE,
    ),
    re.compile(
        rb"(?<=[\w)\]>])\s+(" + _THREADS + rb"\b(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?)"
        rb"(?=\s*(?:[;{=,:]|const|override|final))"
    ),
    re.compile(rb"(?<=[\w*&])\s+(\b(?:[A-Z][A-Z0-9_]*_UNUSED|UNUSED|__unused)\b)(?=[\s,)\[])"),
    re.compile(
        rb"^[ \t]*(Q_OBJECT|Q_GADGET|Q_NAMESPACE|(?:Q_SIGNALS|signals)[ \t]*:)[ \t]*(?://[^\n]*)?$", re.MULTILINE
    ),
    re.compile(rb"^[ \t]*(?:public|protected|private)[ \t]+((?:Q_SLOTS|slots))(?=[ \t]*:)", re.MULTILINE),
    re.compile(
        rb"^[ \t]*#[ \t]*if(?:def[ \t]+|[ \t]+defined[ \t]*\(?[ \t]*)__cplusplus\b[^\n]*\n\s*"
        rb"((?:extern[ \t]+\"C\"[ \t]*\{|\})[^\n]*)\n\s*#[ \t]*endif",
        re.MULTILINE,
    ),
)  # fmt: skip
# Only headers that have braces to spare are looked at: a directive after a comma or an operator splits a list.
_SPLIT = re.compile(
    rb"(?:(?:^[ \t]*:|[,(=?|+*/<-]|&&)[ \t]*(?://[^\n]*)?\n(?P<open>[ \t]*#[ \t]*if(?:n?def)?\b[^\n]*)\n"
    rb"|(?P<before>^[ \t]*#[ \t]*if(?:n?def)?\b[^\n]*)\n(?=\s*,))"
    rb"(?P<kept>(?:(?![ \t]*#)[^\n]*\n)*)"
    rb"(?P<other>[ \t]*#[ \t]*(?:else|elif)\b[^\n]*\n(?:(?![ \t]*#[ \t]*(?:if|endif))[^\n]*\n)*)?"
    rb"(?P<close>[ \t]*#[ \t]*endif[^\n]*)",
    re.MULTILINE,
)
# #define ring_api static inline: words that say nothing to somebody who reads a declaration.
_DEFINED = re.compile(
    rb"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[ \t]+(?:static|inline|extern|__inline\w*|__forceinline|constexpr|_Noreturn"
    rb"|noreturn|__attribute__[ \t]*\(\([^\n]*\)\)|__declspec\([^()\n]*\)|\[\[[^\[\]\n]*\]\]))*)[ \t]*"
    rb"(?:/[*/][^\n]*)?$",
    re.MULTILINE,
)
_DIRECTIVE = re.compile(rb"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_MANY = 200  # such macros in one file: generated
_SWIFT = (
    re.compile(rb"^[ \t]*(#(?:if|elseif|else|endif|error|warning)\b[^\n]*)", re.MULTILINE),
    re.compile(rb"\bnonisolated(\(unsafe\))"),
    re.compile(rb"[:(,]\s*(sending)(?=\s+[@(A-Za-z])"),
)


def _own_macros(data: bytes) -> list[tuple[int, int]]:
    """Where macros are used that the file itself defines as nothing, or as specifiers; not in its directives."""
    names = {match[1] for match in _DEFINED.finditer(data)}
    if not names or len(names) > _MANY:
        return []
    used = re.compile(rb"\b(?:" + b"|".join(sorted(names)) + rb")\b(?![ \t]*\()")
    directives = [match.span() for match in _DIRECTIVE.finditer(data)]
    starts = [start for start, _ in directives]
    spans = []
    for match in used.finditer(data):
        at = bisect_right(starts, match.start()) - 1
        if at < 0 or match.start() >= directives[at][1]:
            spans.append(match.span())
    return spans


def noise_of(data: bytes, grammar: str) -> list[tuple[int, int]]:
    """What to blank, line breaks aside, as pairs of offsets; nothing for other grammars."""
    if grammar == "swift":
        return [match.span(1) for pattern in _SWIFT for match in pattern.finditer(data)]
    if grammar not in {"c", "cpp"}:
        return []
    spans = [match.span(1) for pattern in _MACROS for match in pattern.finditer(data)]
    spans += _own_macros(data)
    for match in _SPLIT.finditer(data):
        spans += [match.span(name) for name in ("open", "before", "other", "close") if match[name] is not None]
    return spans
