"""Parses many files, in processes of their own where that pays; a file that kills its process costs only itself."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from daemon.index.commits import read_blob
from daemon.index.history import Objects
from daemon.index.parse import content_hash, parse
from daemon.index.scan import Entry, read
from daemon.settings import IndexSettings
from db.parsed import ParsedFile, SkippedFile

_FEW_FILES = 100  # below this and below _FEW_BYTES, starting processes costs more than it saves
_FEW_BYTES = 1 << 20
_CHUNK_FILES = 32  # files that travel to a process together
_CHUNK_BYTES = 1 << 18
_CHUNKS_AHEAD = 3  # per process: what is waiting or running at once bounds the memory
_CRASHED = "too large or too deep: the process that parsed it died, or had no memory left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A file whose time or size says changed while its content is what the store has (``Entry.known_hash``)."""

    path: str
    size: int
    mtime_ns: int
    content_hash: str


Result = ParsedFile | SkippedFile | Touched


def parse_many(
    root: Path, entries: Sequence[Entry], settings: IndexSettings, roots: Mapping[str, str] | None = None
) -> Iterator[Result]:
    """Read and parse every entry; results come in the order of the entries, and a bounded number ahead.

    ``settings.workers`` processes, 0 for one per core; few files are parsed in this process. ``roots`` come from
    the Scan. This is a generator: closing it ends the processes.
    """
    names = dict(roots or {})
    workers = settings.workers or os.cpu_count() or 1
    small = len(entries) < _FEW_FILES and sum(entry.size for entry in entries) < _FEW_BYTES
    in_child = multiprocessing.parent_process() is not None  # a child may not have children
    if workers == 1 or small or in_child:
        try:
            for entry in entries:
                yield parse_entry(root, entry, settings, names)
        finally:
            _let_go()
    else:
        yield from _Crew(root, settings, names, workers).run(list(_chunks(entries)))


def parse_entry(root: Path, entry: Entry, settings: IndexSettings, roots: Mapping[str, str]) -> Result:
    """Read and parse one file. Raises GitError where git's store is read and git is gone."""
    content = read(root, entry, settings) if entry.blob is None else read_blob(_objects(root), entry, settings)
    if isinstance(content, SkippedFile):
        return content
    if entry.known_hash is not None and content_hash(content.data) == entry.known_hash:
        return Touched(path=entry.path, size=content.size, mtime_ns=content.mtime_ns, content_hash=entry.known_hash)
    try:
        return parse(
            entry.path, content.data, entry.language, mtime_ns=content.mtime_ns, size=content.size, roots=roots
        )
    except MemoryError:
        return SkippedFile(path=entry.path, reason=_CRASHED, size=content.size, mtime_ns=content.mtime_ns)


_stores: dict[Path, Objects] = {}  # of this process; those of a process of the pool end with it


def _objects(root: Path) -> Objects:
    if root not in _stores:
        _stores[root] = Objects(root)
    return _stores[root]


def _let_go() -> None:
    while _stores:
        _stores.popitem()[1].close()


def _chunks(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        chunk.append(entry)
        size += entry.size
        if len(chunk) >= _CHUNK_FILES or size >= _CHUNK_BYTES:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)


def parse_chunk(root: Path, chunk: Sequence[Entry], settings: IndexSettings, roots: Mapping[str, str]) -> list[Result]:
    """What a process does with one chunk."""
    return [parse_entry(root, entry, settings, roots) for entry in chunk]


class _Crew:
    """A pool of processes, replaced when one of them dies."""

    def __init__(self, root: Path, settings: IndexSettings, roots: Mapping[str, str], workers: int) -> None:
        self._root, self._settings, self._roots, self._workers = root, settings, roots, workers

    def run(self, chunks: Sequence[tuple[Entry, ...]]) -> Iterator[Result]:
        """The results of all chunks in order. What was under way when a process died is tried file by file."""
        waiting = deque(chunks)
        while waiting:
            under_way: deque[tuple[tuple[Entry, ...], Future[list[Result]]]] = deque()
            with self._pool(self._workers) as pool:
                try:
                    while waiting or under_way:
                        while waiting and len(under_way) < self._workers * _CHUNKS_AHEAD:
                            under_way.append((waiting[0], self._submit(pool, waiting[0])))
                            waiting.popleft()
                        results = under_way[0][1].result()
                        under_way.popleft()
                        yield from results
                except BrokenProcessPool:
                    pass
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
            for chunk, future in under_way:
                finished = future.done() and not future.cancelled() and future.exception() is None
                yield from future.result() if finished else self._one_by_one(chunk)

    def _one_by_one(self, chunk: tuple[Entry, ...]) -> Iterator[Result]:
        """One file at a time in one process: whichever is under way when that dies is the culprit."""
        waiting = deque(chunk)
        while waiting:
            with self._pool(1) as pool:
                try:
                    while waiting:
                        results = self._submit(pool, (waiting[0],)).result()
                        waiting.popleft()
                        yield from results
                except BrokenProcessPool:
                    entry = waiting.popleft()
                    yield SkippedFile(path=entry.path, reason=_CRASHED, size=entry.size, mtime_ns=entry.mtime_ns)

    def _submit(self, pool: ProcessPoolExecutor, chunk: tuple[Entry, ...]) -> Future[list[Result]]:
        return pool.submit(parse_chunk, self._root, chunk, self._settings, self._roots)

    @staticmethod
    def _pool(workers: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["daemon.index.pool"])
        return ProcessPoolExecutor(max_workers=workers, mp_context=context)
