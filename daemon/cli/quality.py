"""quality: which texts are worst, and by which defect, prompt, model or repository they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, out
from daemon.settings import Settings
from db import quality as db_quality
from db.quality import By, Group, Judged
from db.types import Stage

_WIDE = 100  # columns from which a table has room for all its figures
_GOOD, _FAIR = 0.8, 0.5


@app.command()
def quality(
    ctx: typer.Context,
    repo: Repo = None,
    by: Annotated[By | None, typer.Option("--by", help="Group the texts: defect, prompt, model or repo.")] = None,
    stage: Annotated[Stage | None, typer.Option("--stage", help="Only texts of this stage.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many of the worst texts to list.")] = 15,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only texts that a guard objects to.")] = False,
    as_json: Json = False,
) -> None:
    """Show how good the texts are: the worst first, and how each stage fares.

    `--by` groups them instead. Prompts are told by their fingerprint, the newest first, so that two versions can be
    compared. Texts written by hand are not judged. `doctown requeue --flagged` has the objectionable ones written anew.
    """

    if stage is Stage.EMBED:
        raise typer.BadParameter("embed writes no texts", param_hint="--stage")

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await db_quality.groups(doctown.db, by, repo=repo, stage=stage, flagged=flagged)
            texts = []
            if not by:
                texts = await db_quality.worst(doctown.db, repo=repo, stage=stage, flagged=flagged, limit=limit)
        if as_json:
            emit_json({"groups": found} if by else {"groups": found, "worst": texts})
        elif not found:
            _nothing(by, flagged=flagged)
        else:
            out.print(_table(found, by))
            if texts:
                out.print(_worst(texts))

    execute(ctx, work)


def _nothing(by: By | None, *, flagged: bool) -> None:
    if flagged:
        out.print("No text is flagged.")
    elif by is By.DEFECT:
        out.print("No guard has objected to anything, or no text is written yet: `doctown status` says which.")
    else:
        out.print(
            "No text has been judged yet: `doctown run --once` writes what is due, `doctown status` says how much."
        )


def _table(found: Sequence[Group], by: By | None) -> Table:
    wide = out.width >= _WIDE
    table = _plain_table("texts by stage" if by is None else f"texts by {by}")
    table.add_column("stage")
    if by is not None:
        table.add_column(str(by), overflow="fold", style="bold")
    table.add_column("texts", justify="right")
    table.add_column("flagged", justify="right")
    table.add_column("score", justify="right")
    table.add_column("rewritten" if wide else "again", justify="right")
    if by is not By.DEFECT:
        table.add_column("defects of saved texts" if wide else "defects", overflow="fold")
        table.add_column("why answers were rejected" if wide else "rejected for", overflow="fold")
    else:
        table.add_column("answers rejected for it" if wide else "rejected", justify="right")
    if by is By.PROMPT and wide:
        table.add_column("written")
    before = None
    for group in found:
        row: list[Text | str] = [group.stage if group.stage != before else ""]
        if by is not None:
            row.append(group.name or "unknown")
        row += [f"{group.texts:,}", _share(group), _score(group.score), f"{group.regenerated:,}"]
        row += [f"{group.rejected:,}"] if by is By.DEFECT else [_counts(group.defects), _counts(group.reasons)]
        if by is By.PROMPT and wide:
            row.append("" if group.last_written is None else f"{group.last_written.astimezone():%Y-%m-%d %H:%M}")
        table.add_row(*row)
        before = group.stage
    return table


def _worst(texts: Sequence[Judged]) -> Table:
    wide = out.width >= _WIDE
    table = _plain_table("the worst first")
    table.add_column("score", justify="right")
    table.add_column("stage")
    table.add_column("symbol", overflow="fold", ratio=3)
    table.add_column("objections", overflow="fold", ratio=2)
    table.add_column("tries", justify="right")
    if wide:
        for label in ("language", "grounded", "copied", "repeated"):
            table.add_column(label, justify="right")
    repos = len({one.repo for one in texts}) > 1
    for one in texts:
        name = f"{one.repo}: {one.fqn}" if repos else one.fqn
        row: list[Text | str] = [
            _score(one.score),
            one.stage,
            Text(f"{name}#{one.part}" if one.part else name),
            Text(", ".join(one.defects), style="red") if one.defects else Text("none", style="dim"),
            "" if one.attempts is None else str(one.attempts),
        ]
        if wide:
            row += [_figure(value) for value in (one.language_ratio, one.grounded, one.copied, one.repeated)]
        table.add_row(*row)
    return table


def _plain_table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")


def _share(group: Group) -> Text:
    if not group.flagged:
        return Text("0", style="dim")
    return Text(f"{group.flagged:,} ({group.flagged / group.texts:.0%})", style="red")


def _score(score: float | None) -> Text:
    if score is None:
        return Text("—", style="dim")
    return Text(f"{score:.2f}", style="green" if score >= _GOOD else "yellow" if score >= _FAIR else "red")


def _figure(value: float | None) -> Text:
    return Text("—", style="dim") if value is None else Text(f"{value:.2f}")


def _counts(counts: Mapping[str, int]) -> Text:
    said = ", ".join(f"{code} {count}" for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Text(said) if said else Text("—", style="dim")
