"""By which names a repository calls its own parts in imports: read from go.mod, Cargo.toml, package.json, tsconfig."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.index.languages import Naming

ROOTED = frozenset({Naming.GO, Naming.RUST, Naming.SCRIPT})  # languages whose imports may begin with such a name
MAX_BYTES = 1 << 20  # of one project file
_GO_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_JSON_NOISE = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])", re.DOTALL)


def is_project_file(path: str) -> bool:
    """Whether a file says by which name its folder is imported."""
    return PurePosixPath(path).name in _READERS


def roots_of(root: Path, paths: Iterable[str], read: Callable[[str], bytes] | None = None) -> dict[str, str]:
    """Prefix of an import -> folder, both as written and POSIX; unreadable project files say nothing.

    ``read`` gives the content of a path, or raises OSError, where the tree is not a folder of the disk.
    """
    read = read or (lambda path: _head(root / path))
    roots: dict[str, str] = {}
    for path in sorted(paths):
        reader = _READERS.get(PurePosixPath(path).name)
        if reader is None:
            continue
        try:
            found = reader(read(path)[:MAX_BYTES].decode("utf-8", errors="replace"))
        except (OSError, ValueError, RecursionError):  # ValueError: what is neither TOML nor JSON
            continue
        folder = PurePosixPath(path).parent
        for prefix, inside in found.items():
            roots.setdefault(prefix, _joined(folder, inside))
    return roots


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES)


def _joined(folder: PurePosixPath, inside: str) -> str:
    whole = (folder / inside).as_posix()
    return "" if whole == "." else whole.removeprefix("./")


def _go(text: str) -> dict[str, str]:
    match = _GO_MODULE.search(text)
    return {match[1]: ""} if match else {}


def _cargo(text: str) -> dict[str, str]:
    manifest = tomllib.loads(text)
    library = _table(manifest, "lib").get("name")
    package = _table(manifest, "package").get("name")
    names = [name.replace("-", "_") for name in (library, package) if isinstance(name, str)]
    return dict.fromkeys(names, "")


def _npm(text: str) -> dict[str, str]:
    name = _json(text).get("name")
    return {name: ""} if isinstance(name, str) and name else {}


def _tsconfig(text: str) -> dict[str, str]:
    options = _table(_json(text), "compilerOptions")
    base = options.get("baseUrl")
    base = base if isinstance(base, str) else "."
    aliases: dict[str, str] = {}
    for pattern, targets in _table(options, "paths").items():
        target = targets[0] if isinstance(targets, list) and targets else None
        prefix = pattern.removesuffix("*").rstrip("/")
        if prefix and isinstance(target, str) and not target.startswith(("/", "..")):
            aliases[prefix] = PurePosixPath(base, target.removesuffix("*")).as_posix()
    return aliases


def _json(text: str) -> Mapping[str, Any]:
    """JSON with the comments and last commas that editors put up with."""
    plain = _JSON_NOISE.sub(lambda match: match[0] if match[0].startswith('"') else "", text)
    value = json.loads(plain)
    return value if isinstance(value, dict) else {}


def _table(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


_READERS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "go.mod": _go,
    "Cargo.toml": _cargo,
    "package.json": _npm,
    "tsconfig.json": _tsconfig,
    "tsconfig.base.json": _tsconfig,
    "jsconfig.json": _tsconfig,
}
