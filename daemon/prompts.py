"""Loads prompts/, refuses unknown or missing placeholders, fingerprints each so that texts know their prompt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from daemon.errors import PromptError
from db.types import Stage

# What each file may use, and what it cannot do without.
_ALLOWED: Mapping[str, frozenset[str]] = {
    "coder.system": frozenset({"sections"}),
    "coder.user": frozenset({"lang", "fqn", "lines", "hints", "fence", "source", "reminder"}),
    "talker.system": frozenset(),
    "talker.user": frozenset({"fqn", "raw", "reminder"}),
}
_NEEDED: Mapping[str, frozenset[str]] = {
    "coder.system": frozenset({"sections"}),
    "coder.user": frozenset({"fence", "source", "reminder"}),
    "talker.system": frozenset(),
    "talker.user": frozenset({"raw", "reminder"}),
}
DEFECTS = (
    "language", "foreign-script", "empty", "cut", "sections", "fence", "thinking", "preamble", "repetition", "copied",
)  # fmt: skip
_BACKTICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePrompt:
    """The prompts of one stage in one language."""

    stage: Stage
    language: str
    system: str  # complete: the same bytes for every chunk
    user: Template
    sections: tuple[str, ...]
    reminder: str
    again: str
    defects: Mapping[str, Template]
    fingerprint: str

    def ask(self, **fields: str) -> str:
        """The user's message with its placeholders filled; the reminder of the language stands last."""
        return self.user.safe_substitute(**fields, reminder=self.reminder).strip()

    def ask_again(self, message: str, complaints: Mapping[str, str]) -> str:
        """The same message with named defects appended at its end, so that the common part is not computed anew.

        ``complaints`` maps the code of a defect to its detail, which may be empty.
        """
        lines = [f"- {self.defects[code].safe_substitute(detail=detail)}" for code, detail in complaints.items()]
        return "\n".join([message, "", self.again, *lines, self.reminder])


class Prompts:
    """All prompts of one folder, loaded and checked on first use of a language."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[tuple[Stage, str], StagePrompt] = {}

    def languages(self) -> list[str]:
        """The languages that have a folder."""
        return sorted(path.parent.name for path in self.folder.glob("*/words.yaml"))

    def stage(self, stage: Stage, language: str) -> StagePrompt:
        """The prompts of ``stage`` in ``language``. Raises PromptError naming the file and what is wrong with it."""
        key = (stage, language)
        if key not in self._loaded:
            self._loaded[key] = self._load(stage, language)
        return self._loaded[key]

    def check(self, language: str) -> None:
        """Load every prompt of a language, so that a mistake shows before any work is done."""
        for stage in (Stage.CODER, Stage.TALKER):
            self.stage(stage, language)

    def _load(self, stage: Stage, language: str) -> StagePrompt:
        folder = self.folder / language
        if not folder.is_dir():
            raise PromptError(
                f"there are no prompts in language {language!r} in {self.folder}",
                f"Choose one of {', '.join(self.languages()) or 'none'}, or add the folder {folder} "
                f"(prompts/README.md says how).",
            )
        words = _words(folder / "words.yaml", stage)
        sections = tuple(words["sections"].get(str(stage)) or ())
        system = _template(folder, f"{stage}.system")
        user = _template(folder, f"{stage}.user")
        defects = {code: Template(str(sentence)) for code, sentence in words["defects"].items()}
        filled = system.substitute(sections="\n".join(sections)).strip()
        parts = [filled, user.template, str(words["reminder"]), *sections]
        return StagePrompt(
            stage=stage,
            language=language,
            system=filled,
            user=user,
            sections=sections,
            reminder=str(words["reminder"]),
            again=str(words["again"]),
            defects=defects,
            fingerprint=hashlib.blake2b("\x00".join(parts).encode(), digest_size=8).hexdigest(),
        )


def fence_for(source: str) -> str:
    """A code fence that the source itself cannot close: one backtick longer than its longest run of them."""
    return "`" * max([3, *(len(run) + 1 for run in _BACKTICKS.findall(source))])


def _template(folder: Path, name: str) -> Template:
    path = folder / f"{name}.md"
    try:
        template = Template(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}", "See prompts/README.md.") from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: not UTF-8 text", "Save the file as UTF-8.") from None
    if not template.is_valid():
        raise PromptError(f"{path}: a dollar sign stands alone", "Write $$ for a dollar sign.")
    used = set(template.get_identifiers())
    unknown, missing = used - _ALLOWED[name], _NEEDED[name] - used
    if unknown:
        allowed = ", ".join(f"${field}" for field in sorted(_ALLOWED[name])) or "none"
        raise PromptError(
            f"{path}: unknown placeholder {', '.join(f'${field}' for field in sorted(unknown))}",
            f"Allowed here: {allowed}. Write $$ for a dollar sign.",
        )
    if missing:
        raise PromptError(f"{path}: placeholder {', '.join(f'${field}' for field in sorted(missing))} is missing")
    return template


def _words(path: Path, stage: Stage) -> dict[str, Any]:
    try:
        words = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}", "See prompts/README.md.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: not valid YAML: {error}") from None
    expected = ("language", "sections", "reminder", "again", "defects")
    missing = [key for key in expected if not isinstance(words, dict) or key not in words]
    if missing:
        raise PromptError(f"{path}: {', '.join(missing)} missing", "See prompts/en/words.yaml for the form.")
    sentences = words["defects"] if isinstance(words["defects"], dict) else {}
    silent = [code for code in DEFECTS if code not in sentences]
    if silent:
        raise PromptError(f"{path}: defects has no sentence for {', '.join(silent)}")
    if not isinstance(words["sections"], dict) or str(stage) not in words["sections"]:
        raise PromptError(f"{path}: sections has no list for {stage}")
    return dict(words)
