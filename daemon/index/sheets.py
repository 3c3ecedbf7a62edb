"""Fact sheets for a whole repository after linking, and for single chunks of an index that is not ours."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from daemon.index.neighbourhood import Neighbourhood, percents
from daemon.index.sheet import render
from daemon.index.sheet_words import Words, words_of
from db import sheet as db_sheet
from db.session import Database
from db.sheet import SheetChunk, Surroundings

_BATCH = 1000


async def refresh(
    db: Database, repo_id: int, graph: Neighbourhood, words: Words, only: Iterable[int] | None = None
) -> int:
    """Write the sheets that came out differently, of all nodes or ``only`` of some; how many. New chunks bring theirs
    along."""
    chunks = await db_sheet.load_digests(db, repo_id, only)
    written = 0
    for start in range(0, len(chunks), _BATCH):
        changed = await asyncio.to_thread(_changed, chunks[start : start + _BATCH], graph, words)
        written += await db_sheet.write_sheets(db, changed)
    return written


async def redraw(db: Database, repo_id: int, nodes: Collection[int], words: Words) -> int:
    """As refresh, of some nodes from what is stored: where no more than these is known, and nothing else changed."""
    if not nodes:
        return 0
    chunks = await db_sheet.load_digests(db, repo_id, nodes)
    around = await db_sheet.surroundings(db, [chunk.id for chunk in chunks])
    return await db_sheet.write_sheets(db, await asyncio.to_thread(_changed, chunks, _graph(around), words))


def _graph(around: Surroundings) -> Neighbourhood:
    return Neighbourhood(around.nodes, around.edges, percents(around.places))


def _changed(chunks: Sequence[SheetChunk], graph: Neighbourhood, words: Words) -> dict[int, str]:
    found = {}
    for chunk in chunks:
        if chunk.node_id not in graph:
            continue  # it came or went meanwhile; whoever moved it sees to it
        sheet = render(graph.facts(chunk.node_id), words)
        if hashlib.md5(sheet.encode(), usedforsecurity=False).hexdigest() != chunk.digest:
            found[chunk.id] = sheet
    return found


async def sheets_of(
    db: Database, chunks: Sequence[int], *, language: str, folder: Path | None = None
) -> dict[int, str]:
    """The sheets of some chunks as the index stands now, by chunk; nothing is written.

    ``language`` is the configured one, used where the repository names none; ``folder`` holds the prompts.
    """
    around = await db_sheet.surroundings(db, chunks)
    return await asyncio.to_thread(_rendered, around, language, folder)


def _rendered(around: Surroundings, language: str, folder: Path | None) -> dict[int, str]:
    graph = _graph(around)
    return {
        chunk: render(graph.facts(node), words_of(asked or language, folder))
        for chunk, node, asked in around.chunks
        if node in graph
    }


async def fill(
    db: Database, chunks: Sequence[int], *, language: str, folder: Path | None = None, foreign: bool = False
) -> int:
    """Render the sheets that some chunks lack and store them; how many.

    Our own index brings every sheet along. With ``foreign`` those of an index that is not ours are rendered again,
    because nothing else tells us that their neighbours changed.
    """
    chunks = await db_sheet.lacking(db, chunks, foreign=foreign)
    if not chunks:
        return 0
    return await db_sheet.write_sheets(db, await sheets_of(db, chunks, language=language, folder=folder))
