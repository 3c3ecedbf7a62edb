"""WHY: tells of one text what it was made from, what it would be made from now, what differs, and what will happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from daemon.stages.origin import Difference, differences
from db.types import Reason, Stage, State
from db.why import Facts


class Would(StrEnum):
    """What happens next to a text."""

    NOTHING = "nothing"
    CALL = "call"  # a model is asked
    LEDGER = "ledger"  # the same was made before: it is taken from there, and nobody is asked
    EMBED = "embed"  # vectors are computed
    WAIT = "wait"  # something else comes first, or somebody holds it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What a text would be made from now. ``key`` is empty where it cannot be told: no text to work on, no prompts."""

    recipe: str | None
    parts: Mapping[str, Any]  # of the recipe
    key: str = ""
    made_from: Mapping[str, Any] | None = None
    in_ledger: bool = False
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One part that differs. ``area`` is material (code, neighbours, texts) or recipe (prompt, model, options, ...)."""

    area: str
    what: str
    which: str | None = None
    how: str = "changed"
    before: object = None
    now: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The whole story of one text."""

    chunk_id: int
    repo: str
    fqn: str
    part: int
    stage: Stage
    state: str  # of its work, or: current, outdated (made by another recipe, and kept), missing
    reason: str | None
    since: datetime | None  # when it became due, or was written
    origin: str  # model, ledger, hand, forgotten, none
    made_by: str | None
    model: str | None
    changes: tuple[Change, ...]
    would: Would
    because: str  # of would, in words
    last_error: str | None


def explain(facts: Facts, then: Mapping[str, Any], now: Now, *, refresh: str, coder_due: bool) -> Why:
    """``then`` are the parts of the recipe that made the text, as far as they are remembered; ``refresh`` the policy.

    ``coder_due``: the technical text that this one is made from is itself to be written.
    """
    changes = tuple(_changes(facts, then, now))
    outdated = facts.made_by is not None and now.recipe is not None and not same_recipe(facts.made_by, now.recipe)
    if facts.state not in {None, State.DONE}:
        state, reason = str(facts.state), facts.reason
    elif not facts.written:
        state, reason = "missing", None
    elif outdated and not facts.due:
        state, reason = "outdated", Reason.RECIPE
    else:
        state, reason = "current", None
    would, because = _next(facts, now, state, refresh=refresh, coder_due=coder_due)
    return Why(
        chunk_id=facts.chunk_id, repo=facts.repo, fqn=facts.fqn, part=facts.part, stage=facts.stage, state=state,
        reason=reason, since=facts.written_at if state in {"current", "outdated"} else facts.due_at,
        origin=_origin(facts), made_by=facts.made_by, model=facts.model, changes=changes, would=would, because=because,
        last_error=facts.last_error,
    )  # fmt: skip


def same_recipe(made: str, wanted: str) -> bool:
    """As the function ``doctown_same_recipe``: weights that one side does not know are not held against it."""
    (by, _, weights), (to, _, others) = made.partition("+"), wanted.partition("+")
    return by == to and (not weights or not others or weights == others)


def _origin(facts: Facts) -> str:
    if not facts.written:
        return "none"
    if facts.made_by is None:
        return "hand"
    if facts.stage is Stage.EMBED:
        return "model"
    if facts.generation is None:
        return "forgotten"
    return "ledger" if facts.reused_from is not None else "model"


def _changes(facts: Facts, then: Mapping[str, Any], now: Now) -> Iterator[Change]:
    if not facts.written:
        return
    if facts.made_by is not None and now.recipe and not same_recipe(facts.made_by, now.recipe):
        yield from _of_recipe(then, now.parts)
    if facts.made_from is not None and now.made_from is not None:
        for one in differences(facts.made_from, now.made_from):
            yield _of_material(one, facts.made_from, now.made_from)
    elif facts.due and facts.made_key != facts.wanted_key:
        yield from _of_keys(facts)


