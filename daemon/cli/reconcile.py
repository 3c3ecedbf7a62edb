"""reconcile: prove that the queue is what the data asks for."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Reason, Repo, whoami
from daemon.cli.output import emit_json, out
from daemon.settings import Settings
from db.audit import Order
from db.reconcile import Differences
from db.reconcile import reconcile as compare

_DIFFERS = 5
_MEANING = {
    "missing": "due and not in the queue",
    "closed": "due and marked as done",
    "stale": "queued for a source or text that is there no more",
    "needless": "queued although the text holds and nobody asked for another",
    "off": "queued although the stage is off",
}


@app.command()
def reconcile(
    ctx: typer.Context,
    repo: Repo = None,
    fix: Annotated[bool, typer.Option("--fix", help="Put right what differs; it is kept in the audit.")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Prove that the queue is what the data asks for; exit code 5 when it is not and --fix was not given.

    The tables' triggers keep the two together, so a difference means that somebody worked around them: triggers
    disabled for a bulk load, a restore of some tables and not of others. Safe while daemons work.
    """

    async def work(settings: Settings) -> int | None:
        order = Order(actor=whoami(), command="reconcile", filter={"repo": repo}, reason=reason) if fix else None
        async with open_app(settings) as doctown:
            found = await compare(doctown.db, repo=repo, mend=order)
        _tell(found, fixed=fix, as_json=as_json)
        return _DIFFERS if found.counts and not fix else None

    execute(ctx, work)


def _tell(found: Differences, *, fixed: bool, as_json: bool) -> None:
    if as_json:
        rows = [
            {"stage": stage, "kind": kind, "count": count, "chunks": found.examples[stage, kind]}
            for (stage, kind), count in sorted(found.counts.items())
        ]
        emit_json({"chunks": found.chunks, "differences": rows, "fixed": fixed and bool(rows)})
        return
    for (stage, kind), count in sorted(found.counts.items()):
        shown = ", ".join(map(str, found.examples[stage, kind]))
        out.print(f"{stage}: {count} {kind} ({_MEANING[kind]}), for example chunk {shown}", soft_wrap=True)
    if not found.counts:
        out.print(f"the queue is what the data asks for ({found.chunks} chunks)")
    elif fixed:
        out.print("put right")
    else:
        out.print("`doctown reconcile --fix` puts it right")
