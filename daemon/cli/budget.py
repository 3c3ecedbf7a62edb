"""budget: what models were used for today, what may be used, and other limits while the daemons run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Reason, Repo, whoami
from daemon.cli.output import duration, emit_json, moment, out
from daemon.settings import Settings
from daemon.work.budget import rules_of
from db import budget as db_budget
from db.audit import Order
from db.budget import UNLIMITED, Use

group = typer.Typer(invoke_without_command=True, help="What models may be used for in a day, and what they were.")
app.add_typer(group, name="budget")

_WORDS = "A number, `unlimited`, or `default` for what the configuration says."
_NEARLY = 0.9


@group.callback()
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Show what is used today, of how much, and what waits for tomorrow."""
    if ctx.invoked_subcommand is not None:
        return

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await db_budget.uses(doctown.db, rules_of(settings.budget))
        if as_json:
            emit_json(found)
        else:
            out.print(uses_table(found))
            for line in waiting_lines(found):
                out.print(line, soft_wrap=True, markup=False)

    execute(ctx, work)


@group.command(name="set")
def set_limits(
    ctx: typer.Context,
    repo: Repo = None,
    calls: Annotated[str | None, typer.Option("--calls", help=f"Calls of text models in a day. {_WORDS}")] = None,
    tokens: Annotated[str | None, typer.Option("--tokens", help="Tokens of prompts and answers, the same way.")] = None,
    seconds: Annotated[str | None, typer.Option("--seconds", help="Seconds that models work, the same way.")] = None,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Set limits for a repository, or for all together, over those of the configuration; at once, for all daemons."""
    given = {"calls": calls, "tokens": tokens, "seconds": seconds}
    changes = {name: _limit(name, value) for name, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("say which limit: --calls, --tokens or --seconds")

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            filters = {"repo": repo or "all together", **{name: given[name] for name in changes}}
            order = Order(actor=whoami(), command="budget set", filter=filters, reason=reason)
            await db_budget.limit(doctown.db, order, repo, changes)
            found = await db_budget.uses(doctown.db, rules_of(settings.budget))
        shown = [one for one in found if one.repo == repo]
        if as_json:
            emit_json(shown[0])
        else:
            out.print(uses_table(shown))

    execute(ctx, work)


def uses_table(uses: list[Use]) -> Table:
    """What is used of what, one line for all repositories together and one for each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("today", "calls", "tokens", "model time"):
        table.add_column(name, justify="left" if name == "today" else "right")
    for one in uses:
        most = one.limits
        table.add_row(
            one.repo or "all together",
            _of(one.calls, most.calls, f"{one.calls:,}", "" if most.calls is None else f"{most.calls:,}"),
            _of(one.tokens, most.tokens, f"{one.tokens:,}", "" if most.tokens is None else f"{most.tokens:,}"),
            _of(one.seconds, most.seconds, duration(one.seconds), duration(most.seconds)),
        )
    return table


def waiting_lines(uses: list[Use]) -> list[str]:
    """One sentence for each budget that is used up."""
    return [
        f"{one.repo or 'everything'} waits until {moment(one.until)} UTC: {one.reason}"
        for one in uses
        if isinstance(one.until, datetime)
    ]


def _of(used: float, most: float | None, said: str, said_most: str) -> Text:
    if most is None:
        return Text(said)
    style = "red" if used >= most else "yellow" if used >= _NEARLY * most else "green"
    return Text(f"{said} of {said_most}", style=style)


def _limit(name: str, value: str) -> float | None:
    if value == "default":
        return None
    if value == "unlimited":
        return float(UNLIMITED) if name == "seconds" else UNLIMITED
    try:
        number = float(value) if name == "seconds" else int(value.replace("_", "").replace(",", ""))
    except ValueError:
        raise typer.BadParameter(f"{value!r} is no number", param_hint=f"--{name}") from None
    if not 0 <= number < UNLIMITED:
        raise typer.BadParameter("must not be negative, nor beyond what a day can hold", param_hint=f"--{name}")
    return number
