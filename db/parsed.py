"""What an index run finds in files: definitions, references, imports, marks, and its report; values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from db.types import EdgeKind, NodeKind, Param


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something in the text of a node by which a role may be told; which roles there are is said elsewhere.

    Mostly a call that hands functions over together with a text: ``router.get("/x", auth, list)``. Besides, under
    names that no call can have: ``if __name__`` (Python) and ``struct tag`` (Go), with ``text`` for the rest of it.
    """

    name: str  # what is called, as written: ``router.get``
    text: str  # the first text among the arguments, or in the call that this one is an argument of
    handlers: tuple[str, ...] = ()  # functions handed over by name
    inline: bool = False  # the last function handed over is written in place
    arguments: str = ""  # what else stands between the brackets, as written
    around: tuple[tuple[str, str], ...] = ()  # (name, text) of the calls it stands in, innermost first


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedNode:
    """One definition of a file, as its source states it.

    ``source_code`` is the text that belongs to this node alone: in classes and files the members that are
    nodes of their own stand as stubs. ``source_hash`` covers the token stream of that text: comments and
    layout are out, doc comments are in. ``signature_hash`` covers what a neighbour may see of it.
    """

    kind: NodeKind
    fqn: str
    name: str
    lang: str
    package: str
    owner: str | None  # fqn of the enclosing class, None at the top of a file
    ordinal: int  # 0 for the first of that fqn and kind in its file, 1 for its first overload, ...
    line_start: int  # 1-based, inclusive
    line_end: int
    signature: str
    source_code: str
    source_hash: str
    signature_hash: str
    shape_hash: str = "~"  # as of the source, with a placeholder for each name that is declared in it: tokens.py
    params: tuple[Param, ...] = ()
    return_type: str | None = None
    supertypes: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    doc_summary: str | None = None
    doc_details: str | None = None
    imports: tuple[str, ...] = ()  # as written, files and top-level classes only
    fields: tuple[Param, ...] = ()  # declared fields and properties of a class: receivers are typed by them
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A use of a name: the raw material of an edge, before anything is resolved."""

    source: int  # index into ParsedFile.nodes of the node whose text holds it
    kind: EdgeKind
    target: str  # as written, with its receiver: ``self.repo.find``
    line: int  # first place
    count: int = 1  # how often in that node


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name: ``alias`` is what the file calls it, ``target`` what it stands for.

    ``target`` is dotted whatever the language writes (``./a/b`` is resolved against the file first);
    a wildcard has the alias ``*``.
    """

    alias: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """All that one file says: nodes in source order (the FILE node first), references, imports."""

    path: str  # POSIX, relative to the root of the repository
    lang: str
    size: int  # bytes
    mtime_ns: int
    content_hash: str
    line_count: int
    package: str
    nodes: tuple[ParsedNode, ...]
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    syntax_errors: int = 0  # ERROR and MISSING places in the tree; the rest was still read
    whole: str | None = None  # why it was read as one node of plain words, in words for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A file that was seen and not read, and the reason in words for a person.

    ``passing``: the reason lies in the moment (rights, a disk), not in the file; what is known of it stays.
    """

    path: str
    reason: str
    size: int = 0
    mtime_ns: int = 0
    passing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Up to where git's history is in the index.

    ``apart`` are the files that were not taken from ``commit`` but as the folder had them; ``basis`` names what else
    must be the same for a run to build upon it.
    """

    commit: str
    apart: tuple[str, ...]
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What one index run did."""

    repo: str
    repo_id: int
    files_seen: int = 0
    files_parsed: int = 0
    files_unchanged: int = 0
    files_removed: int = 0
    files_looked_at: int = 0  # the rest is as it was, says git
    commit: str | None = None  # the folder's, or the one that was asked for
    skipped: tuple[SkippedFile, ...] = ()
    syntax_errors: tuple[tuple[str, int], ...] = ()  # (path, places)
    whole: tuple[tuple[str, str], ...] = ()  # (path, why it was read as one piece)
    nodes_written: int = 0
    nodes_removed: int = 0
    chunks_written: int = 0
    chunks_removed: int = 0
    edges_written: int = 0
    nodes_by_kind: dict[str, int] = field(default_factory=dict)
    edges_by_kind: dict[str, int] = field(default_factory=dict)
    chunks: int = 0
    calls: int = 0
    calls_resolved: int = 0
    seconds: float = 0.0
    seconds_by_step: dict[str, float] = field(default_factory=dict)
    finished_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether anything came out differently."""
        written = self.nodes_written + self.edges_written + self.chunks_written + self.nodes_removed
        return bool(self.files_parsed or self.files_removed or written or self.chunks_removed)
