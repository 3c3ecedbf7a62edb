"""plan: what writing all that is due would take, before anything is paid for; of a folder too, without indexing it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from daemon.bootstrap import App, open_app
from daemon.cli.index import repository_name
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import duration, emit_json, out, plain
from daemon.errors import PromptError, SourceError
from daemon.index.compare import Changes, compare
from daemon.index.look import look_at
from daemon.index.roletable import table_of
from daemon.index.since import look_since
from daemon.safety.material import Safety
from daemon.settings import Settings
from daemon.stages.by_strategy import ByStrategy
from daemon.work.forecast import Forecast, Piece, Seat, forecast, from_changes
from db import gather as db_gather
from db import index as db_index
from db import plan as db_plan
from db.plan import Due
from db.refresh import Recipes
from db.types import TEXT_STAGES, Material, Reason, Stage

_BATCH = 200  # materials that are looked at together
OVER = 7


@app.command()
def plan(
    ctx: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(help="A folder: what an index run of it would make due. Nothing is indexed.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Of PATH: name of its repository; default: the folder's.")
    ] = None,
    repo: Repo = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="A commit, branch or tag: what PATH (default: .) costs beyond it."),
    ] = None,
    fail_over: Annotated[
        int | None, typer.Option("--fail-over", min=0, help=f"Exit code {OVER} if it may take more model calls.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what it would take to write what is due: texts by reason, calls, texts from the ledger, tokens, time.

    Nothing is written and no model is asked. Without PATH it is about the index as it is, and about what another
    prompt, model or language than now has made. With PATH the folder is read and compared with the index in memory;
    with --since it is compared with a commit of its history instead, whatever the index holds.
    Texts that are made from other texts follow only if those come out different: they are told apart. Tokens and time
    are medians of what such texts have taken so far.
    """
    folder = Path() if path is None and since is not None else path
    if folder is not None and repo is not None:
        raise typer.BadParameter("a folder has its repository by --name", param_hint="--repo")
    if name is not None and folder is None:
        raise typer.BadParameter("only PATH has a name of its own", param_hint="--name")

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            if folder is None:
                told = await plan_index(doctown, repo)
            else:
                told = await plan_folder(doctown, folder, repository_name(folder, name), since)
        if as_json:
            emit_json({**plain(told), "at_most": told.at_most})
        else:
            _show(told)
        return OVER if fail_over is not None and told.at_most > fail_over else None

    execute(ctx, work)


async def plan_index(doctown: App, repo: str | None) -> Forecast:
    """What the index as it is would take. Raises NotFound."""
    recipes = await doctown.present_recipes()
    refresh = doctown.settings.queue.refresh == "auto"
    due = await db_plan.due(doctown.db, recipes, repo=repo, refresh=refresh)
    kept = () if refresh else await db_plan.due(doctown.db, recipes, repo=repo, refresh=True)
    coder = {one.chunk_id: one for one in due if one.stage is Stage.CODER}
    above = [one for one in await db_plan.above(doctown.db, list(coder), repo=repo) if one.chunk_id not in coder]
    pieces, following = await _weigh(doctown, Stage.CODER, list(coder.values()), {})
    for stage in (Stage.TALKER, Stage.INSTRUCT):
        if stage not in doctown.settings.stages:
            continue
        mine = {one.chunk_id: one for one in due if one.stage is stage}
        told = {chunk: text for chunk, text in following.items() if text is not None}
        written, _ = await _weigh(
            doctown, stage,
            [one for chunk, one in mine.items() if chunk not in following]
            + [replace(coder[chunk], stage=stage, reason=Reason.RAW_CHANGED) for chunk in told],
            told,
        )  # fmt: skip
        pieces += written
        pieces += [
            Piece(
                repo=one.repo, stage=stage, chars=one.chars, sure=chunk in mine or one.reason == Reason.NEW,
                reason=mine[chunk].reason if chunk in mine else
                Reason.NEW if one.reason == Reason.NEW else Reason.RAW_CHANGED,
            )
            for chunk, one in coder.items()
            if following.get(chunk, "") is None
        ]  # fmt: skip
    # A new whole is written for certain; by a call, if any text below it is.
    asked = {one.repo for one in pieces if one.sure and not one.served}
    for one in above:
        sure = one.reason == Reason.NEW and one.repo in asked
        pieces += from_changes(one.repo, [(one.reason, one.chars, False, sure)], stages=doctown.settings.stages)
    notes = []
    if len(kept) > len(due):
        notes.append(
            f"{len(kept) - len(due)} texts were made by other prompts, models or options and stay: queue.refresh is "
            "manual, and `doctown requeue --outdated` makes them due"
        )
    return forecast(pieces, await db_plan.costs(doctown.db), _seats(doctown), notes=notes)


