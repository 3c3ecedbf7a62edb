"""doctor: check everything Doctown leans on, and say what to do about what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import typer

from daemon.bootstrap import App, prompts_of, timeouts_of
from daemon.cli.main import Context, app, execute
from daemon.cli.options import Embedded, Json
from daemon.cli.output import emit_json, out
from daemon.config import find_config, shared
from daemon.errors import DoctownError, ModelError
from daemon.llm.base import Health, Resident, TextModel
from daemon.settings import Settings
from daemon.work.affinity import Fit, Sight, judge
from db import migrate
from db.errors import StoreError
from db.session import Database, hide_password, resolve_url
from db.types import TEXT_STAGES
from db.wake import an_ear

_DATABASE, _MODEL, _CONFIG = 3, 4, 2
_DEAF_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    exit_code: int = 0


@app.command()
def doctor(ctx: typer.Context, embedded: Embedded = False, as_json: Json = False) -> None:
    """Check the configuration, the database, the prompts and the models; each trouble comes with its remedy."""

    async def work(settings: Settings) -> int:
        chosen = settings.with_embedded_models() if embedded else settings
        options: Context = ctx.obj
        checks = [Check(name="configuration", ok=True, found=str(find_config(options.config)))]
        async for check in _checks(chosen):
            checks.append(check)
            if not as_json:
                if len(checks) == 2:  # noqa: PLR2004 - the first one was made before there was anything to wait for
                    _print(checks[0])
                _print(check)
        if as_json:
            emit_json([{"name": c.name, "ok": c.ok, "found": c.found, "remedy": c.remedy} for c in checks])
        return next((check.exit_code for check in checks if not check.ok), 0)

    execute(ctx, work)


def _print(check: Check) -> None:
    mark = "[green]ok[/]     " if check.ok else "[red]trouble[/]"
    found = check.found.replace("[", r"\[")
    out.print(f"{mark} [bold]{check.name:<14}[/] {found}", soft_wrap=True)
    if check.remedy:
        out.print(f"        {'':<14} [yellow]-> {check.remedy.replace('[', chr(92) + '[')}[/]", soft_wrap=True)


async def _checks(settings: Settings) -> AsyncIterator[Check]:
    url: str | None = None
    try:
        url = await asyncio.to_thread(resolve_url, settings.database.url, settings.database.folder)
        standing = await asyncio.to_thread(migrate.standing, url, shared("alembic"))
    except StoreError as error:
        yield Check(name="database", ok=False, found=str(error), remedy=error.remedy, exit_code=_DATABASE)
    else:
        for check in _database(url, standing):
            yield check
        if standing.usable:
            async for check in _lines(settings, url):
                yield check
    yield _prompts(settings)
    if url is None:
        url = "postgresql://nowhere/"
    doctown = App(
        settings=settings, db=Database(url, timeouts=timeouts_of(settings)), url=url, prompts=prompts_of(settings)
    )
    try:
        for stage in (one for one in TEXT_STAGES if one in settings.stages):
            yield _model(str(stage), await _health(lambda stage=stage: doctown.model(stage)))
        yield _model("embedder", await _health(doctown.embedder))
        async for check in _memory(doctown):
            yield check
    finally:
        await doctown.close()


def _database(url: str, standing: migrate.Standing) -> list[Check]:
    old = standing.server_major < migrate.MINIMUM_POSTGRES
    checks = [
        Check(
            name="database", ok=not old, found=f"Postgres {standing.server} at {hide_password(url)}",
            remedy=f"Doctown needs Postgres {migrate.MINIMUM_POSTGRES} or newer." if old else "", exit_code=_DATABASE,
        )
    ]  # fmt: skip
    version = standing.pgvector or standing.pgvector_available
    if version is None:
        checks.append(
            Check(
                name="pgvector", ok=False, found="not on this server", exit_code=_DATABASE,
                remedy="Install pgvector 0.8.4 or newer on it (the image pgvector/pgvector has it).",
            )
        )  # fmt: skip
    else:
        numbers = tuple(int(part) for part in version.split(".")[:3])
        outdated = numbers < migrate.MINIMUM_PGVECTOR
        state = "" if standing.pgvector else " (not yet installed in this database)"
        wanted = ".".join(map(str, migrate.MINIMUM_PGVECTOR))
        checks.append(
            Check(
                name="pgvector", ok=not outdated, found=f"{version}{state}", exit_code=_DATABASE,
                remedy=f"Update the extension to {wanted} or newer." if outdated else "",
            )
        )  # fmt: skip
    what = "is of" if standing.usable and not standing.current else "needs"
    checks.append(
        Check(
            name="migrations", ok=standing.usable, exit_code=_DATABASE,
            found=f"revision {standing.revision or 'none'}, this program {what} {standing.head}",
            remedy="" if standing.usable else "Run `doctown db upgrade`.",
        )
    )  # fmt: skip
    return checks


async def _lines(settings: Settings, url: str) -> AsyncIterator[Check]:
    """What a pooler may take away: the server's limits on single statements, and calls for new work."""
    db = Database(url, name="doctown doctor", timeouts=timeouts_of(settings))
    try:
        if not await db.limited():
            yield Check(
                name="limits", ok=True, found="a pooler lets none of ours through to the server",
                remedy=f"ALTER ROLE … SET statement_timeout = '{settings.database.statement_timeout_ms}ms'; "
                f"ALTER ROLE … SET lock_timeout = '{settings.database.lock_timeout_ms}ms'",
            )  # fmt: skip
        if settings.queue.listen:
            ear = settings.database.listen_url or url
            async with an_ear(ear, name="doctown doctor", connect_s=settings.database.connect_timeout_s) as listening:
                heard = await listening.hears(db, _DEAF_S)
            yield Check(
                name="wake-up", ok=True, found="heard" if heard else "deaf: daemons find new work by polling alone",
                remedy="" if heard else "Let database.listen_url lead past the pooler, to the server itself.",
            )  # fmt: skip
    except StoreError as error:
        yield Check(name="wake-up", ok=True, found=f"polling alone: {error}", remedy=error.remedy)
    finally:
        await db.close()


