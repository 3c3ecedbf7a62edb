"""workers, drain: who works and what each holds; let workers finish and claim nothing more."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Reason, whoami
from daemon.cli.output import duration, emit_json, err, moment, out
from daemon.settings import Settings
from db import workers as db_workers
from db.audit import Order
from db.session import Database
from db.workers import Held, Presence

_LOOK_S = 0.3
_STYLE = {"working": "green", "idle": "dim", "draining": "yellow", "drained": "yellow", "vanished": "red"}


@app.command()
def workers(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="So many pieces held, longest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List the daemons at work, and what each holds since when."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await db_workers.presences(doctown.db)
            held = await db_workers.held(doctown.db, limit=limit) if limit else []
        if as_json:
            emit_json({"workers": [_plain(one) for one in found], "held": held})
            return
        if not found:
            out.print("no daemon is at work: start one with `doctown run`")
            return
        out.print(_workers(found))
        if held:
            out.print()
            out.print(_held(held))

    execute(ctx, work)


@app.command()
def drain(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Workers as `doctown workers` names them, or host, or host:pid.", metavar="[WORKER]..."),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every worker that is alive now.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let them claim again.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until nothing is in flight.")] = True,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Wait no longer than so many seconds; exit code 5 then.")
    ] = None,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Let workers claim nothing more, and wait until what they hold is saved. They stay up and can be taken back.

    Daemons that start later work as always; `doctown pause --all` stops those too.
    """
    if bool(names) == everybody:
        raise typer.BadParameter("say which workers: names from `doctown workers`, or --all")

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            filters = ({"all": True} if everybody else {"workers": names}) | ({"undo": True} if undo else {})
            order = Order(actor=whoami(), command="drain", filter=filters, reason=reason)
            meant = await db_workers.drain(doctown.db, order, None if everybody else names, draining=not undo)
            left = [] if undo or not wait else await _drained(doctown.db, meant, timeout)
            found = [one for one in await db_workers.presences(doctown.db) if one.id in meant]
        if as_json:
            emit_json({"workers": [_plain(one) for one in found], "drained": not undo and wait and not left})
        else:
            out.print(_sentence(meant, left, undo=undo, wait=wait))
        return 5 if left else None

    execute(ctx, work)


async def _drained(db: Database, meant: list[UUID], timeout_s: float | None) -> list[Presence]:
    """Wait for them; those that are not drained when time is over. Who vanished or ended holds nobody up."""
    loop = asyncio.get_running_loop()
    until = None if timeout_s is None else loop.time() + timeout_s
    said = None
    while True:
        left = [
            one for one in await db_workers.presences(db) if one.id in meant and one.alive and one.drained_at is None
        ]
        held = sum(one.in_flight or 0 for one in left)
        if not left or (until is not None and loop.time() >= until):
            return left
        if (len(left), held) != said:
            said = (len(left), held)
            err.print(f"waiting for {_workers_word(len(left))} with {held} in flight")
        await asyncio.sleep(_LOOK_S)


def _sentence(meant: list[UUID], left: list[Presence], *, undo: bool, wait: bool) -> str:
    if not meant:
        return "no worker is alive"
    names = ", ".join(str(one)[:8] for one in meant)
    if undo:
        return f"working again: {names}"
    if left:
        return f"still at work: {', '.join(one.name for one in left)}"
    return f"drained: {names}" if wait else f"draining: {names}"


def _workers_word(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def _plain(one: Presence) -> dict[str, object]:
    return {"name": one.name, "state": one.state} | {
        name: getattr(one, name)
        for name in (
            "id", "host", "pid", "version", "stages", "slots", "in_flight", "held", "draining", "drained_at",
            "started_at", "seen_at", "alive",
        )
    }  # fmt: skip


def _workers(found: list[Presence]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("worker", "left"), ("state", "left"), ("host:pid", "left"), ("version", "left"), ("stages", "left"),
        ("slots", "right"), ("holds", "right"), ("since", "left"), ("seen", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in found:
        style = _STYLE.get(one.state, "magenta")
        table.add_row(
            one.name, f"[{style}]{one.state}[/]", f"{one.host}:{one.pid}" if one.host else "—", one.version or "—",
            " ".join(one.stages) or "—", "—" if one.slots is None else str(one.slots), str(one.held),
            moment(one.started_at), moment(one.seen_at),
        )  # fmt: skip
    return table


def _held(pieces: list[Held]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("worker", "left"), ("holds", "left"), ("stage", "left"), ("for", "right"), ("lease left", "right"),
        ("attempt", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in pieces:
        left = duration(one.left_s) if one.left_s > 0 else "[red]ran out[/]"
        table.add_row(
            str(one.worker)[:8], f"{one.repo}  {one.fqn}", str(one.stage), duration(one.since_s), left, str(one.attempt)
        )
    return table
