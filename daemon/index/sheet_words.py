"""The words of the fact sheet in the language of a repository; what a language lacks is said in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import yaml

from daemon.config import shared
from daemon.errors import PromptError

_FILE = "sheet.yaml"
_LAST_RESORT = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """One language's labels."""

    labels: Mapping[str, str]
    kinds: Mapping[str, str]

    def __getitem__(self, label: str) -> str:
        return self.labels[label]

    def kind(self, kind: str) -> str:
        """What a kind of node is called; a foreign index may bring kinds of its own."""
        return self.kinds.get(kind, kind.lower())

    def filled(self, label: str, **values: int) -> str:
        """A label with its placeholders filled."""
        return Template(self.labels[label]).safe_substitute(values)


@cache
def words_of(language: str, folder: Path | None = None) -> Words:
    """The words of ``language``: from ``folder`` (the configured prompts), else the shipped ones, else English.

    Raises PromptError when a file that is there cannot be read.
    """
    own = _tables(folder / _FILE) if folder is not None else {}
    shipped = _tables(shared("prompts") / _FILE)
    labels: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for table in (shipped.get(_LAST_RESORT), own.get(_LAST_RESORT), shipped.get(language), own.get(language)):
        for label, value in (table or {}).items():
            if label == "kinds" and isinstance(value, dict):
                kinds |= {str(kind): str(name) for kind, name in value.items()}
            elif isinstance(value, str):
                labels[str(label)] = value
    return Words(labels, kinds)


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        tables = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}", "See prompts/README.md.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise PromptError(
            f"{path}: one table of labels per language is expected", "See the shipped prompts/sheet.yaml."
        )
    return {str(language): table for language, table in tables.items()}
