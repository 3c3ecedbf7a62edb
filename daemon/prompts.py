"""Loads prompts/, refuses unknown or missing placeholders, fingerprints each so that texts know their prompt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from daemon import log
from daemon import words as wording
from daemon.errors import PromptError
from daemon.languages import ENGLISH_NAMES
from daemon.words import Words

ALL = ("coder", "talker", "instruct", "file", "package", "repository")
# What each file may use, and what it cannot do without. In system prompts, which are filled once, also $sections (all
# headings) and $section_1, $section_2, ... (one of them, for the worked example).
_ALLOWED: Mapping[str, frozenset[str]] = {
    "coder.user": frozenset({"lang", "fqn", "hints", "fence", "source", "instructions", "reminder"}),
    "talker.user": frozenset({"fqn", "fence", "raw", "reminder"}),
    "instruct.user": frozenset({"lang", "fqn", "hints", "fence", "raw", "sites", "instructions", "reminder"}),
    "file.user": frozenset({"lang", "fqn", "hints", "fence", "source", "members", "reminder"}),
    "package.user": frozenset({"lang", "fqn", "hints", "fence", "members", "reminder"}),
    "repository.user": frozenset({"fqn", "hints", "fence", "members", "reminder"}),
    "part.user": frozenset({"lang", "fqn", "header", "number", "total", "lines", "fence", "source", "reminder"}),
    "part.merged": frozenset({"header", "lines", "total", "notes"}),
    "part.unread": frozenset({"share", "places"}),
    "part.stubs": frozenset({"count"}),
}
_NEEDED: Mapping[str, frozenset[str]] = {
    "coder.system": frozenset({"sections"}),
    "coder.user": frozenset({"fence", "source", "reminder"}),
    "talker.user": frozenset({"fence", "raw", "reminder"}),
    "instruct.system": frozenset({"sections"}),
    "instruct.user": frozenset({"fence", "raw", "reminder"}),
    "part.user": frozenset({"fence", "source", "lines", "reminder"}),
    "part.merged": frozenset({"header", "notes"}),
    "part.unread": frozenset({"share", "places"}),
    "part.stubs": frozenset({"count"}),
    **{f"{whole}.system": frozenset({"sections"}) for whole in ("file", "package", "repository")},
    **{f"{whole}.user": frozenset({"fence", "members", "reminder"}) for whole in ("file", "package", "repository")},
}
_FENCES = re.compile(r"`{3,}|~{3,}")
_CODE = re.compile(r"[a-z]{2}")
_MANUAL = "See prompts/README.md."


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePrompt:
    """The prompts of one stage in one language."""

    stage: str
    language: str
    system: str  # complete: the same bytes for every chunk
    user: Template
    words: Words
    fingerprint: str
    borrowed: tuple[str, ...] = field(default=())  # files and words that another language lent

    @property
    def sections(self) -> tuple[str, ...]:
        """The headings of an answer, in order."""
        return self.words.sections

    @property
    def reminder(self) -> str:
        """The last words of every question: the language of the answer."""
        return self.words.reminder

    def ask(self, **fields: str) -> str:
        """The user's message with its placeholders filled; the reminder of the language stands last.

        A paragraph of the template that is one placeholder alone goes where there is nothing to say.
        """
        template = self.user.template
        for name, value in fields.items():
            if not value:
                template = template.replace(f"${name}\n\n", "")
        return Template(template).substitute(**fields, reminder=self.reminder).strip()

    def ask_again(self, message: str, complaints: Mapping[str, str]) -> str:
        """The same message with named defects appended at its end, so that the common part is not computed anew.

        ``complaints`` maps the code of a defect to its detail, which may be empty.
        """
        defects = self.words.defects
        lines = [f"- {defects[code].safe_substitute(detail=detail)}" for code, detail in complaints.items()]
        return "\n".join([message, "", self.words.again, *lines, self.reminder])


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPrompt:
    """How code that is too long for one question is read in parts and described from notes, in one language."""

    system: str
    user: Template  # asks for the note on one part
    merged: Template  # stands in place of the code when all notes are there
    unread: Template  # closes the text when parts were left out
    stubs: Template  # closes the text when members were left out
    reminder: str
    fingerprint: str
    borrowed: tuple[str, ...] = ()

    def ask(self, **fields: str) -> str:
        """The question for one note."""
        return self.user.substitute(**fields, reminder=self.reminder).strip()


class Prompts:
    """All prompts of a folder, loaded and checked on first use of a language.

    What the folder lacks is taken from ``shipped``; what a language lacks there too is borrowed from ``fallback``,
    whose prompts then ask for the other language by its English name. None: nothing is borrowed.
    """

    def __init__(self, folder: Path, *, fallback: str | None = "en", shipped: Path | None = None) -> None:
        self.folder = folder
        self._fallback = fallback
        self._roots = tuple(dict.fromkeys((folder, shipped or folder)))
        self._loaded: dict[tuple[str, str], StagePrompt] = {}
        self._parts: dict[str, PartPrompt] = {}
        self._words: dict[Path, dict[str, Any]] = {}
        self._lent: dict[str, str] = {}
        self._log = log.get("prompts")

    def languages(self) -> list[str]:
        """The languages that have a folder."""
        found = {path.parent.name for root in self._roots for path in root.glob("??/*.*")}
        return sorted(name for name in found if _CODE.fullmatch(name))

    def askable(self) -> list[str]:
        """The languages that have a folder, and those that may borrow one."""
        return sorted({*self.languages(), *(ENGLISH_NAMES if self._fallback else ())})

    def stage(self, stage: str, language: str) -> StagePrompt:
        """The prompts of ``stage`` in ``language``. Raises PromptError naming the file and what is wrong with it."""
        key = (str(stage), language)
        if key not in self._loaded:
            self._loaded[key] = self._load(*key)
        return self._loaded[key]

    def part(self, language: str) -> PartPrompt:
        """The prompts for code that is too long. Raises PromptError naming the file and what is wrong with it."""
        if language not in self._parts:
            words = self.stage("talker", language).words  # a note has no headings either
            found = {name: self._template(language, f"part.{name}", _ALLOWED.get(f"part.{name}", frozenset()))
                     for name in ("system", "user", "merged", "unread", "stubs")}  # fmt: skip
            system = found["system"][0].substitute().strip()
            borrowed = tuple(f"part.{name}.md" for name, (_, lent) in found.items() if lent)
            if found["system"][1]:
                system += f"\n\n{words.borrowed['system'].template}"
            texts = [system, *(template.template for template, _ in found.values()), words.reminder]
            self._parts[language] = PartPrompt(
                system=system, user=found["user"][0], merged=found["merged"][0], unread=found["unread"][0],
                stubs=found["stubs"][0],
                reminder=words.reminder, borrowed=borrowed,
                fingerprint=hashlib.blake2b("\x00".join(texts).encode(), digest_size=8).hexdigest(),
            )  # fmt: skip
        return self._parts[language]

    def check(self, language: str) -> str:
        """Load every prompt of a language, so that a mistake shows before any work is done.

        Answers in words what is borrowed, empty where nothing is; the log says so once. Raises PromptError as
        ``stage`` and ``part`` do.
        """
        if language not in self._lent:
            self._lent[language] = self._borrowings(language)
            if self._lent[language]:
                self._log.warning("prompts borrowed", language=language, what=self._lent[language], remedy=_MANUAL)
        return self._lent[language]

    def _borrowings(self, language: str) -> str:
        borrowed = dict.fromkeys(part for name in ALL for part in self.stage(name, language).borrowed)
        borrowed |= dict.fromkeys(self.part(language).borrowed)
        if not borrowed:
            return ""
        if language not in self.languages():
            return f"no prompts in {ENGLISH_NAMES.get(language, language)}: taken from {self._fallback}"
        return f"{', '.join(borrowed)} not in {language}: taken from {self._fallback}"

    def _load(self, stage: str, language: str) -> StagePrompt:
        name = ENGLISH_NAMES.get(language)
        if language not in self.languages() and (self._fallback is None or name is None):
            raise PromptError(
                f"there are no prompts in language {language!r} in {self.folder}",
                f"Choose one of {', '.join(self.languages()) or 'none'}, or add the folder {self.folder / language} "
                f"(prompts/README.md says how).",
            )
        words, lends = self._words_of(stage, language, name or language)
        borrowed = [*(["words.yaml"] if lends else []), *words.missing]
        headings = _headings(words.sections)
        system, lent = self._template(language, f"{stage}.system", frozenset(headings))
        filled = system.substitute(headings).strip()
        if lent:
            borrowed.append(f"{stage}.system.md")
            filled += f"\n\n{words.borrowed['system'].template}"
        user, lent = self._template(language, f"{stage}.user", _ALLOWED[f"{stage}.user"])
        if lent:
            borrowed.append(f"{stage}.user.md")
        parts = [filled, user.template, words.reminder, *words.sections]
        if "instructions" in user.get_identifiers():
            # Sentences that may enter a question belong to it; those about defects mend an answer, and do not count.
            for group in (words.defaults, words.instructions, words.roles):
                parts += [f"{code} {sentence.template}" for code, sentence in sorted(group.items())]
        return StagePrompt(
            stage=stage,
            language=language,
            system=filled,
            user=user,
            words=words,
            fingerprint=hashlib.blake2b("\x00".join(parts).encode(), digest_size=8).hexdigest(),
            borrowed=tuple(borrowed),
        )

    def _find(self, language: str, file: str) -> tuple[Path, bool] | None:
        """The file in the language, else in the one that lends; and whether it was lent."""
        for one in dict.fromkeys((language, self._fallback or language)):
            for root in self._roots:
                if (path := root / one / file).is_file():
                    return path, one != language
        return None

    def _words_of(self, stage: str, language: str, name: str) -> tuple[Words, bool]:
        """The words, and whether all of them are lent."""
        found = self._find(language, "words.yaml")
        own = self._words_in(found[0]) if found and not found[1] else None
        lending = None if self._fallback in {None, language} else self._find(str(self._fallback), "words.yaml")
        lender = self._words_in(lending[0]) if lending else None
        if lending and lender:
            _whole(lending[0], lender, stage, lends=True)
        elif found and own:
            _whole(found[0], own, stage, lends=self._fallback == language)
        else:
            raise self._absent(language, "words.yaml")
        return wording.words(own, lender, stage, name=name), own is None

    def _words_in(self, path: Path) -> dict[str, Any]:
        if path not in self._words:
            self._words[path] = wording.read(path)
        return self._words[path]

    def _template(self, language: str, name: str, allowed: frozenset[str]) -> tuple[Template, bool]:
        """One file, and whether it is lent."""
        found = self._find(language, f"{name}.md")
        if found is None:
            raise self._absent(language, f"{name}.md")
        return _checked(found[0], name, allowed), found[1]

    def _absent(self, language: str, file: str) -> PromptError:
        return PromptError(f"{self.folder / language / file}: cannot be read: no such file", _MANUAL)


def fence_for(*texts: str) -> str:
    """A code fence that none of the texts can close: one backtick longer than any run of fence marks in them."""
    return "`" * max([3, *(len(run) + 1 for text in texts for run in _FENCES.findall(text))])


def _headings(sections: tuple[str, ...]) -> dict[str, str]:
    """What stands for headings in a system prompt: all of them, and each alone for the worked example."""
    each = {f"section_{number}": heading for number, heading in enumerate(sections, start=1)}
    return {"sections": "\n".join(sections), **each} if sections else {}


def _checked(path: Path, name: str, allowed: frozenset[str]) -> Template:
    try:
        template = Template(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}", _MANUAL) from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: not UTF-8 text", "Save the file as UTF-8.") from None
    if not template.is_valid():
        raise PromptError(f"{path}: a dollar sign stands alone", "Write $$ for a dollar sign.")
    used = set(template.get_identifiers())
    unknown, missing = used - allowed, _NEEDED.get(name, frozenset()) - used
    if unknown:
        said = ", ".join(f"${one}" for one in sorted(allowed)) or "none"
        raise PromptError(
            f"{path}: unknown placeholder {', '.join(f'${one}' for one in sorted(unknown))}",
            f"Allowed here: {said}. Write $$ for a dollar sign.",
        )
    if missing:
        raise PromptError(f"{path}: placeholder {', '.join(f'${one}' for one in sorted(missing))} is missing")
    return template


def _whole(path: Path, found: Mapping[str, Any], prompt: str, *, lends: bool) -> None:
    missing = ", ".join(wording.lacking(found, prompt, lends=lends))
    if missing:
        raise PromptError(f"{path}: {missing} missing", "See prompts/en/words.yaml for the form.")
