"""Doc comments and docstrings: raw text -> summary and details without comment marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUMMARY_LIMIT = 240  # characters; a longer first paragraph is cut after its first sentence

_STAR = re.compile(r"^\s*\*(?!\*/) ?")
_SLASHES = re.compile(r"^\s*//[/!]* ?")
_OTHER_MARKS = re.compile(r"^\s*(?:--+|;+|%+)[|^!]? ?")
_HASHES = re.compile(r"^\s*#+ ?")
_BEGIN = re.compile(r"^=(?:begin|end)\b.*$", re.MULTILINE)
_SEE = re.compile(r"<(?:see|seealso|paramref|typeparamref)\s+\w+=\"(?:[A-Z]:)?([^\"]*)\"\s*/>")
_BRIEF = re.compile(r"^[@\\](?:brief|short)\s+")
_COMMAND = re.compile(r"\\[a-z]+\b|- (?:Parameters?|Returns|Throws|Note|Important|Complexity)\b")
_STRING = re.compile(r"^[A-Za-z]{0,2}(\"\"\"|'''|\"|')")
_INLINE_TAG = re.compile(r"\{@(?:link|linkplain|code|literal|value)\s+([^{}]*)\}")
_INHERITED = re.compile(r"\{@inherit[dD]oc\}|<inheritdoc[^<>]*/>")  # says nothing by itself
_HTML = re.compile(r"</?(?:p|br|b|i|em|strong|code|tt|ul|ol|li|pre|summary|para|c)\s*/?>", re.IGNORECASE)
_PARAGRAPH_TAG = re.compile(r"^\s*<p\s*/?>", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])")
_DIRECTIVE = re.compile(r"^//(?:go:|\s*\+build\b|nolint\b|line |export )")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doc:
    """What a doc comment says: ``summary`` in one line, ``details`` the rest, ``text`` both with their lines."""

    summary: str | None = None
    details: str | None = None
    text: str = ""


NO_DOC = Doc()
_TAGS = ("@", ":param", ":return", "<param", "<returns", "<remarks", "<typeparam", "<exception", "<value", "<example")


def from_comment(raw: str) -> Doc:
    """A block comment, or neighbouring line comments, begun by ``/*``, ``//``, ``#``, ``--``, ``;`` or ``%``."""
    text = _INHERITED.sub("", raw.strip())
    lines: list[str] = []
    if text.startswith("/*"):
        inner = text[2:].removesuffix("*/").lstrip("*!").rstrip("*")
        lines = [_STAR.sub("", line) if at else line.strip() for at, line in enumerate(inner.splitlines())]
    elif text.startswith(("#", "=begin")):
        lines = [_HASHES.sub("", line) for line in _BEGIN.sub("", text).splitlines() if not line.startswith("#!")]
    elif text.startswith(("--", ";", "%")):  # Lua and Haskell, Lisps, Erlang
        lines = [_OTHER_MARKS.sub("", line) for line in text.splitlines()]
    else:
        lines = [_SLASHES.sub("", line) for line in text.splitlines() if not _DIRECTIVE.match(line.strip())]
    return _doc(_dedented(lines))


def from_docstring(raw: str) -> Doc:
    """A string literal of Python with its quotes; escapes are left as written."""
    match = _STRING.match(raw)
    inner = raw[match.end() : -len(match[1])] if match and raw.endswith(match[1]) else raw
    first, _, rest = inner.partition("\n")
    return _doc([first.strip(), *_dedented(rest.splitlines())])


def _dedented(lines: list[str]) -> list[str]:
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[margin:].rstrip() for line in lines]


def _doc(lines: list[str]) -> Doc:
    """Split at the end of the first paragraph, or of its first sentence where the paragraph is long."""
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    if not lines:
        return NO_DOC
    lines[0] = _BRIEF.sub("", lines[0])
    text = "\n".join(lines)
    end = 0
    while end < len(lines) and lines[end].strip() and not _starts_something_else(lines, end):
        end += 1
    paragraph = _plain(" ".join(line.strip() for line in lines[:end]))
    summary, rest = paragraph, ""
    if len(paragraph) > _SUMMARY_LIMIT:
        summary, *more = _SENTENCE.split(paragraph, maxsplit=1)
        rest = "".join(more)
    details = "\n".join(part for part in (rest, "\n".join(lines[end:]).strip("\n")) if part)
    return Doc(summary=summary or None, details=details or None, text=text)


def _starts_something_else(lines: list[str], at: int) -> bool:
    """A tag, a paragraph of HTML or an underlined heading ends the summary."""
    line = lines[at].lstrip()
    if line.startswith(_TAGS) or _COMMAND.match(line):
        return True
    return at > 0 and _PARAGRAPH_TAG.match(line) is not None


def _plain(text: str) -> str:
    text = _SEE.sub(r"\1", text)
    return _HTML.sub("", _INLINE_TAG.sub(lambda match: match[1].strip(), text)).strip()
