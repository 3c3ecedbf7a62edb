"""Which part of a folder needs a look: what git says differs from the last run, or all of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import daemon
from daemon.git import GitError
from daemon.index.history import State, differences, listed, state
from daemon.index.ignore import MARKERS
from daemon.index.projects import is_project_file
from daemon.index.scan import Part, undecodable
from daemon.settings import IndexSettings
from db.parsed import Position

_MOST_APART = 5000  # files; a folder that differs so much from its commit is looked over as a whole
_COARSE_NS = 2_000_000_000  # the coarsest clock of a file system that we believe in


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """How a folder stood when the run began. ``part`` None: all of it needs a look; ``state`` None: git cannot say."""

    basis: str
    began_ns: int
    state: State | None = None
    part: Part | None = None

    def position(self, unsure: Iterable[str]) -> Position | None:
        """What to remember for the next run. ``unsure``: files that it has to look at whatever git says."""
        if self.state is None:
            return None
        apart = {*self.state.changed, *unsure}
        if len(apart) > _MOST_APART or any(map(undecodable, apart)):
            return None
        return Position(commit=self.state.commit, apart=tuple(sorted(apart)), basis=self.basis)

    def is_fresh(self, mtime_ns: int) -> bool:
        """Whether a file may have been written since git was asked."""
        return mtime_ns >= self.began_ns - _COARSE_NS


def survey(root: Path, before: Position | None, settings: IndexSettings) -> Survey:
    """Ask git. ``before`` is what the last run remembered, None where it cannot be built upon.

    What that run took from the folder and not from its commit (``before.apart``) is looked at again: an edit that was
    taken back is a change that git knows nothing of.
    """
    basis, began_ns = basis_of(root, settings), time.time_ns()
    try:
        now = state(root)
    except GitError:
        return Survey(basis=basis, began_ns=began_ns)
    whole = Survey(basis=basis, began_ns=began_ns, state=now)
    if before is None or before.basis != basis or not now.plain:
        return whole
    try:
        changes = differences(root, before.commit, now.commit) if before.commit != now.commit else []
        paths = {*now.changed, *before.apart}
        for change in changes:
            paths |= {change.path, change.old_path or change.path}
        if any(change.repository for change in changes) or _concerns_all(paths) or len(paths) > _MOST_APART:
            return whole
        part = Part(paths=frozenset(paths), listed=frozenset(listed(root, paths)))
    except GitError:  # a commit that is gone: rebased away, or beyond a shallow history
        return whole
    return Survey(basis=basis, began_ns=began_ns, state=now, part=part)


def basis_of(root: Path, settings: IndexSettings, kind: str = "folder") -> str:
    """What a remembered position is only good with: the folder, the settings that say what is read, this version."""
    said = (kind, str(root), settings.max_file_kb, settings.max_line_chars, settings.exclude, daemon.__version__)
    return blake2b(repr(said).encode("utf-8", errors="surrogateescape"), digest_size=16).hexdigest()


def _concerns_all(paths: Iterable[str]) -> bool:
    """Whether one of them says what belongs to the tree, or by which names its parts are imported."""
    return any(path.rpartition("/")[2] in MARKERS or is_project_file(path) for path in paths)
