"""One turn of a followed repository: fetch it if it is remote, then bring its index in step."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from daemon.follow.remote import fetch
from daemon.follow.urls import remote_of
from daemon.index.sync import Progress, silent, sync
from daemon.settings import Settings
from db.follow import Origin
from db.parsed import IndexReport
from db.session import Database


def clones(settings: Settings) -> Path:
    """The folder of the remote repositories' clones."""
    return settings.follow.folder or platformdirs.user_data_path("doctown") / "remotes"


async def bring_in_step(
    db: Database,
    repo: str,
    origin: Origin,
    settings: Settings,
    *,
    prompts: Path | None = None,
    progress: Progress = silent,
) -> IndexReport:
    """Raises SourceError: it cannot be fetched or read. Raises DatabaseBusy: another run is at it."""
    commit = origin.ref
    root = Path(origin.root or "")
    if origin.url is not None:
        progress("fetch", 0, 1)
        remote = remote_of(origin.url, settings.follow.protocols)
        fetched = await fetch(remote, origin.ref, clones(settings), settings.follow, settings.index)
        root, commit = fetched.folder, fetched.commit
        progress("fetch", 1, 1)
    return await sync(
        db, root, repo, settings.index, commit=commit, default_language=settings.language, prompts=prompts,
        progress=progress,
    )  # fmt: skip
