"""show --now: a person asks for a text now, waits for it, and reads each as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

from daemon.bootstrap import App
from daemon.cli.output import err, show_facts, show_stage_text, text_of
from daemon.errors import ModelUnavailable
from daemon.work.loop import Scope
from db import report
from db import requeue as db_requeue
from db import workers as db_workers
from db.report import Page
from db.types import TEXT_STAGES, Lane, Stage

_LOOK_S = 0.3
_UNDONE = ("due", "leased", "retrying")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the texts of one chunk stand: ready ones, dead ones with their error, and what is waited for."""

    ready: tuple[Stage, ...]
    dead: dict[Stage, str]
    waits: str  # in words; empty when nothing is waited for any more


def progress(page: Page) -> Progress:
    """Pure: what a look at the chunk says. A text that is being replaced is not ready; one without work is."""
    states = {work["stage"]: work for work in page.work}
    ready, dead, waits = [], {}, ""
    behind = False  # the others retell what Coder writes: while that is under way, their old texts are no answer
    for stage in TEXT_STAGES:
        work = states.get(stage)
        if work and work["state"] == "dead":
            dead[stage] = work["last_error"] or work["error_class"] or ""
            behind = behind or stage is Stage.CODER
        elif behind or (work and work["state"] in _UNDONE):
            waits = waits or f"{stage}: {_said(page, work)}"
            behind = behind or stage is Stage.CODER
        elif text_of(page, stage):
            ready.append(stage)
    return Progress(ready=tuple(ready), dead=dead, waits="" if Stage.CODER in dead else waits)


def _said(page: Page, work: dict[str, str] | None) -> str:
    if work is None:
        return "comes next"
    if work["state"] == "leased":
        return "is being written"
    if page.waits:
        return f"waits, {page.waits}"
    if work["state"] == "retrying":
        return f"is tried again soon: {work['last_error']}"
    return "waits for a free place" if not work["last_error"] else f"waits: {work['last_error']}"


async def ask_now(doctown: App, pages: Sequence[Page], *, source: bool, timeout_s: float | None, quiet: bool) -> bool:
    """Ask, wait, print (unless ``quiet``); whether all texts are there.

    Raises ModelUnavailable when nobody could write them.
    """
    await db_requeue.ask_for(doctown.db, [page.chunk_id for page in pages], revive=True)
    undone = any([progress(await report.page(doctown.db, page.chunk_id)).waits for page in pages])
    async with _somebody_works(doctown, pages[0]) if undone else nullcontext():
        try:
            async with asyncio.timeout(timeout_s):
                done = [await _wait_for(doctown, page, source=source, quiet=quiet) for page in pages]
        except TimeoutError:
            err.print("not there yet; it stays at the head of the queue", soft_wrap=True)
            return False
    return all(done)


async def _wait_for(doctown: App, page: Page, *, source: bool, quiet: bool) -> bool:
    if not quiet:
        show_facts(page, source=source, standing=False)
    printed: set[Stage] = set()
    said = ""
    while True:
        page = await report.page(doctown.db, page.chunk_id)
        now = progress(page)
        for stage in now.ready:
            if stage not in printed and not quiet:
                printed.add(stage)
                show_stage_text(page, stage)
        for stage, error in now.dead.items():
            err.print(f"{stage} was given up: {error}", soft_wrap=True, markup=False)
        if not now.waits:
            if not now.ready and not now.dead:
                err.print("nothing can be written about it: the index has no source of it", soft_wrap=True)
            return bool(now.ready) and not now.dead
        if now.waits != said:
            said = now.waits
            err.print(said, style="dim", soft_wrap=True, markup=False)
        await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def _somebody_works(doctown: App, page: Page) -> AsyncIterator[None]:
    """Daemons that are alive do it; for stages that none of them works on, this process does."""
    alive = [one for one in await db_workers.presences(doctown.db) if one.alive and not one.draining]
    wanted = [stage for stage in TEXT_STAGES if stage in doctown.settings.stages]
    missing = [stage for stage in wanted if not any(stage in one.stages for one in alive)]
    if not missing:
        yield
        return
    for stage in missing:
        health = await doctown.model(stage).check()
        if not health.ok:
            raise ModelUnavailable(f"no daemon works on {stage}, and here: {health.summary}", health.remedy)
    err.print(f"no daemon works on {' and '.join(missing)}: written here", style="dim")
    repo_id = await report.repository_of(doctown.db, page.chunk_id)
    scope = Scope(repo_id=repo_id, max_lane=Lane.ASKED)
    worker = doctown.worker(stages=missing, scope=scope, refresh=False)
    stopping = asyncio.Event()
    working = asyncio.create_task(worker.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await working
