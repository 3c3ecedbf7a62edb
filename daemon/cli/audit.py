"""audit: what administrators commanded, who, when, and how much it touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json
from daemon.cli.output import emit_json, moment, out
from daemon.settings import Settings
from db import audit as db_audit


@app.command()
def audit(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="So many, the latest first.")] = 20,
    command: Annotated[str | None, typer.Option("--command", help="Only this command: requeue, pause, ...")] = None,
    as_json: Json = False,
) -> None:
    """List what administrators did: requeue, pause, resume, weight, drain, budget and the like."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            entries = await db_audit.entries(doctown.db, limit=limit, command=command)
        if as_json:
            emit_json(entries)
        elif not entries:
            out.print("nobody has commanded anything yet")
        else:
            out.print(_table(entries))

    execute(ctx, work)


def _table(entries: list[db_audit.Entry]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("no", "when", "who", "command", "of what", "touched", "why"):
        table.add_column(name, justify="right" if name == "no" else "left", overflow="fold")
    for one in entries:
        touched = _said(one.counts) + ("" if one.state == "done" else f" ({one.state})")
        table.add_row(
            str(one.id), moment(one.at), one.actor, one.command, _filter(one.filter), touched.strip(), one.reason or ""
        )
    return table


def _filter(what: Mapping[str, Any]) -> str:
    if "selections" not in what:
        return _said(what)
    shared = {name: value for name, value in what["selections"][0].items() if name not in {"stage", "language"}}
    stages = ", ".join(one["stage"] for one in what["selections"])
    return _said({"stage": stages, **{name: "…" if name == "outdated" else value for name, value in shared.items()}})


def _said(values: Mapping[str, Any]) -> str:
    parts = []
    for name, value in values.items():
        if value is True:
            parts.append(name)
        elif value is not None and value is not False and value not in ([], ""):
            parts.append(f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return "; ".join(parts)
