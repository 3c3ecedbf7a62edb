"""show: one symbol with its texts and their quality."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, out, show_page
from daemon.settings import Settings
from db import report


@app.command()
def show(
    ctx: typer.Context,
    fqn: Annotated[str, typer.Argument(help="Full name, or the end of it: `Service.save`, `save`.")],
    repo: Repo = None,
    source: Annotated[bool, typer.Option("--source", "-s", help="Show the source code too.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is written about a symbol. Where a name is not unique, all that bear it are listed."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            pages = await report.pages(doctown.db, fqn, repo=repo)
        if as_json:
            emit_json(pages)
        elif len(pages) == 1 or len({page.fqn for page in pages}) == 1:
            for page in pages:
                show_page(page, source=source)
        else:
            out.print(f"{len(pages)} symbols are called that:")
            for page in pages:
                where = f"{page.path}:{page.line_start}" if page.path else ""
                out.print(f"  {page.repo}  [bold]{page.fqn}[/]  {page.kind.lower()}  [cyan]{where}[/]")

    execute(ctx, work)
