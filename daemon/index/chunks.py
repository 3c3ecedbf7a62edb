"""Which nodes become chunks, what is said of each, what its neighbours show, and which goes first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from daemon.identifiers import code_words, identifier_words
from daemon.safety.material import without_secrets
from db.index import CONTAINERS, ChunkText
from db.types import NodeKind
from db.wholes import KINDS

NO_CONTEXT = "-"  # an own index always says something about the neighbours, if only that there are none
_CENTRALITY_STEPS = 999
_LEVELS = 1000

_GOALS: Mapping[str, str] = {
    NodeKind.FILE: "what the file offers, how its parts work together, what it leans on",
    NodeKind.CLASS: "responsibility, state, collaboration of the members, how it is used",
    NodeKind.PACKAGE: "responsibility, main parts, how they work together",
    NodeKind.REPOSITORY: "architecture, main subsystems, where to begin",
}
_GOAL = "purpose, inputs, result, steps, errors, how it is used"


def strategy_of(kind: str, *, members: bool) -> str:
    """How a node is described: from its own code, or as a whole from what its ``members`` say.

    Of a container the code is its skeleton: members that are nodes of their own stand as stubs.
    """
    if kind in KINDS:
        return kind.lower()
    if kind == NodeKind.FILE:
        return "file" if members else "skeleton"
    return "skeleton" if kind in CONTAINERS else "symbol"


def chunk_of(
    kind: str, fqn: str, path: str, params: Sequence[str], source_code: str, *, members: bool
) -> ChunkText | None:
    """What the chunk of a node says; None where there is nothing to explain. ``params`` are names.

    ``members``: whether nodes of its own stand in it.
    """
    if not source_code.strip() and kind not in KINDS:
        return None
    is_class = kind in CONTAINERS
    return ChunkText(
        title=fqn,
        strategy=strategy_of(kind, members=members),
        audience="developers",
        goal=_GOALS.get(NodeKind.CLASS if is_class else kind, _GOAL),
        quality_target="complete, and nothing that the code does not show",
        idents=identifier_words(fqn, path, params),
        words=code_words(without_secrets(source_code)),
    )


def context_hash(
    signatures: Iterable[tuple[str, str | None]],
    role: tuple[str, str | None] | None = None,
    members: Iterable[tuple[str, str | None, str | None]] = (),
) -> str:
    """What the callees of a node show of themselves: (name, signature hash) of each, in no order.

    And its own role with the detail: it follows from the table of roles and from what other files register, so that
    it may change while the source does not. And of its members what their declarations do not show: (name, role with
    its detail, first words of the doc comment).
    """
    shown = sorted({(name, signature or "") for name, signature in signatures})
    if role is not None:
        shown.append((f"role {role[0]}", role[1] or ""))
    shown += sorted({(f"member {name}", f"{role or ''}\n{said or ''}") for name, role, said in members if role or said})
    if not shown:
        return NO_CONTEXT
    return hashlib.blake2b(repr(shown).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def priority(level: int, centrality: float) -> int:
    """Bottom-up, then by centrality: callees before callers, what much leans on before what little does."""
    return min(level, _LEVELS) * (_CENTRALITY_STEPS + 1) + _CENTRALITY_STEPS - round(centrality * _CENTRALITY_STEPS)
