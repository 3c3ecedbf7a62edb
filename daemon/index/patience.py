"""How much one file may cost: a limit in CPU time for the parser, and one of places kept in mind for its queries."""

from __future__ import annotations

import time

from tree_sitter import Node as SyntaxNode
from tree_sitter import Query, QueryCursor

_IN_MIND = 1000  # unfinished matches at one time; 50 were enough for 2,141 files of 21 public repositories


class TooSlowError(Exception):
    """A file costs more than one file may."""


class Patience:
    """CPU time of this thread, so that a busy machine makes nobody impatient.

    Given to the parser as its ``progress_callback``: true stops the work. Queries of this binding (0.26.1) end the
    process when they are given one, so theirs is another limit.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.thread_time() + seconds

    def __call__(self, *_: object) -> bool:
        """Whether to stop."""
        return time.thread_time() > self._until


def matches(query: Query, root: SyntaxNode) -> list[tuple[int, dict[str, list[SyntaxNode]]]]:
    """What a query finds below a node: (number of the pattern, captured nodes by name), in source order.

    Raises TooSlowError where the file keeps so many matches open that the work grows with the square of its length.
    """
    cursor = QueryCursor(query, match_limit=_IN_MIND)
    found = cursor.matches(root)
    if cursor.did_exceed_match_limit:
        raise TooSlowError
    return found
