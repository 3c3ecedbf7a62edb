"""Takes a model's thinking out of its answer, and nothing else."""

from __future__ import annotations

import re

# What can matter, in the order of the text: a fence (its content is the author's), a thinking block that
# starts a line, or the end of one whose start was never sent.
_EVENT = re.compile(
    r"^[ \t]*(?:(?P<fence>`{3,}|~{3,})|<(?P<open>think(?:ing)?)>|(?P<orphan></think(?:ing)?>[ \t]*$))",
    re.MULTILINE | re.IGNORECASE,
)


def strip_thinking(text: str) -> str:
    """The answer without its thinking, trimmed.

    Removed are blocks ``<think>…</think>`` that start a line; a leading block that was never closed (the
    model ran out of tokens while it thought: nothing is left); and everything before a lone ``</think>`` on a
    line of its own, because some chat templates send the opening tag themselves. Tags inside code fences or
    within a line are text about such tags and stay.
    """
    kept: list[str] = []
    at = 0
    while event := _EVENT.search(text, at):
        before = text[at : event.start()]
        if fence := event["fence"]:
            end = _fence_end(text, event.end(), fence)
            kept.append(text[at:end])
            at = end
        elif name := event["open"]:
            close = re.compile(f"</{name}>", re.IGNORECASE).search(text, event.end())
            if close is None:
                kept.append(before)
                if "".join(kept).strip():  # not leading: an answer that speaks of the tag, not a thought
                    kept.append(text[event.start() :])
                return "".join(kept).strip()
            kept.append(before)
            at = close.end()
        else:
            kept.clear()
            at = event.end()
    kept.append(text[at:])
    return "".join(kept).strip()


def _fence_end(text: str, at: int, fence: str) -> int:
    """Where the fence that was opened before ``at`` is closed; the end of the text if it never is."""
    close = re.compile(rf"^[ \t]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$", re.MULTILINE).search(text, at)
    return close.end() if close else len(text)
