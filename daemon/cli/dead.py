"""dead: what was given up and why, the last errors of a chunk, and another try by reason."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import DryRun, Json, Reason, Repo
from daemon.cli.output import emit_json, moment, out, plain
from daemon.cli.requeue import requeue_selected
from daemon.settings import Settings
from db import failures, report
from db.requeue import Selection
from db.types import ErrorClass, Stage, State

group = typer.Typer(invoke_without_command=True, help="What was given up: why, which, and another try.")
app.add_typer(group, name="dead")

OneStage = Annotated[Stage | None, typer.Option("--stage", help="Only this stage.")]
Class = Annotated[ErrorClass | None, typer.Option("--error-class", help="Only what failed for this kind of reason.")]


@group.callback()
def causes(ctx: typer.Context, repo: Repo = None, stage: OneStage = None, as_json: Json = False) -> None:
    """Why pieces were given up, the most frequent reason first."""
    if ctx.invoked_subcommand is not None:
        return

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await failures.causes(doctown.db, repo=repo, stage=stage)
        if as_json:
            emit_json(found)
        elif not found:
            out.print("nothing is given up")
        else:
            table = _table("repository", "stage", "reason", "count", "for example")
            for one in found:
                table.add_row(one.repo, str(one.stage), one.error_class, f"{one.count:,}", _cell(one.example))
            out.print(table)
            out.print("\n`doctown dead list` names them, `doctown dead requeue` tries again.")

    execute(ctx, work)


@group.command(name="list")
def list_dead(
    ctx: typer.Context,
    repo: Repo = None,
    stage: OneStage = None,
    error_class: Class = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="So many, the latest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List what was given up, with its last error."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await failures.dead(doctown.db, repo=repo, stage=stage, error_class=error_class, limit=limit)
        if as_json:
            emit_json(found)
        elif not found:
            out.print("nothing is given up")
        else:
            table = _table("when", "repository", "symbol", "stage", "reason", "tries", "crashes", "last error")
            for one in found:
                table.add_row(
                    moment(one.at), one.repo, one.fqn, str(one.stage), one.error_class, str(one.attempts),
                    str(one.crashes), _cell(one.error),
                )  # fmt: skip
            out.print(table)

    execute(ctx, work)


@group.command()
def show(
    ctx: typer.Context,
    fqn: Annotated[str, typer.Argument(help="Full name, or the end of it, as in `doctown show`.")],
    repo: Repo = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="So many, the latest first.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the last attempts on a symbol that came to nothing, dead or not."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            pages = await report.pages(doctown.db, fqn, repo=repo)
            found = [(page, await failures.history(doctown.db, page.chunk_id, limit=limit)) for page in pages]
        if as_json:
            emit_json([{"repo": p.repo, "fqn": p.fqn, "part": p.part, "failures": plain(past)} for p, past in found])
            return
        for page, past in found:
            out.print(f"[bold]{page.fqn}[/]  {page.repo}")
            if not past:
                out.print("  no failed attempt is remembered")
                continue
            table = _table("when", "stage", "attempt", "reason", "then", "error")
            for one in past:
                table.add_row(
                    moment(one.at), str(one.stage), str(one.attempt), one.error_class, one.state, _cell(one.error)
                )
            out.print(table)

    execute(ctx, work)


@group.command()
def requeue(
    ctx: typer.Context,
    repo: Repo = None,
    stage: Annotated[
        list[Stage] | None, typer.Option("--stage", help="Only this stage; several times for several. Default: all.")
    ] = None,
    error_class: Class = None,
    error: Annotated[
        str | None, typer.Option("--error", help="Only such a last error, `*` for anything: `PromptTooLong:*`.")
    ] = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Try again what was given up: all of it, or only what failed for one reason."""

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            chosen = [
                Selection(stage=one, repo=repo, state=State.DEAD, error_class=error_class, error=error)
                for one in stage or list(Stage)
            ]
            return await requeue_selected(
                doctown, chosen, command="dead requeue", reason=reason, dry_run=dry_run, yes=yes, as_json=as_json
            )

    execute(ctx, work)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        numeric = name in {"count", "attempt", "tries", "crashes"}
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    return table


def _cell(text: str) -> str:
    return text.replace("[", r"\[")
