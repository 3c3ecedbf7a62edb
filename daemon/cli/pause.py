"""pause, resume, weight: stop work on a repository or everywhere, and share work out."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Reason, whoami
from daemon.cli.output import emit_json, out
from daemon.settings import Settings
from db import control
from db.audit import Order

Repos = Annotated[list[str] | None, typer.Argument(help="Names of repositories.", metavar="[REPO]...")]
_MOST = 1000


@app.command()
def pause(
    ctx: typer.Context,
    repos: Repos = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything, whatever the repository.")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Claim nothing more of a repository, or nothing at all. What is being written is finished and saved."""
    _switch(ctx, repos, everything=everything, paused=True, reason=reason, as_json=as_json)


@app.command()
def resume(
    ctx: typer.Context,
    repos: Repos = None,
    everything: Annotated[
        bool, typer.Option("--all", help="End `pause --all`; repositories paused by themselves stay so.")
    ] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Go on with what was paused."""
    _switch(ctx, repos, everything=everything, paused=False, reason=reason, as_json=as_json)


@app.command()
def weight(
    ctx: typer.Context,
    repo: Annotated[str, typer.Argument(help="Name of a repository.")],
    weight: Annotated[
        int, typer.Argument(min=1, max=_MOST, help="Its share beside others: 2 gets twice as much as 1.")
    ],
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Give a repository a larger or smaller share of the work while others have work due too."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            order = Order(actor=whoami(), command="weight", filter={"repo": repo, "weight": weight}, reason=reason)
            before = await control.weigh(doctown.db, order, repo, weight)
        if as_json:
            emit_json({"repo": repo, "before": before, "weight": weight})
        else:
            out.print(f"weight of {repo}: {weight} (was {before})")

    execute(ctx, work)


def _switch(
    ctx: typer.Context, repos: list[str] | None, *, everything: bool, paused: bool, reason: str | None, as_json: bool
) -> None:
    verb = "pause" if paused else "resume"
    if bool(repos) == everything:
        raise typer.BadParameter(f"say what to {verb}: names of repositories, or --all")

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            filters = {"all": True} if everything else {"repos": repos}
            order = Order(actor=whoami(), command=verb, filter=filters, reason=reason)
            changed = await control.pause(doctown.db, order, None if everything else repos, paused=paused)
            all_paused, standings = await control.standings(doctown.db)
        if as_json:
            emit_json({"changed": changed, "all_paused": all_paused, "repositories": standings})
            return
        names = "everything" if everything else ", ".join(repos or ())
        out.print(f"{verb}d: {names}" if changed else f"{names}: {verb}d already", markup=False)
        if all_paused and not paused and not everything:
            out.print("everything is paused still: `doctown resume --all`")
        asleep = [one.repo for one in standings if one.paused]
        if asleep and not paused and everything:
            out.print(f"paused by themselves still: {', '.join(asleep)}", markup=False)

    execute(ctx, work)
