"""CODER: what this piece of code does, for developers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from daemon.guard.base import Usage
from daemon.prompts import fence_for
from daemon.settings import HintSettings
from daemon.stages import hints, members
from daemon.stages.origin import Input
from daemon.words import Words
from db.types import Material, NodeKind, Stage

_NOT_A_LABEL = re.compile(r"[^\w+#.-]")  # of a code block
_NO_WORDS = Words(language="")


class Coder:
    """Source and facts -> ``content_raw``."""

    stage = Stage.CODER
    prompt = "coder"

    def __init__(self, settings: HintSettings | None = None) -> None:
        self._groups = (settings or HintSettings()).groups

    @property
    def settings(self) -> Sequence[object]:
        """Which groups of hints are shown."""
        return self._groups

    def fields(self, material: Material, words: Words) -> Mapping[str, str]:
        """The placeholders of coder.user.md."""
        source = material.source_code.strip("\n")
        # The plan adds lines about members by itself; without the group of roles they are told without theirs.
        told = {} if "role" in self._groups else {"members": members.lines(material.members, roles=False)}
        return {
            "lang": _NOT_A_LABEL.sub("", material.lang)[:30],
            "fqn": hints.one_line(material.title or material.fqn),
            "hints": hints.facts(material, words, self._groups),
            "fence": fence_for(source),
            "source": source,
            "instructions": hints.instructions(material, words, self._groups),
            **told,
        }

    def inputs(self, material: Material) -> Sequence[Input]:
        """Source and what is shown beside it, as far as it lasts.

        Left out although shown: lines, path, package and the name of a file (moving code is no change of meaning),
        imports that the code does not use, and callers (a new caller somewhere must not rewrite the text of what it
        calls).
        """
        name = "" if material.kind == NodeKind.FILE else material.name
        return (
            Input("lang", material.lang), Input("name", name), Input("part", material.part),
            Input("source", material.source_hash), *hints.keyed(material, self._groups),
        )  # fmt: skip

    def source(self, material: Material) -> str:
        """The code itself."""
        return material.source_code

    def facts(self, material: Material) -> str:
        """The hints and the names above them, and in full what the hints shorten: neighbours and imports."""
        shown = hints.facts(material, _NO_WORDS, self._groups)
        whole = "\n".join([*(one.fqn for one in (*material.callees, *material.callers)), *material.imports])
        return f"{material.lang} {hints.one_line(material.title or material.fqn)}\n{shown}\n{whole}"

    def hints(self, material: Material, words: Words) -> Mapping[str, int]:
        """The groups of hints that had something to show, and how many lines each."""
        return hints.counts(material, words, self._groups)

    def usage(self, material: Material) -> Usage | None:
        """None: it explains, and shows nobody how to use it."""
        return None