def _of_recipe(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    if not then:
        yield Change(area="recipe", what="recipe", before="one that is not remembered")
        return
    for name in dict.fromkeys((*then, *now)):
        before, after = then.get(name), now.get(name)
        if name == "weights" and (before is None or after is None):
            continue
        if name == "options" and isinstance(before, Mapping) and isinstance(after, Mapping):
            for option in dict.fromkeys((*before, *after)):
                if before.get(option) != after.get(option):
                    yield Change(
                        area="recipe", what="option", which=option, before=before.get(option), now=after.get(option)
                    )
        elif before != after:
            yield Change(area="recipe", what=name, before=before, now=after)


# What neighbours show of themselves, in the order of their hashes: see Input.each.
_SHOWN = {
    "Calls-IntraClass": ("signature", "doc comment"),
    "Calls-External": ("signature", "doc comment"),
    "members": ("role", "doc comment"),
}


def _of_material(one: Difference, then: Mapping[str, Any], now: Mapping[str, Any]) -> Change:
    if one.which is None or one.how != "changed":
        return Change(area="material", what=one.what, which=one.which, how=one.how)
    before, after = str(then[one.what][one.which]).split("."), str(now[one.what][one.which]).split(".")
    shown = _SHOWN.get(one.what, ())
    moved = [
        name for name, was, is_ in zip(shown, before, after, strict=False) if was != is_
    ] if len(before) == len(after) else []  # fmt: skip
    return Change(area="material", what=one.what, which=one.which, how=f"{' and '.join(moved) or 'it'} changed")


def _of_keys(facts: Facts) -> Iterator[Change]:
    """Where no parts are remembered: source, or what the neighbours show."""
    if facts.stage is not Stage.CODER:
        yield Change(area="material", what="technical text" if facts.stage is Stage.TALKER else "texts")
        return
    (source, _, context) = (facts.made_key or "").partition("+")
    (wanted, _, around) = (facts.wanted_key or "").partition("+")
    if source != wanted:
        yield Change(area="material", what="source")
    if context != around:
        yield Change(area="material", what="neighbours")


def _next(facts: Facts, now: Now, state: str, *, refresh: str, coder_due: bool) -> tuple[Would, str]:
    follows = facts.stage in {Stage.TALKER, Stage.INSTRUCT}
    if state == "leased":
        return Would.NOTHING, "a worker is at it"
    if state == "dead":
        return Would.NOTHING, "given up; `doctown requeue --state dead` tries again, and so does a new source"
    if state in {"due", "retrying"}:
        if facts.held_by:
            return Would.WAIT, facts.held_by
        when = f"at {facts.run_at:%H:%M:%S} UTC, " if state == "retrying" and facts.run_at else ""
        return _made(facts, now, when)
    if facts.settles_at is not None:
        return Would.WAIT, "what it holds has changed: it is looked at when that is done and quiet (queue.quiet_s)"
    if coder_due and follows:
        return Would.WAIT, "the technical text comes first; this one follows if that comes out different"
    if state == "outdated":
        if facts.made_by is not None and refresh == "manual":
            return Would.NOTHING, "queue.refresh is manual; `doctown requeue --outdated` refreshes it"
        return Would.WAIT, "the next look of a daemon makes it due, at the lowest priority"
    if state == "missing":
        return Would.NOTHING, "there is nothing to make it from"
    if facts.made_by is None:
        return Would.NOTHING, "written by hand: left alone until what it describes changes"
    return Would.NOTHING, "it is made from what is there now"


def _made(facts: Facts, now: Now, when: str) -> tuple[Would, str]:
    if facts.stage is Stage.EMBED:
        return Would.EMBED, f"{when}vectors of what has changed are computed by {now.model}"
    if facts.reason == Reason.REQUEUED:
        return Would.CALL, f"{when}{now.model} is asked for another text: somebody wanted one"
    if now.in_ledger:
        return Would.LEDGER, f"{when}the same was made before: it is taken from the ledger, no model is asked"
    return Would.CALL, f"{when}{now.model} is asked"
