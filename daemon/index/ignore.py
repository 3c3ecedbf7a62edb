"""What a repository leaves out: .gitignore files by the rules of git, and folders that hold no source of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from re import Pattern

from pathspec import GitIgnoreSpec

# Folders that hold downloaded, generated or cached code, whatever .gitignore says.
_NEVER = frozenset({
    ".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "__pycache__", "site-packages", ".venv", ".tox",
    ".nox", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".gradle", ".idea", ".vscode",
    ".next", ".nuxt", ".svelte-kit", ".turbo", ".parcel-cache", ".cache", ".terraform", ".dart_tool", ".yarn",
})  # fmt: skip
MARKERS = ("pyvenv.cfg", "CACHEDIR.TAG")  # in a virtual environment; in a cache, target/ of cargo among them
_MAX_BYTES = 1 << 20  # of one .gitignore

Patterns = tuple[tuple[Pattern[str], bool], ...]  # what to look for, and whether it leaves out


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The patterns of one ignore file; they speak about paths below ``base`` ("" or with a slash at its end)."""

    base: str
    spec: Patterns

    def verdict(self, path: str) -> bool | None:
        """True: left out, False: taken back in, None: not mentioned. Folders end in a slash."""
        if not path.startswith(self.base):
            return None
        return says(self.spec, path[len(self.base) :])


def says(spec: Patterns, path: str) -> bool | None:
    """The last pattern that speaks of this very path, not of a folder above it: those are asked about themselves.

    pathspec lets a pattern that names a folder match everything below, so that of ``/a/b`` and ``!a/`` the second
    would take ``a/b`` back in; for git it only speaks of ``a``.
    """
    for regex, leaves_out in spec:
        found = regex.search(path)
        if found is None:
            continue
        above = found.groupdict().get("ps_d") and found.end("ps_d") < len(path)
        if not above or regex.search(path, len(path) - 1):
            return leaves_out
    return None


def patterns(lines: Iterable[str]) -> Patterns:
    """Compiled patterns, the last one first; a line that is no pattern says nothing."""
    found: list[tuple[Pattern[str], bool]] = []
    for line in lines:
        try:
            spec = GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        found += [
            (one.regex, one.include) for one in spec.patterns if one.regex is not None and one.include is not None
        ]
    return tuple(reversed(found))


def rules_of(file: Path, base: str) -> Rules | None:
    """The rules of an ignore file; None where there is none, or none that can be read."""
    try:
        if file.is_symlink() or not file.is_file():
            return None
        with file.open("rb") as opened:
            text = opened.read(_MAX_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return None
    return Rules(base=base, spec=patterns(text.splitlines()))


def ignored(path: str, rules: tuple[Rules, ...]) -> bool:
    """Whether the last word on a path, from the outermost file to the innermost, leaves it out."""
    for one in reversed(rules):
        verdict = one.verdict(path)
        if verdict is not None:
            return verdict
    return False


class Fences:
    """Folders and files that are left out of every index; remembers each folder it was asked about.

    ``has`` says whether a path of the tree exists, where the tree is not a folder of the disk.
    """

    def __init__(self, root: Path, exclude: Iterable[str], has: Callable[[str], bool] | None = None) -> None:
        self._has = has or (lambda path: (root / path).exists())
        self._exclude = patterns(exclude)
        self._folders: dict[str, bool] = {"": True}

    def lets_in_folder(self, folder: str) -> bool:
        """Whether files may come from a folder, given without a slash at its end; "" is the root."""
        known = self._folders.get(folder)
        if known is None:
            parent, _, name = folder.rpartition("/")
            known = self.lets_in_folder(parent) and name not in _NEVER and self._is_source(folder)
            self._folders[folder] = known
        return known

    def lets_in(self, path: str) -> bool:
        """Whether a file may be indexed."""
        return self.lets_in_folder(path.rpartition("/")[0]) and not says(self._exclude, path)

    def _is_source(self, folder: str) -> bool:
        if says(self._exclude, f"{folder}/"):
            return False
        try:
            return not any(self._has(f"{folder}/{marker}") for marker in MARKERS)
        except OSError:
            return True
