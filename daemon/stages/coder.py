"""CODER: what this piece of code does, for developers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.prompts import fence_for
from daemon.stages.hints import hints
from db.types import Material, NodeKind, Stage


class Coder:
    """Source and facts -> ``content_raw``."""

    stage = Stage.CODER

    def fields(self, material: Material) -> Mapping[str, str]:
        """The placeholders of coder.user.md."""
        lines = "unknown" if material.line_start is None else f"{material.line_start}-{material.line_end}"
        return {
            "lang": material.lang,
            "fqn": material.title or material.fqn,
            "lines": lines,
            "hints": hints(material),
            "fence": fence_for(material.source_code),
            "source": material.source_code.strip("\n"),
        }

    def inputs(self, material: Material) -> Sequence[object]:
        """Source, doc comment, signature and what callees show of themselves.

        Left out although shown: lines, path, package and the name of a file (moving code is no change of meaning) and
        callers (a new caller somewhere must not rewrite the text of what it calls).
        """
        name = "" if material.kind == NodeKind.FILE else material.name
        callees = sorted(
            (callee.fqn.rsplit(".", 1)[-1], callee.signature or "", callee.summary or "")
            for callee in material.callees
            if callee.resolved
        )
        return (
            material.lang, material.kind, name, (material.owner or "").rsplit(".", 1)[-1], material.part,
            material.source_hash, material.doc_summary, material.doc_details, material.strategy, material.audience,
            material.goal, material.quality_target, callees,
        )  # fmt: skip

    def source(self, material: Material) -> str:
        """The code itself."""
        return material.source_code

    def facts(self, material: Material) -> str:
        """The hints, the names above them, and in full what the hints shorten: neighbours and imports."""
        lines = "" if material.line_start is None else f"{material.line_start}-{material.line_end}"
        whole = "\n".join([*(one.fqn for one in (*material.callees, *material.callers)), *material.imports])
        return f"{material.lang} {material.title or material.fqn} {lines}\n{hints(material)}\n{whole}"
