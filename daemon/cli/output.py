"""Tables for people, JSON for programs; results on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from db.report import Page
from db.types import Hit, Progress, Stage

_PIPE_WIDTH = 160  # a pipe has no width, and a table squeezed into 80 columns helps nobody


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)


out = _console(stderr=False)
err = _console(stderr=True)


def emit_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def plain(value: object) -> Any:
    """A value made of what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, Path | UUID):
        return str(value)
    if isinstance(value, float):
        return round(value, 6)
    return value


def duration(seconds: float | None) -> str:
    """``95`` -> ``1 min 35 s``; an em dash where nothing is known."""
    if seconds is None:
        return "—"
    if seconds < 10:  # noqa: PLR2004 - below that, tenths tell something
        return f"{seconds:.1f} s"
    total = round(seconds)
    days, rest = divmod(total, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s"
    return f"{rest} s"


def moment(value: datetime | None) -> str:
    """A moment to the second, in UTC as the database keeps it; an em dash where there is none."""
    return "—" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def progress_table(rows: Iterable[Progress]) -> Table:
    """How the work stands, one line per repository and stage."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("repository", "left"), ("stage", "left"), ("due", "right"), ("leased", "right"), ("retrying", "right"),
        ("done", "right"), ("dead", "right"), ("flagged", "right"), ("per min", "right"), ("time left", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    before = ""
    for row in rows:
        table.add_row(
            row.repo if row.repo != before else "",
            str(row.stage),
            _count(row.due, "yellow"),
            _count(row.leased, "cyan"),
            _count(row.retrying, "magenta"),
            _count(row.done, "green"),
            _count(row.dead, "red"),
            _count(row.flagged, "red"),
            "—" if row.rate_per_min is None else f"{row.rate_per_min:.1f}",
            "—" if not (row.due + row.leased + row.retrying) else duration(row.left_s),
        )
        before = row.repo
    return table


def _count(number: int, style: str) -> Text:
    return Text(f"{number:,}", style=style) if number else Text("0", style="dim")


def show_page(page: Page, *, source: bool = False, sheet: bool = False) -> None:
    """One chunk with its facts, texts and quality figures; its fact sheet where asked for or no text is there."""
    show_facts(page, source=source)
    if page.explain_md and (sheet or not page.content_raw):
        out.print(
            Panel(
                Markdown(_without_title(page.explain_md)), title="What the index knows (explain_md)",
                title_align="left", border_style="cyan",
            )
        )  # fmt: skip
    for stage in (Stage.CODER, Stage.TALKER):
        show_stage_text(page, stage)
    if page.instruct or any(work["stage"] == "instruct" and work["state"] != "done" for work in page.work):
        show_stage_text(page, Stage.INSTRUCT)


_TITLES = {
    Stage.CODER: "For developers (content_raw)",
    Stage.TALKER: "In plain words (content)",
    Stage.INSTRUCT: "How to use it (instruct)",
}


def show_stage_text(page: Page, stage: Stage) -> None:
    """The text of one stage with its quality figures."""
    _show_text(_TITLES[stage], text_of(page, stage), page.quality.get(str(stage)))


def text_of(page: Page, stage: Stage) -> str | None:
    """What a text stage has written about a chunk."""
    texts = {Stage.CODER: page.content_raw, Stage.TALKER: page.content, Stage.INSTRUCT: page.instruct}
    return texts[stage]


def show_facts(page: Page, *, source: bool = False, standing: bool = True) -> None:
    """What is known of a chunk without its texts; with ``standing`` what of its work is undone, and why."""
    title = Text.assemble((page.fqn, "bold"), f"  {page.kind.lower()}, {page.lang}", style="")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("repository", page.repo)
    if page.path:
        facts.add_row("where", f"{page.path}:{page.line_start}-{page.line_end}")
    if page.signature:
        facts.add_row("signature", page.signature)
    if page.doc_summary:
        facts.add_row("doc comment", page.doc_summary)
    if page.callees:
        facts.add_row("calls", _some(page.callees))
    if page.callers:
        facts.add_row("called by", _some(page.callers))
    for work in page.work if standing else ():
        if work["state"] != "done":
            text = f"{work['state']} ({work['reason']})"
            if work["last_error"]:
                text += f": {work['last_error']}"
            elif page.waits and work["stage"] != "embed":
                text += f": {page.waits}"
            facts.add_row(work["stage"], text)
    out.print(Panel(facts, title=title, title_align="left", border_style="blue"))
    if source and page.source_code:
        out.print(Panel(Syntax(page.source_code, page.lang), title="source", title_align="left", border_style="dim"))


def _without_title(sheet: str) -> str:
    """The panel bears the title already."""
    first, _, rest = sheet.partition("\n")
    return rest if first.startswith("# ") else sheet


def _show_text(title: str, text: str | None, quality: dict[str, Any] | None) -> None:
    body = Markdown(text) if text else Text("not written yet", style="dim")
    flagged = bool(quality and quality.get("flagged"))
    out.print(
        Panel(
            body, title=title, title_align="left", border_style="yellow" if flagged else "green",
            subtitle=Text(quality_line(quality), style="dim") if quality else None, subtitle_align="left",
        )
    )  # fmt: skip


def quality_line(quality: dict[str, Any] | None) -> str:
    """The quality figures of one text on one line."""
    if not quality:
        return ""
    parts = []
    for key, label in (
        ("score", "score"), ("language_detected", "language"), ("language_ratio", "language ratio"),
        ("sections", "sections"), ("repeated", "repeated"), ("copied", "copied"), ("words", "words"),
        ("attempts", "attempts"), ("model", "model"),
    ):  # fmt: skip
        value = quality.get(key)
        if value is not None:
            parts.append(f"{label} {value}")
    if quality.get("flagged"):
        parts.append("flagged: " + ", ".join(quality.get("defects", {})))
    if quality.get("reused"):
        parts.append("from the ledger")
    return " · ".join(parts)


def show_hits(query: str, hits: Sequence[Hit], *, meaning: bool) -> None:
    """Search results, best first, with one line of what each is."""
    how = "by meaning and words" if meaning else "by words alone"
    out.print(Text.assemble(("search ", "dim"), (query, "bold"), (f"  ({how}, {len(hits)} hits)", "dim")))
    for place, hit in enumerate(hits, start=1):
        where = f"{hit.path}:{hit.line_start}" if hit.path else hit.repo
        out.print(
            Text.assemble(
                (f"{place:>3}. ", "dim"), (hit.fqn, "bold"), f"  {hit.kind.lower()}  ", (where, "cyan"),
                (f"  {hit.score:.4f} {'+'.join(hit.found_by)}", "dim"),
            )
        )  # fmt: skip
        line = first_line(hit)
        if line:
            out.print("     " + line, markup=False, no_wrap=True, overflow="ellipsis", crop=True)


def first_line(hit: Hit) -> str:
    """What a hit is, in one line: its plain text, else its technical one, else the doc comment or signature."""
    for text in (hit.content, _without_headings(hit.content_raw), hit.doc_summary, hit.signature):
        if text and text.strip():
            return " ".join(text.split())[:300]
    return ""


def _without_headings(text: str | None) -> str:
    return " ".join(line for line in (text or "").splitlines() if line.strip() and not line.startswith("#"))


def _some(names: Sequence[str], limit: int = 6) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
