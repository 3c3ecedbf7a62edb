"""Structured logging, set up once: one event per line, with stage, chunk and worker bound to it."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog

from daemon.settings import LogSettings


def setup(settings: LogSettings, *, worker: str = "", stream: TextIO | None = None) -> None:
    """Send every event to ``stream`` (stderr), for people or as JSON lines; stdout stays free for results."""
    out = stream or sys.stderr
    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)]
        if as_json
        # The default formatter shows local variables: sources and prompts, secrets among them.
        else [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    if worker:
        structlog.contextvars.bind_contextvars(worker=worker)
    # Libraries speak through the standard module; only what matters to an operator comes through.
    logging.basicConfig(level=logging.WARNING, stream=out, format="%(levelname)s %(name)s: %(message)s", force=True)


def get(name: str) -> Any:
    """A logger; ``name`` is the part of the program that speaks."""
    return structlog.get_logger(part=name)
