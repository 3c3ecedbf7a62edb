"""All files of a source tree that its .gitignore files leave in: git is asked; without git we look ourselves.

Both ways give the same list, but for what only git can know: files that are tracked although they are ignored.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from daemon.index.ignore import Fences, Rules, ignored, rules_of
from db.parsed import SkippedFile

_TIMEOUT_S = 60.0
_MAX_NESTED = 16  # repositories inside repositories
_LS_FILES = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*",
    "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate",
)  # fmt: skip
# Nothing of the caller's environment or settings: the list depends on the tree alone.
_ENVIRONMENT = {
    "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}  # fmt: skip


@dataclass(slots=True)
class Listing:
    """Paths of files and symbolic links, POSIX and relative; and what could not be looked into."""

    paths: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)


def list_files(root: Path, fences: Fences) -> Listing:
    """The files below ``root`` in order; folders behind the fences are not entered."""
    paths = git_paths(root)
    if not paths:  # no repository, no git, or a root that the repository round it ignores
        return walk(root, fences)
    return Listing(paths=sorted(path for path in paths if fences.lets_in(path)))


def git_paths(root: Path, depth: int = 0) -> list[str] | None:
    """What git tracks or would track below ``root``; None where git cannot say."""
    git = shutil.which("git")
    if git is None or depth > _MAX_NESTED:
        return None
    try:
        done = subprocess.run(
            [git, *_LS_FILES],
            cwd=root, env=_ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode != 0:
        return None
    paths: list[str] = []
    for raw in filter(None, done.stdout.split(b"\0")):
        path = os.fsdecode(raw).rstrip("/")
        full = root / path
        if full.is_symlink() or not full.is_dir():
            paths.append(path)
        elif full != root:  # a repository of its own: a submodule, or one that nobody told git about
            inner = git_paths(full, depth + 1) or []
            paths += [f"{path}/{one}" for one in inner]
    return paths


def walk(root: Path, fences: Fences) -> Listing:
    """The same by looking into every folder, with the .gitignore files on the way."""
    listing = Listing()
    prefix, outer = _outer_rules(root)
    waiting: list[tuple[str, str, tuple[Rules, ...]]] = [("", prefix, outer)]
    while waiting:
        folder, base, rules = waiting.pop()  # base: the folder as the rules call it
        here = root / folder if folder else root
        if folder and (here / ".git").exists():  # a repository of its own obeys its own rules only
            base, rules = "", ()
        rules = _with_rules_in(here, base, rules)
        try:
            with os.scandir(here) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"the folder cannot be read: {error.strerror}"
            listing.skipped.append(SkippedFile(path=folder or ".", reason=reason, passing=True))
            continue
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            if child.is_dir(follow_symlinks=False):
                inside = f"{base}{child.name}/"
                if fences.lets_in_folder(path) and not ignored(inside, rules):
                    waiting.append((path, inside, rules))
            elif fences.lets_in(path) and not ignored(f"{base}{child.name}", rules):
                listing.paths.append(path)
    listing.paths.sort()
    return listing


def _with_rules_in(folder: Path, base: str, rules: tuple[Rules, ...]) -> tuple[Rules, ...]:
    if (folder / ".git").is_dir():
        private = rules_of(folder / ".git" / "info" / "exclude", base)
        rules = (private, *rules) if private else rules
    own = rules_of(folder / ".gitignore", base)
    return (*rules, own) if own else rules


def _outer_rules(root: Path) -> tuple[str, tuple[Rules, ...]]:
    """Where ``root`` lies in the repository round it, with a slash at its end, and the rules on the way there."""
    whole = root.resolve()
    top = next((folder for folder in (whole, *whole.parents) if (folder / ".git").exists()), None)
    if top is None or top == whole:
        return "", ()
    parts = whole.relative_to(top).parts
    rules: tuple[Rules, ...] = ()
    for count, name in enumerate(parts):
        base = "".join(f"{part}/" for part in parts[:count])
        rules = _with_rules_in(top.joinpath(*parts[:count]), base, rules)
        if ignored(f"{base}{name}/", rules):
            return "", ()
    return "".join(f"{part}/" for part in parts), rules
