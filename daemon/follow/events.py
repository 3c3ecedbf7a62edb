"""File events of a source tree, from the folders that we index and no others; where there are none, a clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from watchfiles import awatch

from daemon.index.ignore import MARKERS, Fences
from daemon.index.languages import language_of
from daemon.index.listing import folders
from daemon.index.projects import is_project_file
from daemon.settings import IndexSettings

_GROUP_MS, _STEP_MS = 200, 50  # how the library gathers events before it tells
_RULES = frozenset({".gitignore", ".gitmodules", *MARKERS})
# The kernel tells of what this machine writes, and knows nothing of what others do to a disk that is shared.
_SHARED = frozenset({
    "9p", "afs", "ceph", "cifs", "drvfs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4",
    "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "fuse.vmhgfs-fuse",
})  # fmt: skip
_MOUNTS = Path("/proc/self/mountinfo")


class Events:
    """What has happened since somebody last asked. ``reason`` says why only a clock tells; empty: the system does.

    ``passing``: it may tell again when it is asked anew.
    """

    def __init__(self, watched: Sequence[str] = (), *, reason: str = "", passing: bool = False) -> None:
        self.watched = frozenset(watched)  # folders, relative to the root
        self.reason = reason
        self.passing = passing
        self.changed = asyncio.Event()
        self.folders_changed = False

    def note(self, *, of_folder: bool) -> None:
        """Something happened that may matter."""
        self.folders_changed = self.folders_changed or of_folder
        self.changed.set()

    def take(self) -> bool:
        """Forget what has happened; whether folders came or went."""
        self.changed.clear()
        moved, self.folders_changed = self.folders_changed, False
        return moved


def watched_folders(root: Path, settings: IndexSettings) -> list[str]:
    """The folders whose events matter: those that indexing would look into, relative to the root."""
    return folders(root, Fences(root, settings.exclude))


@asynccontextmanager
async def events(root: Path, settings: IndexSettings) -> AsyncIterator[Events]:
    """Events from the beginning of the block on. Ignored folders are not watched: they would use up the watches."""
    reason = await asyncio.to_thread(shared, root)
    if reason:
        yield Events(reason=reason)
        return
    inside = await asyncio.to_thread(watched_folders, root, settings)
    if not inside:
        yield Events(reason=f"{root} cannot be read", passing=True)
        return
    told = Events(inside)
    stop = asyncio.Event()
    matters = relevance(root, settings, told.watched)
    stream = awatch(
        *(root / folder for folder in inside), watch_filter=None, debounce=_GROUP_MS, step=_STEP_MS, stop_event=stop,
        rust_timeout=1000, yield_on_timeout=True, force_polling=False, recursive=False, ignore_permission_denied=True,
    )  # fmt: skip

    async def listen(armed: asyncio.Event) -> None:
        try:
            # The first answer is late, but the watches are set before it is waited for.
            asyncio.get_running_loop().call_soon(armed.set)
            async for changes in stream:
                for _, path in changes:
                    found = matters(path)
                    if found is not None:
                        told.note(of_folder=found)
        except FileNotFoundError:  # a folder went between the look and the watch
            told.passing = True
            told.note(of_folder=True)
        except (OSError, RuntimeError) as error:  # no watches left, no such file system
            told.reason = f"the system gives no file events: {error}"
            told.note(of_folder=False)
        finally:
            armed.set()

    armed = asyncio.Event()
    listening = asyncio.create_task(listen(armed), name="events")
    await armed.wait()
    try:
        yield told
    finally:
        stop.set()
        await asyncio.gather(listening, return_exceptions=True)


def relevance(root: Path, settings: IndexSettings, watched: frozenset[str]) -> Callable[[str], bool | None]:
    """Of a path that something happened to: None where it does not matter, else whether it is a folder."""
    fences = Fences(root, settings.exclude)

    def matters(path: str) -> bool | None:
        try:
            relative = Path(path).relative_to(root).as_posix()
        except ValueError:
            return None
        if relative == ".":
            return None
        name = relative.rpartition("/")[2]
        if relative in watched or Path(path).is_dir():
            return True if fences.lets_in_folder(relative) else None
        if name in _RULES:
            return True
        if not fences.lets_in(relative):
            return None
        has_ending = "." in name.lstrip(".")
        return False if language_of(relative) or is_project_file(relative) or not has_ending else None

    return matters


def shared(root: Path, mounts: Path = _MOUNTS) -> str:
    """Why the file system of ``root`` cannot tell of all changes; empty: it can, or nobody knows."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    whole = root.resolve()
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = Path(fields.split(" ")[4].replace("\\040", " "))
        if whole.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return f"{kind} does not tell of changes that other machines make" if kind in _SHARED else ""
