"""SINCE: what a folder has that a commit of its history had not, and the index that the commit would have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.errors import SourceError
from daemon.index.commits import scan_commit
from daemon.index.compare import as_indexed
from daemon.index.history import resolve
from daemon.index.look import Found, look_at
from daemon.index.pool import parse_many
from daemon.index.roletable import RoleTable
from daemon.settings import IndexSettings
from db.index import StoredFile
from db.parsed import ParsedFile
from db.plan import Indexed


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """``commit``: its full name; ``known``: the index it would have; ``found``: what the folder has otherwise."""

    commit: str
    known: Indexed
    found: Found


def look_since(root: Path, revision: str, repo: str, settings: IndexSettings, table: RoleTable) -> Since:
    """Read the tree of a commit from git's store, then what of the folder differs from it. Nothing is checked out.

    Raises SourceError: no such folder, no repository, no such commit.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: {'is not a folder' if root.exists() else 'there is no such folder'}")
    resolved = root.resolve()
    commit = resolve(resolved, revision)
    tree = scan_commit(resolved, commit, {}, settings)
    files = [one for one in parse_many(resolved, tree.to_read, settings, tree.roots) if isinstance(one, ParsedFile)]
    stored = {
        file.path: StoredFile(id=number, size=file.size, mtime_ns=0, content_hash=file.content_hash, skipped=None)
        for number, file in enumerate(files, start=1)
    }
    found = look_at(resolved, stored, settings, tree.roots)
    return Since(commit=commit, known=as_indexed(repo, files, table), found=found)
