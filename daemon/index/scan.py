"""Looks over a source tree: which files are to be read, which are as they were, which are gone, which we skip."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import SourceError
from daemon.index.encoding import to_utf8
from daemon.index.ignore import Fences
from daemon.index.languages import Language, language_of
from daemon.index.listing import Listing, list_files
from daemon.index.projects import ROOTED, is_project_file, roots_of
from daemon.settings import IndexSettings
from db.parsed import SkippedFile

KIB = 1024
_SNIFFED = 8 * KIB  # bytes in which a NUL means that the file is no text
FIRST_LINE = 128  # bytes that are read to see which program a script is for
LINK = "a symbolic link; what it leads to is indexed where it lies"
_NO_FILE = "neither a file nor a folder"
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """What the store remembers of a file; times in nanoseconds, sizes in bytes."""

    size: int
    mtime_ns: int
    content_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file to be read. ``known_hash``: of the content that the store has, None for a new file.

    ``blob`` is the object id of a file that is read from git's store and not from the folder.
    """

    path: str  # POSIX, relative to the root
    language: Language
    size: int
    mtime_ns: int
    known_hash: str | None = None
    blob: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a tree looks like now. A known file that we skip is in ``skipped`` and not in ``removed``.

    ``by_git``: git tells all changes of this tree, so that next time only they need a look.
    """

    to_read: tuple[Entry, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]
    roots: Mapping[str, str]  # prefix of an import -> folder: by which names the tree calls its own parts
    by_git: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of a tree that needs a look. Whatever else is known of the tree is as it was.

    ``paths`` are all that may differ, no project file among them; ``listed`` those that are there and not ignored.
    """

    paths: frozenset[str]
    listed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The bytes of a file, in UTF-8 where it had another mark, and what the file system said at that moment."""

    data: bytes
    size: int
    mtime_ns: int


def scan(
    root: Path,
    known: Mapping[str, KnownFile],
    settings: IndexSettings,
    only: Part | None = None,
    *,
    roots_before: Mapping[str, str] | None = None,
) -> Scan:
    """Compare a tree, or ``only`` a part of it, with what is known of it. Unchanged files are not opened.

    ``roots_before`` are the roots that the known files were read with: where they are others now, what imports by them
    is read again. A part has no say in them. Raises SourceError when the root itself is not a folder that can be read.
    """
    _check(root)
    fences = Fences(root, settings.exclude)
    if only is not None:
        listing, roots = Listing(sorted(filter(fences.lets_in, only.listed))), dict(roots_before or {})
    else:
        listing = list_files(root, fences)
        roots = roots_of(root, filter(is_project_file, listing.paths))
    if roots != (roots_before or {}):
        known = {path: UNREAD if by_roots(path) else file for path, file in known.items()}
    to_read: list[Entry] = []
    unchanged: list[str] = []
    skipped = list(listing.skipped)
    for path in listing.paths:
        seen = _look(root, path, known.get(path), settings)
        if isinstance(seen, Entry):
            to_read.append(seen)
        elif isinstance(seen, SkippedFile):
            skipped.append(seen)
        elif seen is not None:
            unchanged.append(seen)
    present = {entry.path for entry in to_read} | set(unchanged) | {one.path for one in skipped}
    removed: list[str] = []
    for path in sorted(known.keys() - present):
        hidden = _hidden(root, path)
        if hidden is None:
            removed.append(path)
        else:
            skipped.append(hidden)
    return Scan(
        to_read=tuple(to_read),
        unchanged=tuple(unchanged),
        removed=tuple(removed),
        skipped=tuple(skipped),
        roots=roots,
        by_git=listing.by_git or only is not None,
    )


UNREAD = KnownFile(size=-1, mtime_ns=-1, content_hash=None)


def by_roots(path: str) -> bool:
    """Whether what a file imports may depend on the roots; of a file without an ending nothing is known."""
    language = language_of(path)
    return language is None or language.naming in ROOTED


def _check(root: Path) -> None:
    try:
        if not root.exists():
            raise SourceError(f"{root} does not exist", "check the path of the repository")
        if not root.is_dir():
            raise SourceError(f"{root} is a file, not a folder", "give the folder of the repository")
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise SourceError(f"{root} cannot be read: {reason}", "check who may read the folder") from error


def _look(root: Path, path: str, known: KnownFile | None, settings: IndexSettings) -> Entry | SkippedFile | str | None:
    """An entry to read, a skipped file, the path of an unchanged one, or None for what we do not index."""
    language = language_of(path)
    has_ending = "." in path.rpartition("/")[2].lstrip(".")
    if language is None and has_ending:
        return None
    if not path.isprintable() and not path.isascii() and undecodable(path):
        printable = path.encode("utf-8", errors="replace").decode()
        return SkippedFile(path=printable, reason="its name is not valid UTF-8") if language else None
    try:
        state = (root / path).lstat()
    except FileNotFoundError:
        return None  # git still has it, the folder does not
    except OSError as error:
        return _unreadable(path, error) if language else None
    if not stat.S_ISREG(state.st_mode):
        reason = LINK if stat.S_ISLNK(state.st_mode) else _NO_FILE
        return SkippedFile(path=path, reason=reason, mtime_ns=state.st_mtime_ns) if language else None
    if known is not None and (known.size, known.mtime_ns) == (state.st_size, state.st_mtime_ns):
        return path
    if language is None and state.st_mode & stat.S_IXUSR:
        language = _script_language(root, path)
    if language is None:
        return None
    reason = too_much(path, state.st_size, settings)
    if reason:
        return SkippedFile(path=path, reason=reason, size=state.st_size, mtime_ns=state.st_mtime_ns)
    return Entry(
        path=path,
        language=language,
        size=state.st_size,
        mtime_ns=state.st_mtime_ns,
        known_hash=known.content_hash if known else None,
    )


def _hidden(root: Path, path: str) -> SkippedFile | None:
    """A known file that was not listed because a folder above it cannot be looked into; None: it is gone indeed."""
    try:
        (root / path).lstat()
    except OSError as error:
        return None if error.errno in _GONE else _unreadable(path, error)
    return None  # it is there and no longer meant: ignored, or excluded


def undecodable(path: str) -> bool:
    """Whether a name that the file system gave is not valid UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return True
    return False


