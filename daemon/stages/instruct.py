"""INSTRUCT: how to use this piece of code, from the Coder's text, the graph, and the places that really use it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from daemon.errors import SourceError
from daemon.guard.base import Usage
from daemon.prompts import fence_for
from daemon.settings import HintSettings
from daemon.sites import shown, sites_of, tokens_of
from daemon.stages import hints
from daemon.stages.origin import Input
from daemon.words import Words
from db.types import Material, NodeKind, Param, Stage

_CLASSES = frozenset({NodeKind.CLASS, NodeKind.INTERFACE, NodeKind.ENUM, NodeKind.OBJECT})
_NOT_A_LABEL = re.compile(r"[^\w+#.-]")  # of a code block
_LABEL = re.compile(r"[(,]\s*(\w+)\s+\w+\s*:")  # of a parameter, before its name
_NO_WORDS = Words(language="")


class Instruct:
    """``content_raw``, facts and places of use -> ``instruct``."""

    stage = Stage.INSTRUCT
    prompt = "instruct"

    def __init__(self, settings: HintSettings | None = None) -> None:
        self._groups = tuple(group for group in (settings or HintSettings()).groups if group != "instructions")

    @property
    def settings(self) -> Sequence[object]:
        """Which groups of hints are shown."""
        return self._groups

    def fields(self, material: Material, words: Words) -> Mapping[str, str]:
        """The placeholders of instruct.user.md. Raises SourceError when there is no technical text to build on."""
        raw = (material.content_raw or "").strip()
        if not raw:
            raise SourceError("there is no technical text to build on", "Requeue the stage coder of this chunk.")
        sites = shown(sites_of(material.uses)) or words.default("uses")
        return {
            "lang": _NOT_A_LABEL.sub("", material.lang)[:30],
            "fqn": hints.one_line(material.title or material.fqn),
            "hints": hints.facts(material, words, self._groups),
            "fence": fence_for(raw, sites),
            "raw": raw,
            "sites": sites,
            "instructions": hints.demanded(material, words) if "role" in self._groups else "",
        }

    def inputs(self, material: Material) -> Sequence[Input]:
        """The Coder's text, what lasts of the facts, and the places of use; where those stand is passing."""
        sites = [(site.symbol, tokens_of(site.code)) for site in sites_of(material.uses)]
        return (
            Input("lang", material.lang), Input("name", material.name), Input("technical text", material.content_raw),
            Input("sites", sites, tuple((symbol, (code,)) for symbol, code in sites)),
            *hints.keyed(material, self._groups),
        )  # fmt: skip

    def source(self, material: Material) -> str:
        """The Coder's text: it is not to be said again."""
        return material.content_raw or ""

    def facts(self, material: Material) -> str:
        """The hints and the places of use."""
        told = hints.facts(material, _NO_WORDS, self._groups)
        name = hints.one_line(material.title or material.fqn)
        return f"{material.lang} {name}\n{told}\n{shown(sites_of(material.uses))}"

    def hints(self, material: Material, words: Words) -> Mapping[str, int]:
        """The groups of hints that had something to show, and how many lines each; the places of use besides."""
        sites = len(sites_of(material.uses))
        return {**hints.counts(material, words, self._groups), **({"sites": sites} if sites else {})}

    def usage(self, material: Material) -> Usage:
        """By which names and with which parameters it may be called, and where it is."""
        sites = sites_of(material.uses)
        is_class = material.kind in _CLASSES
        made = material.makers if is_class else (material.params,)
        named = (material.name, *([material.owner.rsplit(".", 1)[-1]] if _makes(material) and material.owner else []))
        paths = dict.fromkeys(
            [*(site.path for site in sites if site.path), *([material.path] if material.path else [])]
        )
        return Usage(
            names=tuple(named),
            signatures=tuple(tuple(_written(param) for param in params) for params in made),
            labels=frozenset(_LABEL.findall(material.signature or "")) if material.lang == "swift" else frozenset(),
            shown=tuple(site.code for site in sites),
            paths=tuple(paths),
        )


def _makes(material: Material) -> bool:
    return material.kind == NodeKind.CONSTRUCTOR


def _written(param: Param) -> str:
    """The name with the stars of Python; what other languages say by the type or a modifier gets one too."""
    many = (param.type or "").lstrip().startswith(("...", "vararg ", "params ")) or (param.type or "").endswith("...")
    return f"*{param.name}" if many and not param.name.startswith("*") else param.name
