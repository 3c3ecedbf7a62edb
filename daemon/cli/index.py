"""index: read a folder's sources into the code index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from daemon.bootstrap import App, open_app
from daemon.cli.bars import bars
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Language
from daemon.cli.output import duration, emit_json, err, out
from daemon.index.sync import sync
from daemon.settings import Settings
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
    as_json: Json = False,
) -> None:
    """Read a folder's sources into the code index. Only differences are written; texts are left to the daemon."""

    async def work(settings: Settings) -> None:
        async with open_app(settings, name="doctown index") as doctown:
            found = await index_with_bars(doctown, path, repository_name(path, name), language, prune=prune)
        if as_json:
            emit_json(found)
        else:
            print_report(found)

    execute(ctx, work)


def repository_name(path: Path, name: str | None) -> str:
    """The given name, else the folder's."""
    return name or path.resolve().name or "root"


async def index_with_bars(
    doctown: App, path: Path, name: str, language: str | None, *, prune: bool = False
) -> IndexReport:
    """One index run with a progress bar per step."""
    if language is not None:
        doctown.prompts.check(language)
    with bars(err, rate=False) as display:
        tasks: dict[str, TaskID] = {}

        def told(step: str, done: int, total: int) -> None:
            _advance(display, tasks, step, done, total)

        return await sync(
            doctown.db, path, name, doctown.settings.index, language=language, prune=prune, progress=told,
            default_language=doctown.settings.language, prompts=doctown.prompts.folder,
        )  # fmt: skip


def _advance(display: Progress, tasks: dict[str, TaskID], step: str, done: int, total: int) -> None:
    if step not in tasks:
        tasks[step] = display.add_task(step, total=total, note="")
    display.update(tasks[step], completed=done, total=total)


def print_report(found: IndexReport, *, brief: bool = False) -> None:
    """What an index run did and what is there now."""
    changed = (
        f"{found.files_parsed} read, {found.files_unchanged} unchanged, {found.files_removed} removed"
        f"{f', {len(found.skipped)} skipped' if found.skipped else ''}"
    )
    out.print(
        f"[bold]{found.repo}[/]: {found.files_seen:,} files ({changed}) in {duration(found.seconds)}; "
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
