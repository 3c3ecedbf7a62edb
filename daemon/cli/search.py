"""search: find code by meaning and by words."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.bootstrap import open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Json, Repo
from daemon.cli.output import emit_json, err, show_hits
from daemon.search.hybrid import find
from daemon.settings import Settings


@app.command()
def search(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="A question, or names from the code.")],
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, max=1000, help="Hits to show.")] = None,
    repo: Repo = None,
    lang: Annotated[str | None, typer.Option("--lang", help="Only this programming language.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind: class, method, function, ...")] = None,
    audience: Annotated[
        str | None, typer.Option("--audience", help="developer: code and technical text; manager: plain text.")
    ] = None,
    words_only: Annotated[bool, typer.Option("--words-only", help="Do not load the embedding model.")] = False,
    as_json: Json = False,
) -> None:
    """Search all texts, by meaning and by words together."""
    if audience not in {None, "developer", "manager"}:
        raise typer.BadParameter("must be developer or manager", param_hint="--audience")

    async def work(settings: Settings) -> None:
        async with open_app(settings) as doctown:
            found = await find(
                doctown.db, None if words_only else doctown.embedder(), query,
                limit=limit or settings.search.limit, repo=repo, lang=lang, kind=kind, audience=audience,
                former=doctown.former_embedder,
            )  # fmt: skip
        if as_json:
            emit_json({"query": query, "by_meaning": found.by_meaning, "hits": found.hits})
            return
        if found.note:
            err.print(f"note: {found.note}")
        show_hits(query, found.hits, meaning=found.by_meaning)

    execute(ctx, work)
