"""A written type -> the one name in it whose members a receiver has; None for lists, functions, unions, primitives."""

from __future__ import annotations

import re
from functools import lru_cache

# What a value is used through without a word: pointers, optional values, results, annotations of a type.
_TRANSPARENT = frozenset({
    "Annotated", "Arc", "Awaited", "Box", "Cell", "ClassVar", "Cow", "Final", "Lazy", "Mutex", "NonNull", "NonNullable",
    "OnceCell", "OnceLock", "Option", "Partial", "Pin", "Promise", "Rc", "Readonly", "RefCell", "Required", "Result",
    "RwLock", "Task", "Type", "ValueTask", "Weak", "optional", "scoped_refptr", "shared_ptr", "type", "unique_ptr",
    "weak_ptr",
})  # fmt: skip
_NOTHING = frozenset({"None", "null", "undefined", "Nothing", "Unit", "void", ""})
_SIGNS = re.compile(
    r"^(?:[\s*&(?]|'\w+\s|\b(?:mut|dyn|impl|const|ref|out|in|final|suspend|readonly|unique|struct|class|enum|union"
    r"|typename|volatile|any|some|inout|params|unowned|weak)\s)+"
)
_NAME = re.compile(r"[\w$]+(?:(?:\.|::)[\w$]+)*(?:\(\))?(?:\.[\w$]+(?:\(\))?)*")
_NEVER = re.compile(r"^(?:\[|map\[|chan\b|<-|func\b|fn\b|vararg\s|\.\.\.|\{|interface\s*\{|struct\s*\{)")
_MAX_DEPTH = 4  # wrappers round a type


@lru_cache(maxsize=65536)
def type_name(written: str, lang: str) -> str | None:
    """The dotted name of the class that a value of this type is an instance of; ``make()`` stays a call.

    ``*Store``, ``Arc<Mutex>``, ``Store?``, ``Optional[Store]``, ``Store | None``, ``(*Store, error)`` of Go.
    """
    text = written.strip()
    for _ in range(_MAX_DEPTH):
        text = text.strip("\"' \t")
        if lang == "php":
            text = text.replace("\\", ".").lstrip("?.")
        if lang == "go" and text.startswith("("):
            text = text[1:].partition(",")[0].rstrip(")").strip()
            text = text.rpartition(" ")[2]
        if _NEVER.match(text) or "->" in text or "=>" in text:
            return None
        text = _SIGNS.sub("", text).rstrip("?! ")
        parts = _outside_brackets(text, "|+&")
        if len(parts) > 1:
            chosen = _chosen(parts, lang)
            if chosen is None:
                return None
            text = chosen
            continue
        match = _NAME.match(text)
        if match is None:
            return None
        name, tail = match[0], text[match.end() :].lstrip()
        if tail.startswith(("[]", "...")):
            return None
        bare = name.replace("::", ".").rpartition(".")[2]
        if tail[:1] in {"<", "["} and (bare in _TRANSPARENT or (bare == "Optional" and lang == "python")):
            text = _first_argument(tail)
            continue
        return name.replace("::", ".")
    return None


def _chosen(parts: list[str], lang: str) -> str | None:
    """The only part of a union that is something; the first bound of a Rust trait object."""
    if lang == "rust":
        return parts[0]
    things = [part for part in (one.strip() for one in parts) if part not in _NOTHING]
    return things[0] if len(things) == 1 else None


def _first_argument(tail: str) -> str:
    return _outside_brackets(tail[1:], ",>]")[0]


def _outside_brackets(text: str, signs: str) -> list[str]:
    """Split at signs that stand in no bracket; never empty."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        if depth == 0 and sign in signs:
            parts.append(text[start:at])
            start = at + 1
        elif sign in "<[({":
            depth += 1
        elif sign in ">])}":
            depth -= 1
    return [*parts, text[start:]]
