"""why: what each text of a symbol was made from, what differs by now, and what will happen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from daemon.bootstrap import App, open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, moment, out
from daemon.cli.show import list_pages
from daemon.errors import PromptError, SourceError
from daemon.safety.material import Safety
from daemon.settings import Settings
from daemon.work.why import Change, Now, Why, Would, explain
from db import gather as db_gather
from db import refresh as db_refresh
from db import report
from db import why as db_why
from db.refresh import Recipes
from db.types import Material, Stage
from db.why import Facts

_COLOURS = {"current": "green", "due": "yellow", "retrying": "magenta", "leased": "cyan", "dead": "red",
            "outdated": "yellow", "missing": "yellow"}  # fmt: skip


@app.command()
def why(
    ctx: typer.Context,
    fqn: Annotated[str, typer.Argument(help="Full name, or the end of it: `Service.save`, `save`.")],
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Tell of each text of a symbol why it is due, or why it is not.

    What it was made from and what it would be made from now are compared part by part: its code, what each neighbour
    shows of itself, prompt, model, options, language. Then what will happen: a call, a text from the ledger, nothing.
    """

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            pages = await report.pages(doctown.db, fqn, repo=repo)
            if len({(page.repo, page.fqn, page.kind) for page in pages}) > 1 and not as_json:
                list_pages(pages)
                out.print("say which one, with --repo or its full name")
                return 2
            stories = await stories_of(doctown, [page.chunk_id for page in pages])
        if as_json:
            emit_json(stories)
        else:
            for story in stories:
                _show(story)
        return None

    execute(ctx, work)


async def stories_of(doctown: App, chunks: Sequence[int]) -> list[Why]:
    """The story of each text of some chunks."""
    recipes = await doctown.present_recipes()
    facts = await db_why.facts(doctown.db, chunks)
    parts = await db_refresh.parts_of(doctown.db, [one.made_by for one in facts if one.made_by])
    _, refresh = await db_refresh.announced(doctown.db)
    stories = []
    for stage in Stage:
        told = [one for one in facts if one.stage is stage]
        now = await _now(doctown, stage, told, recipes) if told else {}
        coder_due = {one.chunk_id for one in facts if one.stage is Stage.CODER and one.due}
        stories += [
            explain(
                one, parts.get(one.made_by or "", {}), now[one.chunk_id], refresh=refresh,
                coder_due=one.chunk_id in coder_due,
            )
            for one in told
            if one.chunk_id in now
        ]  # fmt: skip
    order = {chunk: place for place, chunk in enumerate(chunks)}
    return sorted(stories, key=lambda story: (order[story.chunk_id], list(Stage).index(story.stage)))


async def _now(doctown: App, stage: Stage, facts: Sequence[Facts], recipes: Recipes) -> dict[int, Now]:
    """What each would be made from now; a chunk that was deleted meanwhile is absent."""
    by_recipe = {one.chunk_id: recipes.of(stage, one.strategy, one.language) for one in facts}
    if stage is Stage.EMBED:
        model = doctown.embedder().name
        return {
            one.chunk_id: Now(
                recipe=by_recipe[one.chunk_id], parts=recipes.parts.get(by_recipe[one.chunk_id] or "", {}), model=model
            )
            for one in facts
        }
    materials = await db_gather.look(
        doctown.db, [one.chunk_id for one in facts], stage, language=doctown.settings.language
    )
    safety = Safety(doctown.settings.safety)
    text_stage = doctown.text_stage(stage)

    def key(material: Material) -> str:
        with suppress(PromptError, SourceError):
            return text_stage.key(material)
        return ""

    safe = {chunk: safety.material(material).material for chunk, material in materials.items()}
    keys = {chunk: key(material) for chunk, material in safe.items()}
    held = await db_gather.recall(doctown.db, [one for one in keys.values() if one])
    return {
        chunk: Now(
            recipe=by_recipe[chunk], parts=recipes.parts.get(by_recipe[chunk] or "", {}), key=keys[chunk],
            made_from=text_stage.made_from(material) if keys[chunk] else None, in_ledger=keys[chunk] in held,
            model=text_stage.model.name,
        )
        for chunk, material in safe.items()
    }  # fmt: skip


def _show(story: Why) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    reason = f", because of {story.reason}" if story.reason else ""
    grid.add_row("state", Text(f"{story.state}{reason}", style=_COLOURS.get(story.state, "")))
    if story.since:
        grid.add_row("since", moment(story.since))
    made = {
        "hand": "by hand",
        "none": "not yet",
        "ledger": f"by {story.model}, taken from the ledger",
        "forgotten": "by a model; the ledger no longer holds the row",
    }.get(story.origin, f"by {story.model or 'a model'}")
    grid.add_row("written", made)
    for change in story.changes:
        grid.add_row("differs", _change(change))
    if story.last_error:
        grid.add_row("error", Text(story.last_error))
    colour = {Would.CALL: "yellow", Would.EMBED: "yellow", Would.LEDGER: "cyan"}.get(story.would, "")
    grid.add_row("next", Text(f"{story.would}: {story.because}", style=colour))
    part = f", part {story.part}" if story.part else ""
    title = Text.assemble((story.fqn, "bold"), f"{part}  {story.stage}")
    out.print(Panel(grid, title=title, title_align="left", border_style=_COLOURS.get(story.state, "")))


def _change(change: Change) -> Text:
    which = f" {change.which}" if change.which else ""
    said = f"{change.area}: {change.what}{which}, {change.how}"
    if change.before is not None or change.now is not None:
        said = f"{change.area}: {change.what}{which}, {_value(change.before)} -> {_value(change.now)}"
    return Text(said)


def _value(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