def too_much(path: str, size: int, settings: IndexSettings) -> str:
    """Why a file of this name and size in bytes is not read; empty: it is."""
    if size > settings.max_file_kb * KIB:
        return f"larger than {settings.max_file_kb} KiB (index.max_file_kb): {size // KIB} KiB"
    if ".min." in path.rpartition("/")[2]:
        return "minified, by its name"
    return ""


def _script_language(root: Path, path: str) -> Language | None:
    """The language of a program without an ending, by its first line."""
    try:
        descriptor = _open(root, path)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return language_of(path, file.read(FIRST_LINE))


def read(root: Path, entry: Entry, settings: IndexSettings) -> Content | SkippedFile:
    """Read one file, or say why not; never raises for what a file is or contains.

    Symbolic links are not followed, on the way there neither. Other encodings come as UTF-8.
    """
    try:
        descriptor = _open(root, entry.path)
    except OSError as error:
        return _unreadable(entry.path, error, entry)
    limit = settings.max_file_kb * KIB
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        try:
            data = file.read(limit + 1)
        except OSError as error:
            return _unreadable(entry.path, error, entry)
    return judged(entry.path, data, max(len(data), state.st_size), state.st_mtime_ns, settings)


def judged(path: str, data: bytes, size: int, mtime_ns: int, settings: IndexSettings) -> Content | SkippedFile:
    """The content of a file as far as it was read, in UTF-8, or why it is not to be indexed."""
    reason = too_much(path, size, settings)
    if not reason:
        data = to_utf8(data)
    if not reason and b"\0" in data[:_SNIFFED]:
        reason = "binary: not text"
    reason = reason or _long_line(data, settings.max_line_chars)
    if reason:
        return SkippedFile(path=path, reason=reason, size=size, mtime_ns=mtime_ns)
    return Content(data=data, size=size, mtime_ns=mtime_ns)


def _long_line(data: bytes, limit: int) -> str:
    if len(data) <= limit:
        return ""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if len(line) > limit and len(line.decode("utf-8", errors="replace")) > limit:
            return f"generated or minified: line {number} is longer than {limit} characters (index.max_line_chars)"
    return ""


def _open(root: Path, path: str) -> int:
    """A descriptor of a regular file, reached folder by folder so that no link leads outside. Raises OSError."""
    *folders, name = path.split("/")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, _NO_FILE)
    return descriptor


def _unreadable(path: str, error: OSError, entry: Entry | None = None) -> SkippedFile:
    """A file that the system did not let us read, with the reason; links and the like will not get better."""
    size, mtime_ns = (entry.size, entry.mtime_ns) if entry else (0, 0)
    if error.errno in {errno.ELOOP, errno.EISDIR}:
        reason = LINK if error.errno == errno.ELOOP else _NO_FILE
        return SkippedFile(path=path, reason=reason, size=size, mtime_ns=mtime_ns)
    reason = "gone since the folder was listed"
    if error.errno not in _GONE:
        reason = f"cannot be read: {error.strerror or 'unknown reason'}"
    return SkippedFile(path=path, reason=reason, size=size, mtime_ns=mtime_ns, passing=True)
