"""requeue: make texts be written anew."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, out
from daemon.settings import Settings
from db import requeue as db_requeue
from db.types import Stage, State

_ASK_ABOVE = 50


@app.command()
def requeue(
    ctx: typer.Context,
    stage: Annotated[
        list[Stage] | None,
        typer.Option("--stage", help="coder, talker or embed; several times for several. Default: coder."),
    ] = None,
    repo: Repo = None,
    path: Annotated[str | None, typer.Option("--path", help="Files whose path matches, `*` for anything.")] = None,
    fqn: Annotated[str | None, typer.Option("--fqn", help="Symbols whose full name matches, `*` for anything.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only work in this state.")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only texts that a guard objected to.")] = False,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Only texts made by another prompt, model, option or language than now.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Mean everything when nothing else narrows.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask (more than {_ASK_ABOVE} need a yes).")] = False,
    as_json: Json = False,
) -> None:
    """Make texts be written anew. The old ones stay until the new ones are saved.

    A requeued Coder text is followed by its Talker text if it comes out different. A requeued text is never taken
    from the ledger: the model is asked.
    """
    if not (repo or path or fqn or state or flagged or outdated or everything):
        raise typer.BadParameter("say what to requeue: --repo, --path, --fqn, --state, --flagged, --outdated or --all")
    stages = stage or [Stage.CODER]
    if state is State.LEASED:
        raise typer.BadParameter("what is being worked on cannot be requeued", param_hint="--state")
    if outdated and Stage.EMBED in stages:
        raise typer.BadParameter("--outdated is about texts: coder and talker", param_hint="--stage")

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            chosen = [
                db_requeue.Selection(
                    stage=one, repo=repo, path=path, fqn=fqn, state=state, flagged=flagged,
                    outdated=doctown.recipes(one) if outdated else None, language=settings.language,
                )
                for one in stages
            ]  # fmt: skip
            counts = {str(one.stage): await db_requeue.count(doctown.db, one) for one in chosen}
            total = sum(counts.values())
            if not dry_run and total > _ASK_ABOVE and not yes and not _agreed(total):
                out.print("nothing requeued")
                return 1
            if not dry_run:
                counts = {str(one.stage): await db_requeue.requeue(doctown.db, one) for one in chosen}
        if as_json:
            emit_json({"dry_run": dry_run, "requeued": counts})
        else:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            out.print(f"{'would requeue' if dry_run else 'requeued'}: {said}")
        return None

    execute(ctx, work)


def _agreed(total: int) -> bool:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{total} texts would be written anew; add --yes to mean it, or --dry-run to count")
    return typer.confirm(f"{total} texts would be written anew. Go on?")
