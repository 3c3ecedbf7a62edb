"""status: how the work stands, per repository and stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.budget import uses_table, waiting_lines
from daemon.cli.follow import show
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, out, plain, progress_table
from daemon.cli.watch import watch
from daemon.settings import Settings
from daemon.work.budget import rules_of
from db import budget as db_budget
from db import control, report
from db import follow as db_follow
from db import refresh as db_refresh
from db.refresh import Outdated
from db.types import Progress


@app.command()
def status(
    ctx: typer.Context,
    repo: Repo = None,
    live: Annotated[bool, typer.Option("--watch", "-w", help="Show it live, until interrupted.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks of --watch.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Show what is due, leased, retrying, done and dead, how fast it goes and how long it will take."""
    if live and as_json:
        raise typer.BadParameter("--watch is for people; programs read /metrics or call status --json again")

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            if live:
                await watch(doctown.db, rules_of(settings.budget), out, repo=repo, every_s=every)
            rows = await report.progress(doctown.db, repo)
            uses = await db_budget.uses(doctown.db, rules_of(settings.budget))
            everything, _ = await control.standings(doctown.db)
            recipes, refresh = await db_refresh.announced(doctown.db)
            kept = await db_refresh.outdated(doctown.db, recipes, repo) if recipes and refresh == "manual" else []
            followed = await db_follow.followed(doctown.db, repo)
        if as_json:
            emit_json([{**plain(row), "total": row.total} for row in rows])
        elif not rows:
            out.print("No repository is indexed yet: run `doctown index PATH` or `doctown build PATH --embedded`.")
        else:
            out.print(progress_table(rows))
            for line in [*paused_lines(rows, everything=everything), *waiting_lines(uses), *kept_lines(kept)]:
                out.print(line, soft_wrap=True, markup=False)
            shown = [one for one in uses if one.repo is None or one.limits or one.repo == repo]
            if any(one.calls or one.limits for one in shown):
                out.print()
                out.print(uses_table(shown))
        if followed and not as_json:
            out.print()
            show(followed, as_json=False)

    try:
        execute(ctx, work)
    except KeyboardInterrupt:
        if not live:  # the one way to leave it
            raise


def paused_lines(rows: list[Progress], *, everything: bool) -> list[str]:
    """Why nothing moves, where an administrator wants it so."""
    if everything:
        return ["everything is paused: `doctown resume --all`"]
    paused = sorted({row.repo for row in rows if row.paused})
    return [f"paused: {', '.join(paused)}"] if paused else []


def kept_lines(kept: Sequence[Outdated]) -> list[str]:
    """What another recipe made and nobody refreshes, because the configuration says so."""
    if not kept:
        return []
    told = ", ".join(f"{one.count} {one.stage} of {one.repo} ({one.reason})" for one in kept)
    return [f"made by other prompts, models or options, and kept: {told}; `doctown requeue --outdated` refreshes them"]
