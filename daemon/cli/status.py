"""status: how the work stands, per repository and stage."""

from __future__ import annotations

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, out, plain, progress_table
from daemon.settings import Settings
from db import report


@app.command()
def status(ctx: typer.Context, repo: Repo = None, as_json: Json = False) -> None:
    """Show what is due, leased, retrying, done and dead, how fast it goes and how long it will take."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            rows = await report.progress(doctown.db, repo)
        if as_json:
            emit_json([{**plain(row), "total": row.total} for row in rows])
        elif not rows:
            out.print("No repository is indexed yet: run `doctown index PATH` or `doctown build PATH --embedded`.")
        else:
            out.print(progress_table(rows))

    execute(ctx, work)
