"""db: the database itself: upgrade, url, psql, stop."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from typing import Annotated

import typer

from daemon.cli.main import app, execute
from daemon.cli.options import Json
from daemon.cli.output import emit_json, err, out
from daemon.config import shared
from daemon.errors import ConfigError
from daemon.settings import Settings
from db import migrate
from db.embedded import EmbeddedServer, binaries, default_folder
from db.session import resolve_url

group = typer.Typer(no_args_is_help=True, help="The database: migrate it, open it, stop the embedded server.")
app.add_typer(group, name="db")


@group.command()
def upgrade(ctx: typer.Context) -> None:
    """Bring the tables to this version of Doctown. Safe to repeat and to run from several places at once."""

    async def work(settings: Settings) -> None:
        url = await _url(settings)
        before, after = await asyncio.to_thread(migrate.upgrade, url, shared("alembic"))
        if before == after:
            out.print(f"the tables are at revision {after} already")
        else:
            out.print(f"upgraded from revision {before or 'none'} to {after}")

    execute(ctx, work)


@group.command()
def url(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the database's URL, password included; starts the embedded server if it is that one."""

    async def work(settings: Settings) -> None:
        found = await _url(settings)
        if as_json:
            emit_json({"url": found, "embedded": settings.database.url == "embedded"})
        else:
            typer.echo(found)

    execute(ctx, work)


@group.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(
    ctx: typer.Context,
    command: Annotated[str | None, typer.Option("--command", "-c", help="One statement instead of a session.")] = None,
) -> None:
    """Open psql on the database; further arguments go to psql."""

    async def work(settings: Settings) -> int:
        program = str(binaries() / "psql") if settings.database.url == "embedded" else shutil.which("psql")
        if program is None:
            raise ConfigError("psql is not installed", "Install a PostgreSQL client, or use `doctown db url`.")
        arguments = [program, await _url(settings), *(["-c", command] if command else []), *ctx.args]
        return (await asyncio.to_thread(subprocess.run, arguments, check=False)).returncode

    execute(ctx, work)


@group.command()
def stop(ctx: typer.Context) -> None:
    """Stop the embedded server. It starts again by itself when the next command needs it."""

    async def work(settings: Settings) -> int | None:
        if settings.database.url != "embedded":
            err.print("the database is not the embedded one: stop it where you started it")
            return 2
        server = EmbeddedServer(settings.database.folder or default_folder())
        stopped = await asyncio.to_thread(server.stop)
        out.print("stopped" if stopped else "it was not running")
        return None

    execute(ctx, work)


async def _url(settings: Settings) -> str:
    return await asyncio.to_thread(resolve_url, settings.database.url, settings.database.folder)
