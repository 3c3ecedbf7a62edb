"""LOOK: reads what differs between a folder and the index, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import SourceError
from daemon.index.pool import parse_many
from daemon.index.scan import KnownFile, scan
from daemon.settings import IndexSettings
from db.index import StoredFile
from db.parsed import ParsedFile, SkippedFile


@dataclass(frozen=True, slots=True)
class Found:
    """Files whose content differs, parsed, and the paths of those that are gone or no longer read."""

    files: tuple[ParsedFile, ...]
    gone: tuple[str, ...]


def look_at(
    root: Path, known: Mapping[str, StoredFile], settings: IndexSettings, roots_before: Mapping[str, str] | None = None
) -> Found:
    """Compare a folder with what the index knows of its files. Raises SourceError for a folder that cannot be read."""
    if not root.is_dir():
        raise SourceError(f"{root}: {'is not a folder' if root.exists() else 'there is no such folder'}")
    remembered = {
        path: KnownFile(size=file.size, mtime_ns=file.mtime_ns, content_hash=file.content_hash or "")
        for path, file in known.items()
        if file.skipped is None
    }
    resolved = root.resolve()
    seen = scan(resolved, remembered, settings, roots_before=roots_before)
    files: list[ParsedFile] = []
    skipped = [file for file in seen.skipped if not file.passing]
    for result in parse_many(resolved, seen.to_read, settings, seen.roots):
        if isinstance(result, ParsedFile):
            files.append(result)
        elif isinstance(result, SkippedFile) and not result.passing:
            skipped.append(result)
    gone = {*(path for path in seen.removed if path in remembered), *(f.path for f in skipped if f.path in remembered)}
    return Found(files=tuple(files), gone=tuple(sorted(gone)))
