"""The words of a language's prompts (words.yaml): headings, reminders, roles, instructions, names of defects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

import yaml

from daemon.errors import PromptError

DEFECTS = (
    "language", "foreign-script", "empty", "cut", "sections", "fence", "thinking", "preamble", "repetition", "copied",
    "grounding", "params", "numbers", "example", "place", "jargon", "hidden", "leak", "link", "markup", "obeyed",
    "off-task",
)  # fmt: skip
INSTRUCTIONS = ("title", "params", "result", "doc", "part", "skeleton", "outside")
DEFAULTS = ("audience", "goal", "quality", "uses")
BORROWED = ("system", "reminder", "language")
_TOP = ("language", "sections", "reminder", "again")
# Every group of sentences, what it must hold, and which placeholders its sentences may use.
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "borrowed": BORROWED, "defaults": DEFAULTS, "instructions": INSTRUCTIONS, "roles": (), "defects": DEFECTS,
}  # fmt: skip
_PLACEHOLDERS: Mapping[str, frozenset[str]] = {
    "borrowed": frozenset({"language"}), "defaults": frozenset(), "instructions": frozenset({"detail"}),
    "roles": frozenset(), "defects": frozenset({"detail"}),
}  # fmt: skip
_FORM = "See prompts/en/words.yaml for the form."

Sentences = Mapping[str, Template]
_NOTHING: Sentences = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language's words, complete for one prompt."""

    language: str
    sections: tuple[str, ...] = ()
    reminder: str = ""
    again: str = ""
    borrowed: Sentences = field(default_factory=lambda: _NOTHING)
    defaults: Sentences = field(default_factory=lambda: _NOTHING)
    instructions: Sentences = field(default_factory=lambda: _NOTHING)
    roles: Sentences = field(default_factory=lambda: _NOTHING)
    defects: Sentences = field(default_factory=lambda: _NOTHING)
    missing: tuple[str, ...] = ()  # what the language's own file lacks and another language lends

    def default(self, name: str) -> str:
        """What is said of a chunk whose index says nothing: audience, goal, quality."""
        return _said(self.defaults, name)

    def instruction(self, name: str, detail: str = "") -> str:
        """One demand on the answer."""
        return _said(self.instructions, name, detail)

    def role(self, role: str | None) -> str:
        """What to look at in code that plays this role; empty for roles that nobody described."""
        return _said(self.roles, (role or "").strip().lower().replace("_", "-").replace(" ", "-"))


def _said(sentences: Sentences, name: str, detail: str = "") -> str:
    sentence = sentences.get(name)
    return "" if sentence is None else sentence.safe_substitute(detail=detail)


def read(path: Path) -> dict[str, Any]:
    """The file as it is, its form checked as far as it goes. Raises PromptError naming what is wrong."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}", "See prompts/README.md.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(found, dict):
        raise PromptError(f"{path}: must hold words (key: value), found a {type(found).__name__}", _FORM)
    for group, allowed in _PLACEHOLDERS.items():
        sentences = found.get(group) or {}
        if not isinstance(sentences, dict):
            raise PromptError(f"{path}: {group} must hold sentences by name", _FORM)
        for code, sentence in sentences.items():
            _checked(path, f"{group}.{code}", Template(str(sentence)), allowed)
    if not isinstance(found.get("sections") or {}, dict):
        raise PromptError(f"{path}: sections must hold a list of headings for each prompt", _FORM)
    return found


def _checked(path: Path, key: str, sentence: Template, allowed: frozenset[str]) -> None:
    if not sentence.is_valid():
        raise PromptError(f"{path}: {key}: a dollar sign stands alone", "Write $$ for a dollar sign.")
    unknown = sorted(set(sentence.get_identifiers()) - allowed)
    if unknown:
        said = ", ".join(f"${name}" for name in sorted(allowed)) or "none"
        raise PromptError(f"{path}: {key}: unknown placeholder ${unknown[0]}", f"Allowed here: {said}.")


def lacking(found: Mapping[str, Any], prompt: str, *, lends: bool) -> Iterator[str]:
    """The keys that the words of a language lack for a prompt; ``lends``: other languages borrow from it."""
    for key in _TOP:
        if not found.get(key):
            yield key
    if found.get("sections") and prompt not in found["sections"]:
        yield f"sections.{prompt}"
    for group, needed in _GROUPS.items():
        there = found.get(group) or {}
        if group == "borrowed" and not lends:
            continue
        yield from (f"{group}.{code}" for code in needed if code not in there)


def words(own: Mapping[str, Any] | None, lender: Mapping[str, Any] | None, prompt: str, *, name: str) -> Words:
    """The words of one prompt: the language's own, and from the lender what it has not.

    ``name`` is the English name of the language: with it the lender asks for a language that it is not.
    """
    mine, theirs = own or {}, lender or {}
    groups = {group: _sentences(theirs.get(group)) | _sentences(mine.get(group)) for group in _GROUPS}
    # What stands below a lent prompt is said in the language of that prompt.
    lends = _sentences((theirs if lender is not None else mine).get("borrowed"))
    lent = {code: Template(sentence.safe_substitute(language=name)) for code, sentence in lends.items()}
    if lender is not None:
        theirs = {**theirs, "reminder": lent["reminder"].template}
        if "language" not in (mine.get("defects") or {}):
            groups["defects"]["language"] = lent["language"]
    sections = (mine.get("sections") or {}).get(prompt, (theirs.get("sections") or {}).get(prompt))
    return Words(
        language=str(mine.get("language") or name),
        sections=tuple(str(heading) for heading in sections or ()),
        reminder=str(mine.get("reminder") or theirs["reminder"]),
        again=str(mine.get("again") or theirs["again"]),
        borrowed=lent,
        defaults=groups["defaults"],
        instructions=groups["instructions"],
        roles=groups["roles"],
        defects=groups["defects"],
        missing=() if lender is None or own is None else tuple(lacking(mine, prompt, lends=False)),
    )


def _sentences(group: Any) -> dict[str, Template]:
    return {str(code): Template(str(sentence)) for code, sentence in (group or {}).items()}
