"""Progress bars with rate and time left, for people who watch; silent where nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)  # fmt: skip
from rich.text import Text

from db import report
from db.errors import StoreError
from db.session import Database
from db.types import Stage

_REFRESH_S = 0.5


class _Rate(ProgressColumn):
    """Finished per minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed * 60:,.0f}/min", style="dim")


def bars(console: Console, *, rate: bool = True) -> Progress:
    """The columns: what, how far, how fast, how long."""
    columns: list[ProgressColumn] = [
        TextColumn("{task.description:<8}"), BarColumn(bar_width=32), MofNCompleteColumn(),
        *([_Rate()] if rate else []), TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", style="dim"),
    ]  # fmt: skip
    return Progress(*columns, console=console, speed_estimate_period=60)


@asynccontextmanager
async def watching(
    db: Database, repo_id: int, chunks: list[int] | None, stages: Sequence[Stage], console: Console,
    note: Callable[[], str],
) -> AsyncIterator[None]:  # fmt: skip
    """Show how some stages of some chunks advance while the block runs; the figures are the store's."""
    with bars(console) as display:
        tasks = {stage: display.add_task(str(stage), total=None, note="") for stage in stages}
        watcher = asyncio.create_task(_watch(db, repo_id, chunks, display, tasks, note), name="bars")
        try:
            yield
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            await _look(db, repo_id, chunks, display, tasks, note)


async def _watch(
    db: Database, repo_id: int, chunks: list[int] | None, display: Progress, tasks: dict[Stage, TaskID],
    note: Callable[[], str],
) -> None:  # fmt: skip
    while True:
        await _look(db, repo_id, chunks, display, tasks, note)
        await asyncio.sleep(_REFRESH_S)


async def _look(
    db: Database, repo_id: int, chunks: list[int] | None, display: Progress, tasks: dict[Stage, TaskID],
    note: Callable[[], str],
) -> None:  # fmt: skip
    try:
        found = await report.scope_progress(db, repo_id, chunks, list(tasks))
    except StoreError:
        return  # the worker says what is wrong; bars stand still meanwhile
    for stage, (done, dead, total) in found.items():
        said = note() if stage is Stage.CODER else ""
        display.update(tasks[stage], completed=done, total=total, note=f"{dead} dead" if dead else said)
