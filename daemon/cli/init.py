"""init: write a configuration file and prepare the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.output import err, out
from daemon.config import shared, user_config_path
from daemon.settings import Settings
from db.session import hide_password


@app.command()
def init(
    ctx: typer.Context,
    path: Annotated[
        Path | None, typer.Option("--path", help="Where to write; default: the user's configuration folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a commented configuration file, then make the database ready.

    Nothing has to be configured: without a file the defaults hold. Run it again after editing the file.
    """
    target = path or user_config_path()
    if target.exists() and not force:
        err.print(f"{target} is there already and stays as it is (--force overwrites it)")
    else:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(shared("config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{target}: {error.strerror}", param_hint="--path") from None
        out.print(f"wrote {target}")

    async def work(settings: Settings) -> None:
        async with open_app(settings, upgrade=True) as doctown:
            out.print(f"database ready: {hide_password(doctown.url)}")
        out.print("next: `doctown doctor` checks the models, `doctown build PATH` documents a repository")

    execute(ctx, work)
