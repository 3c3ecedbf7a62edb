"""A material that is valid by default: what a stage may see of one small function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from db.types import Material, Param


def a_material(**changes: Any) -> Material:
    """A function ``cheapest`` of a shop, with the changes."""
    material = Material(
        chunk_id=1, repo="shop", language="en", title="shop.cheapest", part=0, kind="FUNCTION", lang="python",
        fqn="shop.cheapest", name="cheapest", package="shop", owner=None, path="shop.py", line_start=1, line_end=9,
        signature="def cheapest(basket)", params=(Param(name="basket"),), return_type=None, supertypes=(),
        annotations=(), modifiers=(), doc_summary=None, doc_details=None, imports=("import shops",),
        source_code="def cheapest(basket):\n    return min(shops, key=total)", source_hash="h1", strategy="symbol",
        audience=None, goal=None, quality_target=None, content_raw="Technical.", content=None, idents="x",
    )  # fmt: skip
    return replace(material, **changes)
