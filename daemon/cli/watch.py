"""status --watch: the queue, the workers, the budget and the last minute, live in a terminal."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon.cli.budget import uses_table, waiting_lines
from daemon.cli.output import duration
from db import budget as db_budget
from db import figures as db_figures
from db import workers as db_workers
from db.budget import Rules, Use
from db.errors import StoreError
from db.figures import Figures
from db.session import Database
from db.types import Lane, Stage, State
from db.workers import Held, Presence

_HISTORY = 60  # looks that the small curve remembers
_BARS = " ▁▂▃▄▅▆▇█"
_HELD = 6
_SHORTEST = 16  # lines that are shown however low the terminal is


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at everything that is shown."""

    at: datetime
    figures: Figures
    uses: Sequence[Use]
    workers: Sequence[Presence]
    held: Sequence[Held]


async def watch(db: Database, rules: Rules, console: Console, *, repo: str | None, every_s: float) -> None:
    """Show it until interrupted; a database that goes away for a while is said so, and waited for.

    In a terminal one picture replaces the other; into a pipe they are written one after the other.
    """
    curve: deque[int] = deque(maxlen=_HISTORY)
    last: Look | None = None
    with Live(console=console, auto_refresh=False, screen=True) if console.is_terminal else nullcontext() as live:
        while True:
            trouble = ""
            try:
                last = await _look(db, rules)
                curve.append(sum(one.texts for one in last.figures.recent.values()))
            except StoreError as error:
                trouble = str(error)
            shown = picture(last, list(curve), repo=repo, trouble=trouble, height=console.height)
            if live is None:
                console.print(shown)
            else:
                live.update(shown, refresh=True)
            await asyncio.sleep(every_s)


async def _look(db: Database, rules: Rules) -> Look:
    return Look(
        at=datetime.now(UTC), figures=await db_figures.look(db), uses=await db_budget.uses(db, rules),
        workers=await db_workers.presences(db), held=await db_workers.held(db, limit=_HELD),
    )  # fmt: skip


def picture(
    look: Look | None, curve: Sequence[int], *, repo: str | None, trouble: str = "", height: int = 40
) -> RenderableType:
    """The whole screen."""
    parts: list[RenderableType] = []
    if look is None:
        parts.append(Text(f"waiting for the database: {trouble}" if trouble else "looking …", style="yellow"))
        return Group(*parts)
    parts.append(_head(look, curve))
    if trouble:
        parts.append(Text(f"the database does not answer: {trouble}", style="bold red"))
    parts.extend(Text(line, style="yellow") for line in _notes(look))
    parts += [Text(), _queue(look.figures, repo)]
    if any(one.calls or one.limits for one in look.uses):
        shown = [one for one in look.uses if one.repo is None or one.limits or one.repo == repo]
        parts += [Text(), uses_table(shown)]
    if height > _SHORTEST:
        parts += [Text(), _workers(look.workers)]
        if look.held:
            parts += [Text(), _held(look.held)]
        parts += [Text(), _health(look.figures)]
    return Group(*parts)


def _head(look: Look, curve: Sequence[int]) -> Text:
    figures = look.figures
    recent = figures.recent.values()
    texts, written, tokens = (sum(getattr(one, name) for one in recent) for name in ("texts", "written", "tokens"))
    reused = texts - written
    alive = figures.workers["alive"] + figures.workers["draining"]
    return Text.assemble(
        (f"{look.at:%H:%M:%S} UTC  ", "dim"),
        (f"{texts} texts", "bold green" if texts else "dim"), " in the last minute",
        f" ({reused} from the ledger)" if reused else "", f", {tokens:,} tokens  ",
        (f"{alive} {'daemon' if alive == 1 else 'daemons'}", "bold" if alive else "bold red"), "  ",
        (curve_of(curve), "cyan"),
    )  # fmt: skip


def curve_of(values: Sequence[int]) -> str:
    """Small bars, the tallest for the largest value; empty where nothing ever was."""
    top = max(values, default=0)
    if not top:
        return ""
    return "".join(_BARS[-(-value * (len(_BARS) - 1) // top)] for value in values)


def _notes(look: Look) -> list[str]:
    figures = look.figures
    notes = ["everything is paused: `doctown resume --all`"] if figures.everything_paused else []
    paused = sorted(repo for repo, is_paused in figures.paused.items() if is_paused)
    notes += [f"paused: {', '.join(paused)}"] if paused else []
    notes += waiting_lines(list(look.uses))
    if figures.workers["vanished"]:
        notes.append(f"{figures.workers['vanished']} daemons have vanished: `doctown workers`")
    if not figures.workers["alive"] and not figures.workers["draining"] and figures.pieces:
        notes.append("no daemon is at work: `doctown run`")
    return notes


def _queue(figures: Figures, repo: str | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("repository", "stage", "asked", "new", "refresh", "leased", "retrying", "dead", "oldest", "per min"):
        table.add_column(name, justify="left" if name in {"repository", "stage"} else "right")
    stages = [str(stage) for stage in Stage]
    keys = {(one.repo, one.stage) for one in figures.pieces} | set(figures.recent)
    shown = sorted((key for key in keys if repo in {None, key[0]}), key=lambda key: (key[0], stages.index(key[1])))
    before = ""
    for name, stage in shown:
        mine = [one for one in figures.pieces if (one.repo, one.stage) == (name, stage)]
        due = {lane: sum(one.count for one in mine if one.state == State.DUE and one.lane == lane) for lane in Lane}
        states = {state: sum(one.count for one in mine if one.state == state) for state in State}
        oldest = max((one.oldest_s for one in mine if one.state == State.DUE), default=None)
        recent = figures.recent.get((name, stage))
        table.add_row(
            name if name != before else "", stage,
            _count(due[Lane.ASKED], "bold yellow"), _count(due[Lane.NEW], "yellow"), _count(due[Lane.REFRESH], "blue"),
            _count(states[State.LEASED], "cyan"), _count(states[State.RETRYING], "magenta"),
            _count(states[State.DEAD], "red"), duration(oldest), "—" if recent is None else f"{recent.texts}",
        )  # fmt: skip
        before = name
    if not shown:
        table.add_row(Text("nothing is left to do", style="green"))
    return table


def _workers(found: Sequence[Presence]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("worker", "state", "host:pid", "holds", "slots"):
        table.add_column(name, justify="right" if name in {"holds", "slots"} else "left")
    for one in found:
        where = f"{one.host}:{one.pid}" if one.host else "—"
        table.add_row(one.name, one.state, where, str(one.held), "—" if one.slots is None else str(one.slots))
    return table


def _held(pieces: Sequence[Held]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("longest held", "stage", "for", "attempt"):
        table.add_column(name, justify="right" if name in {"for", "attempt"} else "left")
    for one in pieces:
        table.add_row(f"{one.repo}  {one.fqn}", str(one.stage), duration(one.since_s), str(one.attempt))
    return table


def _health(figures: Figures) -> Text:
    work = next((one for one in figures.tables if one.table == "work"), None)
    dead_rows = "—" if work is None else f"{work.dead:,} of {work.live + work.dead:,}"
    return Text(
        f"database: {figures.connections} connections, oldest transaction {duration(figures.oldest_transaction_s)}, "
        f"dead rows in work {dead_rows}",
        style="dim",
    )


def _count(number: int, style: str) -> Text:
    return Text(f"{number:,}", style=style) if number else Text("0", style="dim")
