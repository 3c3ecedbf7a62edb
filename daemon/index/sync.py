"""INDEX as a whole: scan, parse, store differences, link, rank; killed anywhere, the next run finishes the work."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from daemon import __version__
from daemon.index.chunks import chunk_of
from daemon.index.found import Found, gone_of, look, refuse_to_empty, skip_is_news
from daemon.index.heirs import ByContent
from daemon.index.pool import Result, Touched, parse_many
from daemon.index.relink import Rewritten, relink
from daemon.index.roletable import RoleTable, table_of
from daemon.index.scan import Scan
from daemon.index.sheet_words import Words, words_of
from daemon.settings import IndexSettings
from db import carry as db_carry
from db import follow as db_follow
from db import index as db_index
from db import link as db_link
from db import part as db_part
from db import report
from db import switch as db_switch
from db.parsed import IndexReport, ParsedFile, ParsedNode, SkippedFile
from db.session import Database
from db.types import Stage

_FEW = 200  # files: what more of them change is found as quickly by looking at everything
_BATCH = 500  # chunks that are carried by one statement; all are carried in one transaction, or none

Progress = Callable[[str, int, int], None]  # step, done, all


def silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""
    del step, done, total


@dataclass(slots=True)
class _Run:
    """What one run has done so far."""

    first: bool = False  # there are no chunks yet that files could change: linking makes them all
    parsed: int = 0
    news: int = 0  # files that were parsed, or are newly left out
    same_content: int = 0
    removed: int = 0
    skipped: list[SkippedFile] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)  # may have been written since git was asked
    errors: list[tuple[str, int]] = field(default_factory=list)
    whole: list[tuple[str, str]] = field(default_factory=list)
    written: db_index.Written = field(default_factory=db_index.Written)
    unfinished: dict[str, tuple[str, int, str]] = field(default_factory=dict)  # path, mtime_ns, content_hash
    seconds: dict[str, float] = field(default_factory=dict)

    def count(self, more: db_index.Written) -> None:
        """Add what one batch wrote."""
        self.written.nodes += more.nodes
        self.written.nodes_removed += more.nodes_removed
        self.written.edges += more.edges
        self.written.chunks += more.chunks
        self.written.chunks_removed += more.chunks_removed
        self.written.adrift += more.adrift
        self.written.unfinished += more.unfinished

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time of the block to a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - started


async def sync(
    db: Database,
    root: Path,
    name: str,
    settings: IndexSettings,
    *,
    language: str | None = None,
    default_language: str = "en",
    prompts: Path | None = None,
    prune: bool = False,
    commit: str | None = None,
    full: bool = False,
    progress: Progress = silent,
) -> IndexReport:
    """Bring the index of repository ``name`` in step with the folder ``root``, or with a ``commit`` that git has there.

    Where git remembers the commit of the last run, only what differs since then needs a look; ``full``: all does.

    Fact sheets are written in ``language`` (it is remembered), else the one remembered, else ``default_language``, with
    the words in the folder ``prompts`` or the shipped ones.

    One transaction per batch of files. While the run writes, nothing of the repository is claimed; if it is killed,
    the hold runs out and the next run finds what is missing. An unchanged tree writes nothing.

    Raises SourceError when the folder cannot be read, or has no sources left although the index knows some and
    ``prune`` is not set: an unmounted disk must not cost all texts. Raises DatabaseBusy while another run is at it.
    """
    started = time.monotonic()
    run = _Run()
    table = table_of(settings.roles)
    found = await look(db, root, name, settings, run.timed, language=language, commit=commit, full=full)
    words = words_of(found.repository.language or default_language, prompts)
    repository, known, seen = found.repository, found.known, found.scan
    if not prune and found.untouched == len(found.skipped):
        refuse_to_empty(root, seen, known)
    async with db_index.exclusive(db, repository.id):
        gone = gone_of(seen, known)
        fresh_skips = [file for file in seen.skipped if skip_is_news(file, known)]
        # Roles and sheets follow from what is stored: other rules cost a linking, and no file is read again.
        rules = _rules(table, words)
        stale = repository.index_state == "writing" or repository.roles != rules
        if seen.to_read or gone or fresh_skips or stale:
            await _rewrite(
                db,
                found,
                fresh_skips,
                gone,
                settings,
                run,
                progress,
                words=words,
                table=table,
                rules=rules,
                anew=stale or full,
            )
        position = found.position([*run.unsure, *(file.path for file in (*seen.skipped, *run.skipped) if file.passing)])
        if position != found.before:
            await db_follow.remember(db, repository.id, position)
    totals = await report.totals(db, repository.id)
    looked_at = len(seen.to_read) + len(seen.unchanged) + len(seen.skipped)
    return IndexReport(
        repo=name,
        repo_id=repository.id,
        files_seen=looked_at + found.untouched,
        files_looked_at=looked_at,
        commit=found.commit,
        files_parsed=run.parsed,
        files_unchanged=len(seen.unchanged) + run.same_content + found.untouched - len(found.skipped),
        files_removed=run.removed,
        skipped=(*found.skipped, *seen.skipped, *run.skipped),
        syntax_errors=tuple(run.errors),
        whole=tuple(run.whole),
        nodes_written=run.written.nodes,
        nodes_removed=run.written.nodes_removed,
        chunks_written=run.written.chunks,
        chunks_removed=run.written.chunks_removed,
        edges_written=run.written.edges,
        nodes_by_kind=totals["nodes"],
        edges_by_kind=totals["edges"],
        chunks=totals["chunks"],
        calls=totals["calls"],
        calls_resolved=totals["calls_resolved"],
        seconds=time.monotonic() - started,
        seconds_by_step={step: round(seconds, 3) for step, seconds in run.seconds.items()},
    )


async def _rewrite(
    db: Database,
    found: Found,
    skips: Sequence[SkippedFile],
    gone: Sequence[str],
    settings: IndexSettings,
    run: _Run,
    progress: Progress,
    *,
    words: Words,
    table: RoleTable,
    rules: str,
    anew: bool,
) -> None:
    repository = found.repository
    paths = [*(entry.path for entry in found.scan.to_read), *gone, *(file.path for file in skips)]
    apart = None if anew or len(paths) > _FEW else Rewritten(paths, await db_part.load(db, repository.id, paths))
    await db_index.hold(db, repository.id)
    with run.timed("store"):
        run.count(await db_index.write_skipped(db, repository.id, skips))
        run.removed = len(gone)
    run.first = not await db_index.has_chunks(db, repository.id)
    total = len(found.scan.to_read)
    async with _parsed(found.root, found.scan, settings, run) as batches:
        done = 0
        async for batch in batches:
            await db_index.hold(db, repository.id)
            with run.timed("store"):
                await _store(db, repository.id, batch, found.known, run)
            run.unsure += [file.path for file in batch if found.is_fresh(file.mtime_ns)]
            done += len(batch)
            progress("index", done, total)
    with run.timed("carry"):
        await _carry(db, repository.id, gone, run)
    if anew or gone or skips or run.news:  # what is read, and left out for what is in it, is read again by every run
        run.written.chunks += await relink(db, repository, run.timed, progress, words, table, apart)
        if Stage.INSTRUCT in await db_switch.stages(db):
            with run.timed("sites"):
                await db_switch.write_sites(db, repository.id)
    await db_index.finish(db, repository.id, roles=rules, roots=found.scan.roots)


def _rules(table: RoleTable, words: Words) -> str:
    """Fingerprint of what linking goes by: where it is another one, all is linked and said anew."""
    said = repr((__version__, table.fingerprint, sorted(words.labels.items()), sorted(words.kinds.items())))
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


async def _carry(db: Database, repo_id: int, gone: Sequence[str], run: _Run) -> None:
    """Chunks go where their code went, and what is gone is removed with all that nobody inherits."""
    carrier = ByContent()
    adrift = run.written.adrift
    left, fresh = await db_carry.adrift(db, repo_id, adrift, gone)
    heirs = await asyncio.to_thread(carrier.heirs, left, fresh)
    if heirs:
        async with db.write() as connection:
            for start in range(0, len(heirs), _BATCH):
                batch = heirs[start : start + _BATCH]
                there = await db_link.bare_nodes(connection, [one.new.node_id for one in batch])
                chunks = {node.id: chunk for node in there if (chunk := _said(node)) is not None}
                await db_carry.carry(connection, repo_id, batch, carrier)
                await db_index.describe_chunks(connection, repo_id, chunks)
    if adrift or gone:
        buried = await db_carry.bury(db, repo_id, adrift, gone)
        run.written.nodes_removed += buried[0]
        run.written.chunks_removed += buried[1]
    unfinished = [run.unfinished[path] for path in run.written.unfinished]
    await db_carry.finish_files(db, repo_id, unfinished)


@asynccontextmanager
async def _parsed(
    root: Path, seen: Scan, settings: IndexSettings, run: _Run
) -> AsyncIterator[AsyncIterator[list[Result]]]:
    """Batches of parsed files; parsing goes on in other processes while a batch is being stored."""
    results = parse_many(root, seen.to_read, settings, seen.roots)

    async def batches() -> AsyncIterator[list[Result]]:
        while True:
            with run.timed("parse"):
                batch = await asyncio.to_thread(lambda: list(itertools.islice(results, settings.batch_files)))
            if not batch:
                return
            yield batch

    try:
        yield batches()
    finally:
        if isinstance(results, Generator):
            results.close()  # ends the processes too


async def _store(
    db: Database, repo_id: int, batch: Sequence[Result], known: Mapping[str, db_index.StoredFile], run: _Run
) -> None:
    skipped = [file for file in batch if isinstance(file, SkippedFile)]
    touched = [file for file in batch if isinstance(file, Touched)]
    parsed = [file for file in batch if isinstance(file, ParsedFile)]
    run.skipped += skipped
    news = [file for file in skipped if skip_is_news(file, known)]
    run.news += len(news) + len(parsed)
    run.count(await db_index.write_skipped(db, repo_id, news))
    await db_index.touch_files(db, repo_id, [(file.path, file.size, file.mtime_ns) for file in touched])
    run.same_content += len(touched)
    run.parsed += len(parsed)
    run.errors += [(file.path, file.syntax_errors) for file in parsed if file.syntax_errors]
    run.whole += [(file.path, file.whole) for file in parsed if file.whole]
    if parsed:
        chunks = {
            (i, j): chunk
            for i, file in enumerate(parsed)
            if not run.first
            for j, node in enumerate(file.nodes)
            if (chunk := _chunk(file, node)) is not None
        }
        written = await db_index.write_files(db, repo_id, parsed, chunks, ByContent())
        run.count(written)
        by_path = {file.path: (file.path, file.mtime_ns, file.content_hash) for file in parsed}
        run.unfinished |= {path: by_path[path] for path in written.unfinished}


def _said(node: db_link.BareNode) -> db_index.ChunkText | None:
    names = [str(param["name"]) for param in node.params]
    return chunk_of(node.kind, node.fqn, node.path, names, node.source_code, members=node.holds)


def _chunk(file: ParsedFile, node: ParsedNode) -> db_index.ChunkText | None:
    names = [param.name for param in node.params]
    return chunk_of(node.kind, node.fqn, file.path, names, node.source_code, members=len(file.nodes) > 1)
