"""The tree of a commit, compared and read straight from git's store: nothing is checked out, no filter runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from daemon.git import GitError
from daemon.index.history import Blob, Objects, differences, files_of, sizes_of
from daemon.index.ignore import Fences
from daemon.index.languages import language_of
from daemon.index.projects import MAX_BYTES, is_project_file, roots_of
from daemon.index.scan import (
    FIRST_LINE,
    KIB,
    LINK,
    UNREAD,
    Content,
    Entry,
    KnownFile,
    Scan,
    by_roots,
    judged,
    too_much,
    undecodable,
)
from daemon.settings import IndexSettings
from db.parsed import SkippedFile

_ABSENT = "not in the store of git: larger than what was fetched"
_ASTRAY = "its name leads out of the tree"


def changed_since(root: Path, before: str | None, commit: str) -> frozenset[str] | None:
    """The paths that differ from the commit that was indexed ``before``; None: anything may."""
    if before is None:
        return None
    try:
        changes = differences(root, before, commit, renames=False) if before != commit else []
    except GitError:
        return None
    return frozenset(path for change in changes for path in (change.path, change.old_path) if path is not None)


def scan_commit(
    root: Path,
    commit: str,
    known: Mapping[str, KnownFile],
    settings: IndexSettings,
    changed: frozenset[str] | None = None,
    *,
    roots_before: Mapping[str, str] | None = None,
) -> Scan:
    """Compare the tree of ``commit`` with what is known. Without ``changed`` every known file is read and compared.

    ``roots_before`` as in scan.py. Raises GitError.
    """
    blobs = {blob.path: blob for blob in files_of(root, commit)}
    fences = Fences(root, settings.exclude, has=blobs.__contains__)
    meant = {path: blob for path, blob in blobs.items() if fences.lets_in(path)}
    sizes = sizes_of(root, (blob.oid for path, blob in meant.items() if _may_be_source(path)))
    objects = Objects(root)
    try:

        def content(path: str) -> bytes:
            found = objects.read(meant[path].oid, MAX_BYTES)
            if found is None:
                raise OSError(_ABSENT)
            return found[0]

        roots = roots_of(root, filter(is_project_file, meant), content)
        renamed = roots != (roots_before or {})
        to_read: list[Entry] = []
        unchanged: list[str] = []
        skipped: list[SkippedFile] = []
        for path, blob in meant.items():
            before = known.get(path)
            if before is not None and renamed and by_roots(path):
                before = UNREAD
            elif before is not None and changed is not None and path not in changed:
                unchanged.append(path)
                continue
            seen = _look(blob, sizes.get(blob.oid), before, settings, objects)
            if isinstance(seen, Entry):
                to_read.append(seen)
            elif seen is not None:
                skipped.append(seen)
    finally:
        objects.close()
    present = {entry.path for entry in to_read} | set(unchanged) | {one.path for one in skipped}
    return Scan(
        to_read=tuple(to_read), unchanged=tuple(unchanged), removed=tuple(sorted(known.keys() - present)),
        skipped=tuple(skipped), roots=roots, by_git=True,
    )  # fmt: skip


def read_blob(objects: Objects, entry: Entry, settings: IndexSettings) -> Content | SkippedFile:
    """Read one file of a commit, or say why not. Raises GitError when git itself is gone."""
    found = objects.read(entry.blob or "", settings.max_file_kb * KIB + 1)
    if found is None:
        return SkippedFile(path=entry.path, reason=_ABSENT, size=entry.size)
    return judged(entry.path, found[0], found[1], 0, settings)


def _may_be_source(path: str) -> bool:
    """By its name; of what has no ending, the first line tells."""
    return language_of(path) is not None or "." not in path.rpartition("/")[2].lstrip(".")


def _look(
    blob: Blob, size: int | None, known: KnownFile | None, settings: IndexSettings, objects: Objects
) -> Entry | SkippedFile | None:
    path = blob.path
    if not _may_be_source(path):
        return None
    language = language_of(path)
    reason = _refused(blob, size, settings)
    if language is None and not reason and blob.program:
        found = objects.read(blob.oid, FIRST_LINE)
        language = language_of(path, found[0]) if found is not None else None
    if language is None:
        return None
    if reason:
        printable = path.encode("utf-8", errors="replace").decode()
        return SkippedFile(path=printable, reason=reason, size=size or 0)
    return Entry(
        path=path, language=language, size=size or 0, mtime_ns=0, known_hash=known.content_hash if known else None,
        blob=blob.oid,
    )  # fmt: skip


def _refused(blob: Blob, size: int | None, settings: IndexSettings) -> str:
    if not blob.path.isprintable() and undecodable(blob.path):
        return "its name is not valid UTF-8"
    if {"..", ".", ""} & set(blob.path.split("/")):
        return _ASTRAY
    if blob.link:
        return LINK
    return _ABSENT if size is None else too_much(blob.path, size, settings)
