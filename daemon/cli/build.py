"""build: index, document and report in one go."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from daemon.bootstrap import App, open_app
from daemon.cli.bars import watching
from daemon.cli.index import index_with_bars, print_report, repository_name
from daemon.cli.main import app, execute
from daemon.cli.options import Embedded, Language, whoami
from daemon.cli.output import err, out, show_hits, show_page
from daemon.cli.work import listen
from daemon.errors import ModelUnavailable
from daemon.identifiers import split
from daemon.search.hybrid import find
from daemon.settings import Settings
from daemon.work.events import Tally
from daemon.work.loop import Scope
from db import report
from db import requeue as db_requeue
from db.parsed import IndexReport
from db.types import TEXT_STAGES, Lane


@app.command()
def build(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The folder with the sources.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the repository; default: the folder's.")] = None,
    embedded: Embedded = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Document only the N most central chunks.")
    ] = None,
    language: Language = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Show one documented chunk and one search at the end.")
    ] = False,
    ask: Annotated[str | None, typer.Option("--ask", help="The question of that search.")] = None,
) -> None:
    """Index a folder, write what is due, and report. Run it again: only what changed is written again."""

    async def work(settings: Settings) -> int | None:
        chosen = settings.with_embedded_models() if embedded else settings
        started = time.monotonic()
        async with open_app(chosen, name="doctown build", upgrade=True) as doctown:
            await _require_models(doctown)
            repo = repository_name(path, name)
            indexed = await index_with_bars(doctown, path, repo, language)
            print_report(indexed, brief=True)
            if not indexed.chunks:
                out.print(f"nothing to document in {path}: no file in a language that Doctown reads")
            await doctown.switch_stages(actor=whoami())
            chunks = await report.central_chunks(doctown.db, indexed.repo_id, limit) if limit else None
            tally = await _write(doctown, indexed, chunks)
            if sample:
                await _show_sample(doctown, indexed, ask)
            return await _conclude(doctown, indexed, chunks, tally, time.monotonic() - started)

    execute(ctx, work)


async def _require_models(doctown: App) -> None:
    """Say at once that no model answers, not after minutes of work."""
    for stage in (one for one in TEXT_STAGES if one in doctown.settings.stages):
        health = await doctown.model(stage).check()
        if not health.ok:
            raise ModelUnavailable(
                f"{stage}: {health.summary}", f"{health.remedy} Or try it without a server: add --embedded.".strip()
            )


async def _write(doctown: App, indexed: IndexReport, chunks: list[int] | None) -> Tally:
    tally = Tally()
    if not indexed.chunks:
        return tally
    scope = Scope(repo_id=indexed.repo_id)
    if chunks is not None:
        await db_requeue.ask_for(doctown.db, chunks)
        scope = Scope(repo_id=indexed.repo_id, max_lane=Lane.ASKED)
    worker = doctown.worker(observers=[tally], scope=scope, refresh=chunks is None)
    stopping = asyncio.Event()
    listen(stopping, worker)

    def note() -> str:
        return f"{tally.regenerations} regenerated" if tally.regenerations else ""

    async with watching(doctown.db, indexed.repo_id, chunks, doctown.settings.stages, err, note):
        await worker.once(stopping)
    return tally


async def _show_sample(doctown: App, indexed: IndexReport, ask: str | None) -> None:
    for chunk in await report.central_chunks(doctown.db, indexed.repo_id, 50):
        page = await report.page(doctown.db, chunk)
        if page.content and page.kind != "FILE":
            break
    else:
        return
    show_page(page)
    name = page.fqn.rsplit(".", 1)[-1]
    question = ask or " ".join(split(name)[1:] or [name])
    found = await find(
        doctown.db, doctown.embedder(), question, limit=5, repo=indexed.repo, former=doctown.former_embedder
    )
    show_hits(question, found.hits, meaning=found.by_meaning)


async def _conclude(
    doctown: App, indexed: IndexReport, chunks: list[int] | None, tally: Tally, seconds: float
) -> int | None:
    meant = chunks if chunks is not None else await report.central_chunks(doctown.db, indexed.repo_id, 2_000_000_000)
    done = await report.documented(doctown.db, meant, doctown.settings.stages)
    if tally.dead:
        err.print(f"{tally.dead} failed for good; the last error: {tally.last_error}", soft_wrap=True, markup=False)
        err.print("`doctown status` counts them, `doctown requeue --state dead` tries again.")
    out.print(
        f"documented {done} chunks of {indexed.chunks} in {seconds:.0f} s; texts {tally.texts}, "
        f"regenerated {tally.regenerations}", soft_wrap=True,
    )  # fmt: skip
    return 5 if done < len(meant) else None
