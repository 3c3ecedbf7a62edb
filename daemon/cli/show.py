"""show: one symbol with its texts, their quality, where they come from, and what a model would be asked now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from daemon.bootstrap import App, open_app
from daemon.cli.ask import ask_now
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.origins import show_origins, show_prompt
from daemon.cli.output import emit_json, err, out, show_page
from daemon.index.sheets import sheets_of
from daemon.safety.material import Safety
from daemon.settings import Settings
from db import gather as db_gather
from db import provenance, report
from db.report import Page
from db.types import Stage


@app.command()
def show(
    ctx: typer.Context,
    fqn: Annotated[str, typer.Argument(help="Full name, or the end of it: `Service.save`, `save`.")],
    repo: Repo = None,
    source: Annotated[bool, typer.Option("--source", "-s", help="Show the source code too.")] = False,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Show the fact sheet too, though there are texts already.")
    ] = False,
    origin: Annotated[
        bool, typer.Option("--provenance", help="Say of each text by which model, prompt and inputs it came about.")
    ] = False,
    prompt: Annotated[
        Stage | None,
        typer.Option("--prompt", help="Show what this stage would send to its model now; nothing is sent."),
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Have it written now if it is not there: before everything else, and wait.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Wait no longer than so many seconds; exit code 5 then.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is written about a symbol. Where a name is not unique, all that bear it are listed.

    Before any text is written, the fact sheet says what the index knows by itself. With --now the daemons write what is
    missing or outdated before anything else, each text is shown as it arrives, and where no daemon works, this command
    does.
    """
    if prompt is Stage.EMBED:
        raise typer.BadParameter("embed sends no prompt", param_hint="--prompt")
    if prompt is not None and origin:
        raise typer.BadParameter("ask for one of them at a time: --prompt or --provenance")
    if now and (prompt is not None or origin):
        raise typer.BadParameter("--now shows texts: leave --prompt and --provenance to a second look")
    if timeout is not None and not now:
        raise typer.BadParameter("only --now waits", param_hint="--timeout")

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            found = await report.pages(doctown.db, fqn, repo=repo)
            unique = len({(page.repo, page.fqn) for page in found}) == 1
            if now and unique:
                return await _now(doctown, found, source=source, timeout_s=timeout, as_json=as_json)
            pages = await _with_sheets(doctown, found)
            unique = len({page.fqn for page in pages}) == 1
            if now:
                list_pages(pages)
                err.print("say which one, with --repo or its full name")
                return 2
            if prompt is not None and (unique or as_json):
                asked = await _prompts(doctown, prompt, pages)
                emit_json(asked) if as_json else show_prompt(asked)
            elif origin and (unique or as_json):
                origins = await provenance.origins(doctown.db, [page.chunk_id for page in pages])
                emit_json(origins) if as_json else show_origins(pages, origins)
            elif as_json:
                emit_json(pages)
            elif unique:
                for page in pages:
                    show_page(page, source=source, sheet=sheet)
            else:
                list_pages(pages)
        return None

    execute(ctx, work)


async def _now(
    doctown: App, pages: Sequence[Page], *, source: bool, timeout_s: float | None, as_json: bool
) -> int | None:
    done = await ask_now(doctown, pages, source=source, timeout_s=timeout_s, quiet=as_json)
    if as_json:
        emit_json([await report.page(doctown.db, page.chunk_id) for page in pages])
    return None if done else 5


def list_pages(pages: Sequence[Page]) -> None:
    """All that bear a name that is not unique."""
    out.print(f"{len(pages)} symbols are called that:")
    for page in pages:
        where = f"{page.path}:{page.line_start}" if page.path else ""
        out.print(f"  {page.repo}  [bold]{page.fqn}[/]  {page.kind.lower()}  [cyan]{where}[/]")


async def _with_sheets(doctown: App, pages: Sequence[Page]) -> list[Page]:
    """A foreign index has no fact sheets until the daemon has worked on it: these are rendered for this look alone."""
    lacking = [page.chunk_id for page in pages if page.explain_md is None]
    found = (
        await sheets_of(doctown.db, lacking, language=doctown.settings.language, folder=doctown.prompts.folder)
        if lacking
        else {}
    )
    return [replace(page, explain_md=found.get(page.chunk_id, page.explain_md)) for page in pages]


async def _prompts(doctown: App, stage: Stage, pages: Sequence[Page]) -> list[dict[str, Any]]:
    """What would be sent for each page. Raises SourceError when the stage has nothing to work on yet."""
    text_stage = doctown.text_stage(stage)
    safety = Safety(doctown.settings.safety)
    chunks = [page.chunk_id for page in pages]
    materials = await db_gather.look(doctown.db, chunks, stage, language=doctown.settings.language)
    return [
        {
            "chunk_id": page.chunk_id, "repo": page.repo, "fqn": page.fqn, "part": page.part, "stage": stage,
            "model": text_stage.model.name, "options": dict(text_stage.model.options),
            "prompts": [
                {"system": system, "user": user}
                for system, user in text_stage.render(safety.material(materials[page.chunk_id]).material)
            ],
        }
        for page in pages
        if page.chunk_id in materials
    ]  # fmt: skip