async def _weigh(
    doctown: App, stage: Stage, due: Sequence[Due], raw: dict[int, str]
) -> tuple[list[Piece], dict[int, str | None]]:
    """Pieces, and of each chunk the text that the ledger has for it, None where a model is to be asked.

    ``raw``: technical texts that will be there by then.
    """
    text_stage = doctown.text_stage(stage)
    safety = Safety(doctown.settings.safety)
    pieces: list[Piece] = []
    texts: dict[int, str | None] = {}
    for batch in _batches(due):
        chunks = [one.chunk_id for one in batch]
        materials = await db_gather.look(doctown.db, chunks, stage, language=doctown.settings.language)
        keys = {
            one.chunk_id: _key(text_stage, safety, materials[one.chunk_id], raw.get(one.chunk_id))
            for one in batch
            if one.chunk_id in materials and one.reason != Reason.REQUEUED
        }
        held = await db_gather.recall(doctown.db, [key for key in keys.values() if key])
        for one in batch:
            found = held.get(keys.get(one.chunk_id, ""))
            texts[one.chunk_id] = found[1] if found else None
            pieces.append(
                Piece(repo=one.repo, stage=stage, reason=one.reason, chars=one.chars, served=found is not None)
            )
    return pieces, texts


def _key(stage: ByStrategy, safety: Safety, material: Material, raw: str | None) -> str:
    shown = safety.material(material if raw is None else replace(material, content_raw=raw)).material
    with suppress(PromptError, SourceError):
        return stage.key(shown)
    return ""


def _batches(due: Sequence[Due]) -> Iterator[list[Due]]:
    left = iter(due)
    while batch := list(islice(left, _BATCH)):
        yield batch


async def plan_folder(doctown: App, path: Path, name: str, since: str | None = None) -> Forecast:
    """What an index run of a folder would make due beyond what is due already; writes nothing.

    ``since`` a commit: beyond what is written for that commit, if all of it is. Raises SourceError.
    """
    recipes = await doctown.present_recipes()
    repository = await db_index.find_repository(doctown.db, name)
    settings = doctown.settings.index
    table, notes = table_of(settings.roles), []
    if since is not None:
        seen = await asyncio.to_thread(look_since, path, since, name, settings, table)
        known, found = seen.known, seen.found
        notes = [f"beyond commit {seen.commit[:12]}, as if all of it were written"]
    else:
        known = await db_plan.indexed(doctown.db, repository.id if repository else 0)
        files = await db_index.known_files(doctown.db, repository.id) if repository else {}
        roots = repository.roots if repository else None
        found = await asyncio.to_thread(look_at, path, files, settings, roots)
        if repository is None:
            notes = [f"{name} is not indexed yet"]
    changes = await asyncio.to_thread(compare, name, known, found.files, found.gone, table)
    served = await _served(doctown, changes, recipes, repository.language if repository else None)
    asked = any(one.source_key is not None and one.source_key not in served for one in changes.due)
    rows = [
        (
            str(one.reason), one.chars, one.source_key in served,
            one.source_key is not None or (one.reason is Reason.NEW and asked),
        )
        for one in changes.due
    ]  # fmt: skip
    return forecast(
        from_changes(name, rows, stages=doctown.settings.stages), await db_plan.costs(doctown.db), _seats(doctown),
        gone=len(changes.gone), notes=notes,
    )  # fmt: skip


async def _served(doctown: App, changes: Changes, recipes: Recipes, language: str | None) -> set[str | None]:
    """The source keys that the ledger has an answer for."""
    wanted = {
        one.source_key: recipe
        for one in changes.due
        if one.source_key and (recipe := recipes.of(Stage.CODER, one.strategy, language))
    }
    return {*(await db_plan.made_of(doctown.db, Stage.CODER, wanted))} if wanted else set()


def _seats(doctown: App) -> dict[Stage, Seat]:
    settings = doctown.settings
    return {
        stage: Seat(
            model=doctown.model(stage).name, endpoint=settings.models.of(stage).endpoint,
            slots=settings.endpoints[settings.models.of(stage).endpoint].slots,
        )
        for stage in TEXT_STAGES
    }  # fmt: skip


def _show(told: Forecast) -> None:
    if not told.lines:
        out.print("nothing is due: no model would be asked")
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("repository", "stage", "reason", "texts", "from the ledger", "calls", "calls that may follow"):
            table.add_column(title, justify="left" if title in {"repository", "stage", "reason"} else "right")
        before = ""
        for line in told.lines:
            figures = (line.texts, line.ledger, line.calls, line.following)
            table.add_row(
                line.repo if line.repo != before else "", str(line.stage), line.reason, *(f"{one:,}" for one in figures)
            )
            before = line.repo
        out.print(table)
        out.print(f"\n{told.calls:,} calls, at most {told.at_most:,}; {told.ledger:,} texts from the ledger")
        out.print(_estimate(told), soft_wrap=True)
    if told.gone:
        out.print(f"{told.gone:,} pieces are gone: their texts leave the documentation, the ledger keeps them")
    for note in told.notes:
        out.print(note, soft_wrap=True)


def _estimate(told: Forecast) -> str:
    if told.seconds is None or told.prompt_tokens is None or told.output_tokens is None:
        return "no history yet: nothing was written by these models, so tokens and time are not known"
    known = (
        f"at most about {told.prompt_tokens:,} tokens in, {told.output_tokens:,} out, "
        f"{duration(told.seconds)} of work, by the medians of what was written so far"
    )
    if told.without_history:
        return f"{known}; {told.without_history:,} calls are not in it: no history of their stage and model yet"
    return known
