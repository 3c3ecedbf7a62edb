"""Names for groups of files that belong together: by the words that they have and the other groups have not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.identifiers import split
from db.types import Cluster

_WORDS = 3  # of a label
_SHORTEST = 3  # letters of a word that says something
_FILE_WEIGHT = 2  # the author named the file for what is in it
_SAY_NOTHING = frozenset(
    {"init", "main", "index", "utils", "util", "common", "base", "test", "tests", "src", "get", "set"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsystem:
    """One group of files: ``label`` are its own words, ``place`` the folder they share, empty for the root."""

    label: str
    place: str
    files: int
    names: tuple[str, ...]


def subsystems_of(clusters: Sequence[Cluster]) -> tuple[Subsystem, ...]:
    """The groups in their order, each with a label; one without any word of its own is called by a file."""
    counts = [_words(cluster) for cluster in clusters]
    spread = Counter(word for found in counts for word in found)
    common = _place([path for cluster in clusters for path in cluster.files])
    return tuple(
        Subsystem(
            label=_label(found, spread, len(clusters), _folder(cluster, common)) or cluster.files[0],
            place=_place(cluster.files),
            files=len(cluster.files),
            names=cluster.names,
        )
        for cluster, found in zip(clusters, counts, strict=True)
    )


def _words(cluster: Cluster) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in cluster.files:
        for word in _parts(PurePosixPath(path).stem):
            found[word] += _FILE_WEIGHT
    for name in cluster.names:
        found.update(_parts(name))
    return found


def _parts(name: str) -> set[str]:
    pieces = split(name)
    parts = pieces[1:] or pieces  # the whole comes first, then what it is made of
    return {part for part in parts if len(part) >= _SHORTEST and part not in _SAY_NOTHING and not part.isdigit()}


def _label(found: Counter[str], spread: Counter[str], groups: int, folder: str) -> str:
    """Words that are frequent here and rare elsewhere (term frequency by inverse document frequency), behind the name
    of a folder that the group has to itself."""
    worth = {word: count * math.log(1 + groups / spread[word]) for word, count in found.items()}
    chosen = [folder] if folder else []
    for word in sorted(worth, key=lambda word: (-worth[word], word)):
        if len(chosen) < _WORDS and not any(word.rstrip("s") == one.rstrip("s") for one in chosen):
            chosen.append(word)
    return ", ".join(chosen)


def _folder(cluster: Cluster, common: str) -> str:
    """The last part of the folder that a group shares, where that is not the folder of all groups."""
    place = _place(cluster.files)
    return PurePosixPath(place).name.strip("_") if place != common else ""


def _place(files: Sequence[str]) -> str:
    """The folder that all of them share."""
    folders = [PurePosixPath(path).parent.parts for path in files]
    shared = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared)
