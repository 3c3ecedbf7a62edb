"""index: read a folder's sources into the code index."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from daemon.bootstrap import App, open_app
from daemon.cli.bars import bars
from daemon.cli.main import app, execute, explain
from daemon.cli.options import Json, Language
from daemon.cli.output import duration, emit_json, err, out, plain
from daemon.errors import DoctownError
from daemon.follow.watch import Watch
from daemon.index.sync import sync
from daemon.settings import Settings
from db.errors import StoreError
from db.parsed import IndexReport

_SHOWN = 12


@app.command()
def index(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The folder with the sources.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the repository; default: the folder's.")] = None,
    language: Language = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Mean it when the folder has no sources left: remove all its texts.")
    ] = False,
    commit: Annotated[
        str | None,
        typer.Option("--commit", metavar="REV", help="Index this commit, branch or tag from git, nothing checked out."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Look at every file, not only at what git says differs.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on: run again whenever files change, until interrupted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read a folder's sources into the code index. Only differences are written; texts are left to the daemon."""
    if watch and commit is not None:
        raise typer.BadParameter("--watch follows the files in the folder; a branch is followed by `doctown follow`")
    repo = repository_name(path, name, commit)

    async def work(settings: Settings) -> None:
        async with open_app(settings, name="doctown index") as doctown:
            if watch:
                await watch_folder(doctown, path, repo, language, prune=prune, as_json=as_json)
                return
            found = await index_with_bars(doctown, path, repo, language, prune=prune, commit=commit, full=full)
        if as_json:
            emit_json(found)
        else:
            print_report(found)

    execute(ctx, work)


def repository_name(path: Path, name: str | None, commit: str | None = None) -> str:
    """The given name, else the folder's, and what of its history is meant."""
    folder = path.resolve().name or "root"
    return name or (folder if commit is None else f"{folder}@{commit}")


async def watch_folder(
    doctown: App, path: Path, repo: str, language: str | None, *, prune: bool, as_json: bool
) -> None:
    """Index, and again whenever files change; SIGINT and SIGTERM end it after the run under way, twice at once."""
    if language is not None:
        doctown.prompts.check(language)
    stopping = asyncio.Event()
    first = True

    async def run() -> None:
        nonlocal first
        found = await sync(
            doctown.db, path, repo, doctown.settings.index, language=language, prune=prune,
            default_language=doctown.settings.language, prompts=doctown.prompts.folder,
        )  # fmt: skip
        if first or found.changed:
            tell(found)
        first = False

    def tell(found: IndexReport) -> None:
        if as_json:
            sys.stdout.write(json.dumps(plain(found), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            out.print(f"[dim]{datetime.now():%H:%M:%S}[/] ", end="")  # noqa: DTZ005 - for whoever sits there
            print_report(found, brief=True)

    def told(message: str, error: Exception | None) -> None:
        if isinstance(error, DoctownError | StoreError):
            explain(error)
        else:
            err.print(message, markup=False, soft_wrap=True)

    stop_on_signals(stopping)
    await Watch(path, doctown.settings.index, doctown.settings.follow, run=run, told=told).until(stopping)


def stop_on_signals(stopping: asyncio.Event) -> None:
    """SIGINT and SIGTERM set it; the second of either interrupts."""

    def heard() -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)


async def index_with_bars(
    doctown: App,
    path: Path,
    name: str,
    language: str | None,
    *,
    prune: bool = False,
    commit: str | None = None,
    full: bool = False,
) -> IndexReport:
    """One index run with a progress bar per step."""
    if language is not None:
        doctown.prompts.check(language)
    with bars(err, rate=False) as display:
        return await sync(
            doctown.db, path, name, doctown.settings.index, language=language, prune=prune, progress=advance(display),
            commit=commit, full=full, default_language=doctown.settings.language, prompts=doctown.prompts.folder,
        )  # fmt: skip


def advance(display: Progress) -> Callable[[str, int, int], None]:
    """A bar for each step that is told."""
    tasks: dict[str, TaskID] = {}

    def told(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = display.add_task(step, total=total, note="")
        display.update(tasks[step], completed=done, total=total)

    return told


def print_report(found: IndexReport, *, brief: bool = False) -> None:
    """What an index run did and what is there now."""
    at = f" at {found.commit[:10]}" if found.commit else ""
    changed = (
        f"{found.files_parsed} read, {found.files_unchanged} unchanged, {found.files_removed} removed"
        f"{f', {len(found.skipped)} skipped' if found.skipped else ''}"
    )
    out.print(
        f"[bold]{found.repo}[/]: {found.files_seen:,} files{at} ({changed}) in {duration(found.seconds)}; "
        f"{sum(found.nodes_by_kind.values()):,} nodes, {sum(found.edges_by_kind.values()):,} edges, "
        f"{found.chunks:,} chunks", highlight=False,
    )  # fmt: skip
    if found.calls:
        out.print(f"  calls that lead somewhere in the index: {found.calls_resolved:,} of {found.calls:,}")
    if not brief:
        for label, counts in (("nodes", found.nodes_by_kind), ("edges", found.edges_by_kind)):
            said = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()))
            out.print(f"  {label}: {said or 'none'}")
        out.print(
            f"  written: {found.nodes_written:,} nodes, {found.edges_written:,} edges, "
            f"{found.chunks_written:,} chunks; "
            f"removed: {found.nodes_removed:,} nodes, {found.chunks_removed:,} chunks"
        )
        steps = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in found.seconds_by_step.items())
        out.print(f"  time: {steps}")
    for file in found.skipped[:_SHOWN]:
        out.print(f"  skipped {file.path}: {file.reason}", markup=False, soft_wrap=True)
    if len(found.skipped) > _SHOWN:
        out.print(f"  ... and {len(found.skipped) - _SHOWN} more skipped (--json lists all)")
    for path, reason in found.whole[:_SHOWN]:
        out.print(f"  read as one piece {path}: {reason}", markup=False, soft_wrap=True)
    for path, count in found.syntax_errors[:_SHOWN]:
        out.print(f"  syntax errors in {path}: {count} places; the rest of it was read", markup=False, soft_wrap=True)
