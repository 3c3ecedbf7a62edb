"""CODER of wholes: a file, a package, the repository, described from what their pieces say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from daemon.guard.base import Usage
from daemon.prompts import fence_for
from daemon.settings import HintSettings
from daemon.stages import hints, members
from daemon.stages.origin import Input
from daemon.stages.subsystems import subsystems_of
from daemon.words import Words
from db.types import Material, Piece, Stage

_GROUPS = ("identity", "doc", "imports", "role", "calls")  # of the Coder's, those that say something of a whole
_ROOM = 12_000  # characters that all pieces together may have ...
_LEAST, _MOST = 120, 700  # ... and each of them
_SIGNATURE = 160
_OUTSIDE_LINES, _OUTSIDE_CHARS = 60, 2_500  # of a file's code beside its members
_NAMES = 6
_HEADING = re.compile(r"^\s*#{1,6}\s")
_SENTENCE_END = re.compile(r"[.!?\u2026](?=\s|$)")
_NOT_A_LABEL = re.compile(r"[^\w+#.-]")
_NO_WORDS = Words(language="")


class Whole:
    """Pieces and facts -> ``content_raw`` of a whole. ``prompt`` is its strategy: file, package or repository."""

    stage = Stage.CODER

    def __init__(self, prompt: str, settings: HintSettings | None = None) -> None:
        self.prompt = prompt
        self._groups = tuple(group for group in (settings or HintSettings()).groups if group in _GROUPS)

    @property
    def settings(self) -> Sequence[object]:
        """Which groups of hints are shown."""
        return self._groups

    def fields(self, material: Material, words: Words) -> Mapping[str, str]:
        """The placeholders of file.user.md, package.user.md and repository.user.md."""
        described, outside = _described(material.pieces), _outside(material)
        return {
            "lang": _NOT_A_LABEL.sub("", material.lang)[:30],
            "fqn": hints.one_line(material.path if self.prompt == "file" else material.fqn),
            "hints": self._hints(material, words),
            "fence": fence_for(described, outside),
            "source": outside,
            "members": described or "-",
        }

    def inputs(self, material: Material) -> Sequence[Input]:
        """What it is by itself, what is shown of its pieces, what it leans on.

        Its own name and place are passing, and who uses it (Serves, the weights of Subsystems) is no more a part of it
        than the callers of a function are.
        """
        shown = [(piece.name, piece.kind, line) for piece, line in _lines(material.pieces)]
        entries = material.around.entries if material.around else ()
        leans_on = tuple(sorted(material.around.leans_on)) if material.around else ()
        return (
            Input("lang", material.lang), Input("source", material.source_hash.split("+")[0]),
            Input("doc", material.doc_summary), Input("entries", entries),
            Input("leans-on", leans_on),
            Input("pieces", shown, tuple((name, (kind, line)) for name, kind, line in shown)),
            *hints.keyed(material, self._groups),
        )  # fmt: skip

    def source(self, material: Material) -> str:
        """Nothing that must not be said again: the sentences of the pieces are there to be used."""
        return ""

    def facts(self, material: Material) -> str:
        """The hints, the pieces, and of a file the code beside them."""
        name = hints.one_line(material.path or material.fqn)
        parts = (self._hints(material, _NO_WORDS), _described(material.pieces), _outside(material))
        return "\n".join([f"{material.lang} {name} {material.fqn}", *parts])

    def hints(self, material: Material, words: Words) -> Mapping[str, int]:
        """The groups of hints that had something to show; the pieces, and how many of them had a text."""
        told = sum(1 for piece in material.pieces if piece.text)
        return {**hints.counts(material, words, self._groups), "pieces": len(material.pieces), "texts": told}

    def usage(self, material: Material) -> Usage | None:
        """None: nobody calls a whole."""
        return None

    def _hints(self, material: Material, words: Words) -> str:
        facts = hints.facts(material, words, self._groups)
        return "\n".join([facts, *(f"- {label}: {value}" for label, value in _around(material) if value)])


def _around(material: Material) -> Iterator[tuple[str, str]]:
    around = material.around
    if around is None:
        return
    yield "Starts-At", ", ".join(hints.one_line(name) for name in around.entries)
    yield "Leans-On", ", ".join(hints.one_line(name) for name in around.leans_on)
    yield "Serves", ", ".join(hints.one_line(name) for name in around.serves)
    for group in subsystems_of(around.clusters):
        names = ", ".join(hints.one_line(name) for name in group.names[:_NAMES])
        place = f" in {hints.one_line(group.place)}" if group.place else ""
        most = f"; most used: {names}" if names else ""
        yield "Subsystem", f"{hints.one_line(group.label)}: {group.files} files{place}{most}"


def _described(pieces: Sequence[Piece]) -> str:
    return "\n".join(line for _, line in _lines(pieces))


def _lines(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, str]]:
    """One line per piece; the more there are, the shorter each."""
    limit = max(_LEAST, min(_MOST, _ROOM // max(1, len(pieces))))
    for piece in pieces:
        about = ", ".join(part for part in (piece.kind.lower(), hints.one_line(piece.role)) if part)
        name = hints.one_line(piece.name)
        line = f"- {name} ({about})"
        if piece.signature and piece.signature not in {piece.name, name} and piece.kind not in {"FILE", "PACKAGE"}:
            line += f" `{hints.one_line(piece.signature, _SIGNATURE).replace('`', chr(39))}`"
        said = _said(piece, limit)
        yield piece, f"{line}: {said}" if said else line


def _said(piece: Piece, limit: int) -> str:
    """The first section of its text in whole sentences; where there is none, what its author says."""
    text = _first_section(piece.text or "") or piece.doc or ""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    ends = [match.end() for match in _SENTENCE_END.finditer(line, 0, limit)]
    return line[: ends[-1]] if ends else hints.one_line(line, limit)


def _first_section(text: str) -> str:
    lines = text.strip().splitlines()
    if lines and _HEADING.match(lines[0]):
        lines = lines[1:]
    for number, line in enumerate(lines):
        if _HEADING.match(line):
            return "\n".join(lines[:number])
    return "\n".join(lines)


def _outside(material: Material) -> str:
    """The code of a file beside its members: imports, constants, what runs when it is loaded."""
    if not material.source_code.strip():
        return ""
    lines = [line.rstrip() for line in members.beside(material.source_code, material.members).splitlines()]
    shown: list[str] = []
    for line in lines:
        if line or (shown and shown[-1]):
            shown.append(line)
        if len(shown) >= _OUTSIDE_LINES or sum(map(len, shown)) >= _OUTSIDE_CHARS:
            shown.append("...")
            break
    return "\n".join(shown).strip("\n")[: _OUTSIDE_CHARS + 200]
