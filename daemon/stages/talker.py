"""TALKER: the same in plain words, for managers and analysts; it sees the Coder's text and no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.errors import SourceError
from daemon.guard.base import Usage
from daemon.prompts import fence_for
from daemon.stages.hints import one_line
from daemon.stages.origin import Input
from daemon.words import Words
from db.types import Material, Stage


class Talker:
    """``content_raw`` -> ``content``."""

    stage = Stage.TALKER
    prompt = "talker"
    settings: Sequence[object] = ()  # nothing is shown that could be switched off

    def fields(self, material: Material, words: Words) -> Mapping[str, str]:
        """The placeholders of talker.user.md. Raises SourceError when there is no technical text to retell."""
        raw = (material.content_raw or "").strip()
        if not raw:
            raise SourceError("there is no technical text to retell", "Requeue the stage coder of this chunk.")
        return {"fqn": one_line(material.title or material.fqn), "fence": fence_for(raw), "raw": raw}

    def inputs(self, material: Material) -> Sequence[Input]:
        """The Coder's text alone: what did not change it does not change this."""
        return (Input("technical text", material.content_raw),)

    def source(self, material: Material) -> str:
        """No code is shown to this stage."""
        del material
        return ""

    def facts(self, material: Material) -> str:
        """The Coder's text."""
        return material.content_raw or ""

    def hints(self, material: Material, words: Words) -> Mapping[str, int]:
        """None: the facts of the index are the Coder's business."""
        return {}

    def usage(self, material: Material) -> Usage | None:
        """None: it explains, and shows nobody how to use it."""
        return None
