"""cache: what the ledger holds, and how to carry it to another database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import daemon
from daemon.bootstrap import App, open_app
from daemon.cachefile import CacheReader, CacheWriter
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo, whoami
from daemon.cli.output import emit_json, moment, out, plain
from daemon.settings import Settings
from db import audit, ledger
from db.audit import Order
from db.ledger import Held

group = typer.Typer(invoke_without_command=True, help="The ledger of answers: what it holds, carried elsewhere.")
app.add_typer(group, name="cache")

_PAGE = 500  # answers that are taken in by one statement
_STEP = 1024

File = Annotated[
    Path, typer.Argument(help="Its ending says how it is compressed: .zst, .gz, or .jsonl for not at all.")
]


@group.callback()
def cache(ctx: typer.Context, repo: Repo = None, as_json: Json = False) -> None:
    """What the ledger holds: answers, how often they were used again, what present texts stand on, and its size.

    An answer is found again by what it was made from; then no model is asked. Old ones are forgotten as the settings
    `ledger.keep_days` and `ledger.keep_mb` say, but never what a present text stands on.
    """
    if ctx.invoked_subcommand is not None:
        return

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await ledger.held(doctown.db, repo)
            size = await ledger.on_disk(doctown.db)
        if as_json:
            emit_json({"bytes_on_disk": size, "held": [{**plain(one), "hit_rate": one.hit_rate} for one in found]})
        elif not found:
            out.print("the ledger is empty: nothing has been written yet")
        else:
            out.print(_table(found))
            out.print(f"\n{_size(size)} on disk, with indexes")

    execute(ctx, work)


@group.command(name="export")
def export_ledger(ctx: typer.Context, file: File, repo: Repo = None, as_json: Json = False) -> None:
    """Write all answers to a file, of each key the newest; with --repo those that its texts need."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            recipes, answers = await _write(doctown, file, repo)
        said = {"file": str(file), "recipes": recipes, "answers": answers, "bytes": file.stat().st_size}
        size = _size(file.stat().st_size)
        emit_json(said) if as_json else out.print(f"{answers:,} answers in {file} ({size})", soft_wrap=True)

    execute(ctx, work)


async def _write(doctown: App, file: Path, repo: str | None) -> tuple[int, int]:
    header = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "by": daemon.__version__, "repo": repo}
    with CacheWriter(file, header) as writer:
        writer.add_recipes(await ledger.recipes(doctown.db))
        async for page in ledger.answers(doctown.db, repo):
            await asyncio.to_thread(writer.add_answers, page)
        return writer.recipes, writer.answers


@group.command(name="import")
def import_ledger(ctx: typer.Context, file: File, as_json: Json = False) -> None:
    """Take in the answers of a file that `cache export` wrote, those that are not here already.

    The file is checked as a whole first, and everything is taken in at once: a bad or cut file leaves nothing behind.
    """

    async def work(settings: Settings) -> None:
        reader = CacheReader(file)
        await asyncio.to_thread(reader.check)
        async with open_app(settings) as doctown, ledger.intake(doctown.db) as intake:
            pages = reader.pages(_PAGE)
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                recipes, answers = page
                await intake.recipes(recipes)
                await intake.answers(answers)
            order = Order(actor=whoami(), command="cache import", filter={"file": str(file)})
            await audit.note(intake.connection, order, {"answers": intake.taken})
        said = {"file": str(file), "answers": reader.answers, "taken": intake.taken}
        here = reader.answers - intake.taken
        emit_json(said) if as_json else out.print(f"{intake.taken:,} answers taken in, {here:,} were here already")

    execute(ctx, work)


def _table(found: Sequence[Held]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "repository",
        "stage",
        "answers",
        "used again",
        "hit rate",
        "needed",
        "size",
        "last 30 days",
        "oldest",
    ):
        table.add_column(name, justify="left" if name in {"repository", "stage", "oldest"} else "right")
    for one in found:
        table.add_row(
            one.repo or "(none)", str(one.stage), f"{one.answers:,}", f"{one.reused:,}", f"{one.hit_rate:.0%}",
            f"{one.needed:,}", _size(one.bytes), f"{one.young:,}", moment(one.oldest),
        )  # fmt: skip
    return table


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < _STEP:
            return f"{count:,.0f} {unit}"
        count /= _STEP
    return f"{count:,.1f} GB"
