"""requeue: make texts be written anew."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from daemon.bootstrap import App, open_app
from daemon.cli.main import app, execute
from daemon.cli.options import DryRun, Json, Reason, Repo, require_stages, whoami
from daemon.cli.output import emit_json, err, out
from daemon.settings import Settings
from db import requeue as db_requeue
from db.types import ErrorClass, Stage, State

_ASK_ABOVE = 50
_SLOW_ABOVE = 10_000  # from here on it takes seconds, and somebody may lose patience


@app.command()
def requeue(
    ctx: typer.Context,
    stage: Annotated[
        list[Stage] | None,
        typer.Option(
            "--stage",
            help="coder, talker, instruct or embed; several times for several. Default: coder, with --outdated all.",
        ),
    ] = None,
    repo: Repo = None,
    path: Annotated[str | None, typer.Option("--path", help="Files whose path matches, `*` for anything.")] = None,
    fqn: Annotated[str | None, typer.Option("--fqn", help="Symbols whose full name matches, `*` for anything.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only work in this state.")] = None,
    error_class: Annotated[
        ErrorClass | None, typer.Option("--error-class", help="Only what failed last for this kind of reason.")
    ] = None,
    error: Annotated[
        str | None, typer.Option("--error", help="Only what failed last with such a message, `*` for anything.")
    ] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only texts that a guard objected to.")] = False,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Only what another prompt, model, option or language than now has made.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Mean everything when nothing else narrows.")] = False,
    resume: Annotated[
        int | None, typer.Option("--resume", help="Go on with a requeue that was cut off: its number in the audit.")
    ] = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask (more than {_ASK_ABOVE} need a yes).")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Make texts be written anew. The old ones stay until the new ones are saved.

    A requeued Coder text is followed by its Talker text if it comes out different. A requeued text is never taken
    from the ledger: the model is asked. Not so with --outdated, which refreshes at the lowest priority what the ledger
    does not have. Works in small batches; one that was cut off is gone on with by --resume.
    """
    if resume is not None:
        execute(ctx, lambda settings: _resume(settings, resume, as_json=as_json))
        return
    if not (repo or path or fqn or state or error_class or error or flagged or outdated or everything):
        raise typer.BadParameter(
            "say what to requeue: --repo, --path, --fqn, --state, --error-class, --error, --flagged, --outdated, --all"
        )
    stages = stage or [Stage.CODER]
    if state is State.LEASED:
        raise typer.BadParameter("what is being worked on cannot be requeued", param_hint="--state")

    async def work(settings: Settings) -> int | None:
        require_stages(settings, stages)
        async with open_app(settings) as doctown:
            recipes = (await doctown.present_recipes()).stored if outdated else None
            meant = stages if stage or not outdated else list(settings.stages)
            chosen = [
                db_requeue.Selection(
                    stage=one, repo=repo, path=path, fqn=fqn, state=state, error_class=error_class, error=error,
                    flagged=flagged, outdated=recipes,
                )
                for one in meant
            ]  # fmt: skip
            return await requeue_selected(
                doctown, chosen, command="requeue", reason=reason, dry_run=dry_run, yes=yes, as_json=as_json
            )

    execute(ctx, work)


async def requeue_selected(
    doctown: App, chosen: list[db_requeue.Selection], *, command: str, reason: str | None, dry_run: bool, yes: bool,
    as_json: bool,
) -> int | None:  # fmt: skip
    """Count, ask where it is much, requeue, and tell."""
    counts = {str(one.stage): await db_requeue.count(doctown.db, one) for one in chosen}
    total = sum(counts.values())
    if dry_run:
        _tell(counts, dry_run=True, entry=None, as_json=as_json)
        return None
    if total > _ASK_ABOVE and not yes and not _agreed(total):
        out.print("nothing requeued")
        return 1

    def begun(entry: int) -> None:
        if total > _SLOW_ABOVE:
            err.print(f"if this is cut off: `doctown requeue --resume {entry}`")

    done = await db_requeue.requeue(
        doctown.db, chosen, actor=whoami(), command=command, reason=reason, begun=begun
    )  # fmt: skip
    _tell(done.counts, dry_run=False, entry=done.entry, as_json=as_json)
    return None


async def _resume(settings: Settings, entry: int, *, as_json: bool) -> None:
    async with open_app(settings) as doctown:
        done = await db_requeue.resume(doctown.db, entry)
    _tell(done.counts, dry_run=False, entry=done.entry, as_json=as_json)


def _tell(counts: Mapping[str, int], *, dry_run: bool, entry: int | None, as_json: bool) -> None:
    if as_json:
        emit_json({"dry_run": dry_run, "requeued": counts} | ({"audit": entry} if entry else {}))
        return
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    out.print(f"{'would requeue' if dry_run else 'requeued'}: {said}")


def _agreed(total: int) -> bool:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{total} texts would be written anew; add --yes to mean it, or --dry-run to count")
    return typer.confirm(f"{total} texts would be written anew. Go on?")
