"""All files of a source tree that its .gitignore files leave in: git is asked; without git we look ourselves.

Both ways give the same list, but for what only git can know: files that are tracked although they are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemon.git import GitError, ask
from daemon.index.ignore import Fences, Rules, ignored, rules_of
from db.parsed import SkippedFile

_MAX_NESTED = 16  # repositories inside repositories


@dataclass(slots=True)
class Listing:
    """Paths of files and symbolic links, POSIX and relative; and what could not be looked into.

    ``by_git``: git made the list, and there is no repository inside the repository.
    """

    paths: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    by_git: bool = False


def list_files(root: Path, fences: Fences) -> Listing:
    """The files below ``root`` in order; folders behind the fences are not entered."""
    nested: list[str] = []
    paths = git_paths(root, nested=nested)
    if not paths:  # no repository, no git, or a root that the repository round it ignores
        return walk(root, fences)
    return Listing(paths=sorted(path for path in paths if fences.lets_in(path)), by_git=not nested)


def git_paths(root: Path, depth: int = 0, nested: list[str] | None = None) -> list[str] | None:
    """What git tracks or would track below ``root``; None where git cannot say.

    Repositories inside it are looked into as well, and told in ``nested``.
    """
    if depth > _MAX_NESTED:
        return None
    try:
        answer = ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    except GitError:
        return None
    paths: list[str] = []
    for raw in filter(None, answer.split(b"\0")):
        path = os.fsdecode(raw).rstrip("/")
        full = root / path
        if full.is_symlink() or not full.is_dir():
            paths.append(path)
        elif full != root:  # a repository of its own: a submodule, or one that nobody told git about
            inner = git_paths(full, depth + 1) or []
            if nested is not None:
                nested.append(path)
            paths += [f"{path}/{one}" for one in inner]
    return paths


def walk(root: Path, fences: Fences) -> Listing:
    """The same by looking into every folder, with the .gitignore files on the way."""
    listing = Listing()
    for folder, base, rules, names in _visited(root, fences, listing.skipped):
        for name in names:
            path = f"{folder}/{name}" if folder else name
            if fences.lets_in(path) and not ignored(f"{base}{name}", rules):
                listing.paths.append(path)
    listing.paths.sort()
    return listing


def folders(root: Path, fences: Fences) -> list[str]:
    """The folders that ``walk`` would look into, "" for the root, empty ones among them."""
    return sorted(folder for folder, _, _, _ in _visited(root, fences, []))


def _visited(
    root: Path, fences: Fences, skipped: list[SkippedFile]
) -> Iterator[tuple[str, str, tuple[Rules, ...], list[str]]]:
    """Every folder that is let in: its path, what its rules call it, the rules, the names of what is no folder."""
    prefix, outer = _outer_rules(root)
    waiting: list[tuple[str, str, tuple[Rules, ...]]] = [("", prefix, outer)]
    while waiting:
        folder, base, rules = waiting.pop()
        here = root / folder if folder else root
        if folder and (here / ".git").exists():  # a repository of its own obeys its own rules only
            base, rules = "", ()
        rules = _with_rules_in(here, base, rules)
        try:
            with os.scandir(here) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"the folder cannot be read: {error.strerror}"
            skipped.append(SkippedFile(path=folder or ".", reason=reason, passing=True))
            continue
        names: list[str] = []
        for child in children:
            if not child.is_dir(follow_symlinks=False):
                names.append(child.name)
                continue
            path, inside = f"{folder}/{child.name}" if folder else child.name, f"{base}{child.name}/"
            if fences.lets_in_folder(path) and not ignored(inside, rules):
                waiting.append((path, inside, rules))
        yield folder, base, rules, names


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
