"""What is known of a role beside its name: method and path of an endpoint, the words of a schedule, a topic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from daemon.index.marks import unquoted
from daemon.index.roletable import Annotation, Rule, fits
from db.parsed import Mark

_MAX_DETAIL = 200  # characters
_MAX_PARTS = 8  # routes of one handler, or of one function that registers them
_METHODS = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE)\b")
_METHOD_ARGUMENT = re.compile(r"\bmethods?\s*[=:]\s*(.*)", re.DOTALL)
_PATH_ARGUMENT = re.compile(r"\b(?:value|path|rule|url)\s*[=:]\s*(.*)", re.DOTALL)
_NAME_ARGUMENT = re.compile(r"\b(?:name|value|collection|channel)\s*[=:]\s*(.*)", re.DOTALL)
_OPENING = re.compile(r"^(?:arrayOf\(|listOf\(|[\[{(]\s*)+")
_TEXT = re.compile(r"[rRbBfFuU]?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)")
_VERB_IN_TEXT = re.compile(r"^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) +(/.*)$")  # Go 1.22: HandleFunc("GET /x", f)
_NAMED_ONLY = re.compile(r"^\s*\w+\s*=(?!=)")


def of_annotation(
    rule: Rule, found: Annotation, match: re.Match[str], others: Sequence[Annotation], owner: Sequence[Annotation]
) -> str | None:
    """The detail of a role that an annotation gives. ``owner`` are the annotations of the class around."""
    if rule.row.detail == "text":
        return _first_text(found.arguments)
    if rule.row.detail == "arguments":
        return _cut(" ".join(found.arguments.split()))
    if rule.row.detail == "http":
        path = _path(found.arguments)
        if rule.path:
            told = next((one for one in others if fits(rule.path, one.name, one.last)), None)
            path = _path(told.arguments) if told is not None else ""
        before = next((one for one in owner if rule.prefix and fits(rule.prefix, one.name, one.last)), None)
        start = _path(before.arguments) if before is not None else ""
        given = _METHOD_ARGUMENT.search(found.arguments)
        methods = _METHODS.findall(given[1]) if given else []
        method = rule.row.method or ", ".join(dict.fromkeys(methods)) or _verb(match)
        if path is None or start is None:
            return _http(method, None)
        return _http(method, _rooted(_joined([start], path)) if rule.prefix else path)
    return of_class(rule, others)


def of_class(rule: Rule, annotations: Sequence[Annotation]) -> str | None:
    """The detail of a role that a declaration has by other signs than an annotation."""
    told = next((one for one in annotations if rule.path and fits(rule.path, one.name, one.last)), None)
    return _path(told.arguments) or None if told is not None else None


def of_call(rule: Rule, mark: Mark, match: re.Match[str]) -> str | None:
    """The detail of a role that a call gives."""
    if rule.row.detail == "text":
        return _cut(mark.text)
    if rule.row.detail == "arguments":
        return _cut(mark.arguments)
    if rule.row.detail == "http":
        whole = _VERB_IN_TEXT.match(mark.text)
        if whole:
            return _http(whole[1], whole[2])
        given = _METHOD_ARGUMENT.search(mark.arguments)
        methods = _METHODS.findall(given[1]) if given else []
        starts = [text for name, text in reversed(mark.around) if rule.prefix and fits(rule.prefix, name)]
        method = rule.row.method or ", ".join(dict.fromkeys(methods)) or _verb(match)
        return _http(method, _joined(starts, mark.text))
    return None


def labelled(framework: str, details: Iterable[str | None]) -> str | None:
    """``Express: GET /users; POST /users``: the framework and all that is known."""
    known = list(dict.fromkeys(detail for detail in details if detail))
    if len(known) > _MAX_PARTS:
        known = [*known[:_MAX_PARTS], f"and {len(known) - _MAX_PARTS} more"]
    return ": ".join(part for part in (framework, "; ".join(known)) if part) or None


def _verb(match: re.Match[str]) -> str:
    """What the pattern calls ``method``, as HTTP writes it."""
    verb = (match.groupdict().get("method") or "").upper()
    return verb if _METHODS.fullmatch(verb) else ""


def _http(method: str, path: str | None) -> str | None:
    return _cut(" ".join(part for part in (method, path) if part)) or None


def _joined(starts: Sequence[str], path: str) -> str:
    """A path below its prefixes; without prefixes as it is written."""
    before = [part for start in starts if (part := start.strip("/"))]
    return "/" + "/".join([*before, *([rest] if (rest := path.strip("/")) else [])]) if before else path


def _rooted(path: str) -> str:
    """``/users`` for ``users``: frameworks with prefixes take both for the same; a placeholder may begin elsewhere."""
    return f"/{path}" if path[:1].isalnum() or path[:1] in {":", "{", "["} else path


def _path(arguments: str) -> str | None:
    """The path among the arguments of an annotation; "" where none is given, None where it is no plain text."""
    written = arguments.strip()
    if not written:
        return ""
    named = _PATH_ARGUMENT.search(written)
    if named is not None:
        written = named[1].strip()
    elif _NAMED_ONLY.match(written):
        return ""
    written = _OPENING.sub("", written)
    text = _TEXT.match(written)
    if text is None:
        return None
    rest = written[text.end() :].lstrip()
    return None if rest.startswith("+") else unquoted(text[1])


def _first_text(arguments: str) -> str | None:
    """The text that an annotation begins with, or gives as a name: ``@command("run")``, ``@Entity({name: 'user'})``."""
    found = _TEXT.match(_OPENING.sub("", arguments.strip()))
    if found is None and (named := _NAME_ARGUMENT.search(arguments)):
        found = _TEXT.match(_OPENING.sub("", named[1].strip()))
    return _cut(unquoted(found[1])) if found else None


def _cut(text: str) -> str | None:
    return (text if len(text) <= _MAX_DETAIL else text[:_MAX_DETAIL] + " …") or None