async def _memory(doctown: App) -> AsyncIterator[Check]:
    """What each server holds, where its models may have to take turns."""
    models: dict[str, dict[str, TextModel]] = {}
    for stage in (one for one in TEXT_STAGES if one in doctown.settings.stages):
        try:
            model = doctown.model(stage)
        except DoctownError:
            continue  # said above
        models.setdefault(model.endpoint, {})[model.name] = model
    for endpoint, ours in models.items():
        turns = doctown.settings.endpoints[endpoint].turns
        if len(ours) == 1:
            continue
        if turns != "auto":
            how = "take turns" if turns else "work side by side"
            yield Check(name="memory", ok=True, found=f"{endpoint}: its {len(ours)} models {how}, as configured")
            continue
        try:
            held = await next(iter(ours.values())).residents()
        except ModelError:
            continue  # said above
        sight = judge(Sight(), held or (), frozenset(ours))
        listed = ", ".join(f"{one.name} ({_place(one)})" for one in held or ()) or "nothing"
        plan = {Fit.TOGETHER: "side by side", Fit.APART: "in turns", Fit.UNKNOWN: "in turns until both are seen there"}
        found = "does not tell: in turns" if held is None else f"holds {listed}: {plan[sight.fit]}"
        yield Check(name="memory", ok=True, found=f"{endpoint} {found}")


def _place(model: Resident) -> str:
    if model.spilled:
        return f"{model.on_gpu / model.size:.0%} on GPU"
    return "GPU" if model.on_gpu else "CPU"


def _prompts(settings: Settings) -> Check:
    prompts = prompts_of(settings)
    try:
        borrowed = prompts.check(settings.language)
    except DoctownError as error:
        return Check(name="prompts", ok=False, found=str(error), remedy=error.remedy, exit_code=_CONFIG)
    found = f"{settings.language} of {', '.join(prompts.languages())} in {prompts.folder}"
    return Check(name="prompts", ok=True, found=f"{found}; {borrowed}" if borrowed else found)


async def _health(build: object) -> Health:
    try:
        model = build()  # type: ignore[operator]
    except DoctownError as error:
        return Health(ok=False, summary=str(error), remedy=error.remedy)
    health: Health = await model.check()
    return health


def _model(name: str, health: Health) -> Check:
    return Check(name=name, ok=health.ok, found=health.summary, remedy=health.remedy, exit_code=_MODEL)
