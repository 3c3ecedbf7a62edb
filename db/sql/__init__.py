"""The statements worth reading alone: one file each, to be pasted into psql; loaded once."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from sqlalchemy import TextClause, text

_FOLDER = Path(__file__).resolve().parent
_TRAP = re.compile(r"(?<!:):[a-z_]+::")


@functools.cache
def sql(name: str) -> TextClause:
    """The statement in ``name``.sql; parameters are written ``:name`` and cast with CAST(), never ``::``.

    SQLAlchemy does not see a parameter in ``:limit::int``; such a file is refused.
    """
    source = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    trap = _TRAP.search(source)
    if trap:
        raise ValueError(f"{name}.sql: write CAST(:x AS type) instead of {trap.group()}type")
    return text(source)
