"""follow, unfollow: keep the index of a folder, branch or remote repository in step, by a schedule of the daemons."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from daemon.bootstrap import App, open_app
from daemon.cli.bars import bars
from daemon.cli.index import advance, print_report, repository_name
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Reason, whoami
from daemon.cli.output import duration, emit_json, err, moment, out
from daemon.errors import DoctownError, SourceError
from daemon.follow.runs import bring_in_step
from daemon.follow.urls import checked_ref, looks_remote, remote_of
from daemon.index.history import resolve
from daemon.settings import Settings
from daemon.work.following import wait_after
from db import follow as db_follow
from db.audit import Order
from db.errors import StoreError
from db.follow import Followed, Origin

_PERIOD = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}
_LONGEST_S = 366 * 86400
_FOREGROUND_LEASE_S = 900.0
_LATE_S = 60.0
_SHOWN = 10  # digits of a commit


@app.command()
def follow(
    ctx: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|PATH|URL]", help="A repository, a folder or a URL; none: list what is followed."),
    ] = None,
    every: Annotated[str, typer.Option("--every", help="How often: 30s, 5m, 2h, 1d.")] = "5m",
    ref: Annotated[
        str | None, typer.Option("--ref", help="A branch, tag or commit; none: the folder's files, or the URL's HEAD.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the repository; default: the last part, and @REF.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Bring it in step at once, here, and wait for it.")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Follow a repository: daemons index it again and again, taking turns. Without an argument: what is followed."""
    every_s = period(every)

    async def work(settings: Settings) -> int | None:
        async with open_app(settings) as doctown:
            if what is None:
                show(await db_follow.followed(doctown.db), as_json=as_json)
                return None
            repo, origin = await _origin(doctown, what, ref, name)
            shown = {"repo": repo, "from": origin.url or origin.root, "ref": origin.ref, "every_s": every_s}
            order = Order(actor=whoami(), command="follow", filter=shown, reason=reason)
            repo_id = await db_follow.follow(doctown.db, order, repo, origin, every_s)
            if now:
                await _now(doctown, repo, repo_id, origin, every_s, as_json=as_json)
            else:
                show(await db_follow.followed(doctown.db, repo), as_json=as_json)
        return None

    execute(ctx, work)


@app.command()
def unfollow(
    ctx: typer.Context,
    repo: Annotated[str, typer.Argument(help="Name of a repository.")],
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Follow a repository no longer. Its index and its texts stay."""

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            order = Order(actor=whoami(), command="unfollow", filter={"repo": repo}, reason=reason)
            was = await db_follow.unfollow(doctown.db, order, repo)
        if as_json:
            emit_json({"repo": repo, "was_followed": was})
        else:
            out.print(f"{repo}: followed no longer" if was else f"{repo}: was not followed", markup=False)

    execute(ctx, work)


def period(text: str) -> float:
    """Seconds that ``5m`` means. Raises BadParameter."""
    match = _PERIOD.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 1 <= seconds <= _LONGEST_S:
        raise typer.BadParameter(
            f"{text!r} is no period; for example 30s, 5m, 2h or 1d (1s to 366d)", param_hint="--every"
        )
    return seconds


async def _origin(doctown: App, what: str, ref: str | None, name: str | None) -> tuple[str, Origin]:
    """The name of the repository and where it comes from; what is followed already is not turned into another."""
    if ref is not None:
        checked_ref(ref)
    if looks_remote(what):
        remote = remote_of(what, doctown.settings.follow.protocols)
        repo = name or (remote.name if ref is None else f"{remote.name}@{ref}")
        origin = Origin(root=None, url=what, ref=ref)
    else:
        known = await db_follow.origin(doctown.db, what)
        if known is not None:
            return what, Origin(root=known.root, url=known.url, ref=ref or known.ref)
        repo, origin = await asyncio.to_thread(_folder, what, ref, name)
    before = await db_follow.origin(doctown.db, repo)
    if before is not None and not _same(before, origin):
        raise SourceError(f"{repo} comes from {before.url or before.root} already", "Give another name with --name.")
    return repo, origin


def _folder(what: str, ref: str | None, name: str | None) -> tuple[str, Origin]:
    folder = Path(what).resolve()
    if not folder.is_dir():
        raise SourceError(
            f"{what}: is no repository that Doctown knows, no folder and no URL",
            "`doctown status` lists repositories; a URL begins with https:// or ssh://.",
        )
    if ref is not None:
        resolve(folder, ref)
    return repository_name(folder, name, ref), Origin(root=str(folder), url=None, ref=ref)


def _same(before: Origin, origin: Origin) -> bool:
    if before.url or origin.url:
        return before.url == origin.url
    return before.root is None or before.root == origin.root


async def _now(doctown: App, repo: str, repo_id: int, origin: Origin, every_s: float, *, as_json: bool) -> None:
    settings, owner = doctown.settings.follow, uuid4()
    if not await db_follow.take(doctown.db, repo_id, owner, max(_FOREGROUND_LEASE_S, settings.timeout_s)):
        raise SourceError(f"{repo}: a daemon is at it already", "`doctown follow` shows when it is done.")
    try:
        with bars(err, rate=False) as display:
            report = await bring_in_step(
                doctown.db, repo, origin, doctown.settings, prompts=doctown.prompts.folder, progress=advance(display)
            )
    except (DoctownError, StoreError) as error:
        wait_s = wait_after(1, every_s, settings, 0.0)
        await db_follow.failed(doctown.db, repo_id, owner, error=str(error), wait_s=wait_s)
        raise
    except BaseException:
        await db_follow.give_back(doctown.db, repo_id, owner)
        raise
    await db_follow.done(doctown.db, repo_id, owner, wait_s=every_s)
    if as_json:
        emit_json(report)
    else:
        print_report(report)


def show(rows: Sequence[Followed], *, as_json: bool) -> None:
    """What is followed, one line each, and what went wrong."""
    if as_json:
        emit_json(rows)
        return
    if not rows:
        out.print("Nothing is followed: `doctown follow PATH` or `doctown follow https://…`.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("repository", "from", "ref", "every", "in step", "commit", "next"):
        table.add_column(column)
    for one in rows:
        table.add_row(
            one.repo, one.url or one.root or "", one.ref or "", duration(one.every_s), moment(one.done_at) or "never",
            (one.commit or "")[:_SHOWN], _next(one),
        )  # fmt: skip
    out.print(table)
    for line in trouble_lines(rows):
        out.print(line, markup=False, soft_wrap=True)


def trouble_lines(rows: Sequence[Followed]) -> list[str]:
    """One sentence for each repository that cannot be followed at this moment."""
    failing = [f"{one.repo} is not followed ({_times(one.failures)}): {one.error}" for one in rows if one.failures]
    waiting = [
        f"{one.repo} has been due for {duration(one.overdue_s)}: no daemon runs"
        + (f", or none has {one.root}" if one.url is None else "")
        for one in rows
        if not (one.failures or one.busy or one.paused) and one.overdue_s > max(_LATE_S, one.every_s)
    ]
    return failing + waiting


def _next(one: Followed) -> str:
    if one.busy:
        return "now"
    if one.paused:
        return "paused"
    return "due" if one.overdue_s >= 0 else f"in {duration(-one.overdue_s)}"


def _times(count: int) -> str:
    return "tried once" if count == 1 else f"tried {count} times"
