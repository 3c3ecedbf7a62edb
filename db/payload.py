"""JSON as Postgres takes it: no NUL characters, no lone surrogates."""

from __future__ import annotations

import json
import re

# Pairs of backslashes are consumed whole, so that a text which talks about "\u0000" keeps it.
_ESCAPES = re.compile(r"\\\\|\\u0000")


def dump(rows: object) -> str:
    """Rows for jsonb_to_recordset. Models and sources contain anything; what cannot be stored is dropped or marked."""
    text = json.dumps(rows, ensure_ascii=False)
    text = _ESCAPES.sub(lambda match: match.group() if match.group() == r"\\" else "", text)
    return text.encode("utf-8", "replace").decode("utf-8")
