"""What an index run finds before it writes: what the store knows of a repository, what its folder shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.errors import SourceError
from daemon.index import narrow
from daemon.index.commits import changed_since, scan_commit
from daemon.index.history import resolve
from daemon.index.scan import KnownFile, Scan, scan
from daemon.settings import IndexSettings
from db import follow as db_follow
from db import index as db_index
from db.parsed import Position, SkippedFile
from db.session import Database

Timed = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    root: Path  # without links
    repository: db_index.StoredRepository
    known: Mapping[str, db_index.StoredFile]  # of what was looked at
    scan: Scan
    before: Position | None
    position: Callable[[Sequence[str]], Position | None]  # what to remember, from the files that are not sure
    is_fresh: Callable[[int], bool]  # whether a file may have been written since git was asked
    commit: str | None = None
    untouched: int = 0  # files that nothing needed to look at ...
    skipped: tuple[SkippedFile, ...] = ()  # ... the skipped ones among them


async def look(
    db: Database,
    root: Path,
    name: str,
    settings: IndexSettings,
    timed: Timed,
    *,
    language: str | None,
    commit: str | None,
    full: bool,
) -> Found:
    """What the store knows and what the disk shows; a folder that cannot be read leaves no repository behind."""
    resolved = await asyncio.to_thread(_checked, root)
    wanted = None if commit is None else await asyncio.to_thread(resolve, resolved, commit)
    repository = await db_index.open_repository(db, name, root=str(resolved), language=language)
    before = await db_follow.position(db, repository.id)
    usable = before if repository.index_state == "linked" and not full else None
    with timed("scan"):
        if wanted is not None:
            return await _look_at_commit(db, resolved, wanted, repository, before, usable, settings)
        survey = await asyncio.to_thread(narrow.survey, resolved, usable, settings)
        part = survey.part
        known = await db_index.known_files(db, repository.id, None if part is None else part.paths)
        looking = partial(scan, resolved, _remembered(known), settings, part, roots_before=repository.roots)
        seen = await asyncio.to_thread(looking)
        untouched, skipped = (0, ()) if part is None else await db_follow.untouched(db, repository.id, part.paths)
    return Found(
        root=resolved, repository=repository, known=known, scan=seen, before=before,
        position=survey.position if seen.by_git else lambda _: None, is_fresh=survey.is_fresh,
        commit=survey.state.commit if survey.state else None, untouched=untouched, skipped=skipped,
    )  # fmt: skip


async def _look_at_commit(
    db: Database,
    root: Path,
    commit: str,
    repository: db_index.StoredRepository,
    before: Position | None,
    usable: Position | None,
    settings: IndexSettings,
) -> Found:
    basis = narrow.basis_of(root, settings, "commit")
    since = usable.commit if usable is not None and usable.basis == basis else None
    known = await db_index.known_files(db, repository.id)
    changed = await asyncio.to_thread(changed_since, root, since, commit)
    looking = partial(scan_commit, root, commit, _remembered(known), settings, changed, roots_before=repository.roots)
    seen = await asyncio.to_thread(looking)
    return Found(
        root=root, repository=repository, known=known, scan=seen, before=before, commit=commit,
        position=lambda _: Position(commit=commit, apart=(), basis=basis), is_fresh=lambda _: False,
    )  # fmt: skip


def _remembered(known: Mapping[str, db_index.StoredFile]) -> dict[str, KnownFile]:
    return {
        path: KnownFile(size=file.size, mtime_ns=file.mtime_ns, content_hash=file.content_hash or "")
        for path, file in known.items()
        if file.skipped is None
    }


def _checked(root: Path) -> Path:
    if not root.exists():
        raise SourceError(f"{root}: there is no such folder")
    if not root.is_dir():
        raise SourceError(f"{root}: is not a folder", "Give the folder that holds the sources.")
    return root.resolve()


def refuse_to_empty(root: Path, seen: Scan, known: Mapping[str, db_index.StoredFile]) -> None:
    had = sum(1 for file in known.values() if file.skipped is None)
    left = seen.to_read or seen.unchanged or any(file.passing and file.path in known for file in seen.skipped)
    if had and not left:
        raise SourceError(
            f"{root}: no source files are left, but the index knows {had}; nothing was removed",
            "If that is meant, run `doctown index PATH --prune`.",
        )


def gone_of(seen: Scan, known: Mapping[str, db_index.StoredFile]) -> list[str]:
    """Files that the store knows and the disk no longer has, the skipped ones among them."""
    listed = {entry.path for entry in seen.to_read} | {file.path for file in seen.skipped}
    skipped = [path for path, file in known.items() if file.skipped is not None and path not in listed]
    return [*(path for path in seen.removed if path in known), *skipped]


def skip_is_news(file: SkippedFile, known: Mapping[str, db_index.StoredFile]) -> bool:
    before = known.get(file.path)
    if file.passing and before is not None and before.skipped is None:
        return False  # its nodes and texts stay until it can be read again
    return before is None or (before.skipped, before.size, before.mtime_ns) != (file.reason, file.size, file.mtime_ns)
