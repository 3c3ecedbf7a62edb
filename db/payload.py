"""JSON as Postgres takes it: no NUL characters, no lone surrogates."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from typing import Any

# Pairs of backslashes are consumed whole, so that a text which talks about "\u0000" keeps it.
_ESCAPES = re.compile(r"\\\\|\\u0000")


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, as they are: ``dump`` sees to those inside of them, and copies nothing."""
    kind: type = type(value)
    return {name: getattr(value, name) for name in _names(kind)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def dump(rows: object) -> str:
    """Rows for jsonb_to_recordset, dataclasses in them included.

    Models and sources contain anything; what cannot be stored is dropped or marked."""
    text = json.dumps(rows, ensure_ascii=False, default=fields_of)
    text = _ESCAPES.sub(lambda match: match.group() if match.group() == r"\\" else "", text)
    return text.encode("utf-8", "replace").decode("utf-8")
