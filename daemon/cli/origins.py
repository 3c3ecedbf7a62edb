"""Where texts come from and what a model would be asked, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from daemon.cli.output import duration, out
from daemon.stages.hints import GROUPS
from db.provenance import Origin
from db.report import Page
from db.types import Stage

_TITLES = {"content_raw": "For developers", "content": "In plain words", "instruct": "How to use it"}
_BORDERS = {"model": "green", "ledger": "cyan", "hand": "blue", "forgotten": "dim"}


def show_origins(pages: Sequence[Page], origins: Sequence[Origin]) -> None:
    """One panel per text; a page without texts says so."""
    for page in pages:
        found = [one for one in origins if one.chunk_id == page.chunk_id]
        if not found:
            out.print(Text.assemble((page.fqn, "bold"), ": no text is written yet; `doctown run --once` writes them"))
        for one in found:
            grid = Table.grid(padding=(0, 2))
            grid.add_column(style="dim", no_wrap=True)
            grid.add_column(overflow="fold")
            for label, value in _lines(one):
                grid.add_row(label, Text(value))
            part = f", part {one.part}" if one.part else ""
            title = Text.assemble((one.fqn, "bold"), f"{part}  {_TITLES.get(one.field, one.stage)} ({one.field})")
            out.print(Panel(grid, title=title, title_align="left", border_style=_BORDERS[one.origin]))


def _lines(one: Origin) -> Iterator[tuple[str, str]]:
    yield "origin", _origin(one)
    if one.origin == "ledger":
        whose = " in ".join(name for name in (one.first_fqn or "a chunk that is gone", one.first_repo) if name)
        yield "first written", f"for {whose}{_when(one.first_written_at)}"
    if one.model:
        digest = f", digest {one.model_digest.removeprefix('sha256:')[:12]}" if one.model_digest else ""
        yield "model", f"{one.model}{digest}"
    if one.options:
        yield "options", _pairs(one.options)
    if one.prompt_fingerprint:
        yield "prompt", f"{one.prompt_fingerprint}, language {one.language}"
    if one.recipe:
        yield "recipe", one.recipe
    yield "made from", f"{_inputs(one)} ({'something else is there by now' if one.outdated else 'as it is now'})"
    if one.key:
        yield "key", one.key
    if one.hints:
        shown = {group: one.hints[group] for group in sorted(one.hints, key=_place)}
        yield "facts shown", ", ".join(f"{group} {count}" for group, count in shown.items()) + " (lines)"
    if one.attempts:
        yield "attempts", _attempts(one)
    if one.score is not None:
        yield "score", f"{one.score:g}{'; flagged: ' + ', '.join(sorted(one.defects)) if one.defects else ''}"
    cost = _cost(one)
    if cost:
        yield "cost", cost
    worker = one.first_worker if one.origin == "ledger" else one.worker
    if worker:
        yield "worker", worker


def _place(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _inputs(one: Origin) -> str:
    if not one.source_key:
        return "nothing that is known"
    if one.stage == Stage.TALKER:
        return f"the technical text with the hash {one.source_key}"
    source, _, context = one.source_key.partition("+")
    return f"source {source}, neighbours {context}" if context else f"source {source}"


def _origin(one: Origin) -> str:
    if one.origin == "hand":
        return "written by hand, or by a program of yours; Doctown leaves it alone until its source changes"
    if one.origin == "forgotten":
        return "written by a model; the ledger no longer holds the row"
    if one.origin == "ledger":
        return f"from the ledger: generation {one.reused_from} was made from the same{_when(one.written_at)}"
    return f"generation {one.generation}{_when(one.written_at)}"


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f", {moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _attempts(one: Origin) -> str:
    rejected = [", ".join(codes) or "lower score" for codes in one.rejected or []]
    return f"{one.attempts} (not taken: {'; '.join(rejected)})" if rejected else str(one.attempts)


def _cost(one: Origin) -> str:
    ledger = one.origin == "ledger"
    asked = one.first_prompt_tokens if ledger else one.prompt_tokens
    answered = one.first_output_tokens if ledger else one.output_tokens
    spent = one.first_duration_ms if ledger else one.duration_ms
    said = []
    if asked is not None or answered is not None:
        said.append(f"{asked if asked is not None else '?'} tokens in, {answered if answered is not None else '?'} out")
    if spent:
        said.append(duration(spent / 1000))
    text = ", ".join(said)
    return f"nothing this time; then {text}" if ledger and text else text


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def show_prompt(asked: Sequence[Mapping[str, Any]]) -> None:
    """Every message as it would be sent, unwrapped: it can be piped and compared."""
    for one in asked:
        for number, prompt in enumerate(one["prompts"], start=1):
            which = f" {number} of {len(one['prompts'])}" if len(one["prompts"]) > 1 else ""
            out.print(Rule(Text(f"{one['stage']}{which}: {one['fqn']} -> {one['model']}"), align="left", style="blue"))
            for role in ("system", "user"):
                out.print(Text(role, style="bold dim"))
                out.file.write(f"{prompt[role]}\n\n")  # rich would turn tabs into spaces
