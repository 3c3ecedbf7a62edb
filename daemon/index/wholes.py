"""What is described as a whole: packages, one for each folder that holds more than one thing, and the repository.

Pure. A folder with a single file, or with a single folder in it, is no package of its own: it would say what that says.
Its content stands one level higher.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from db.types import NodeKind
from db.wholes import SourceFile, Whole

_FEWEST = 2  # things that make a package
_TESTS = frozenset({"test", "tests", "__tests__", "spec", "specs", "testing", "testdata"})
# Files in which a language keeps what is to be said of the folder.
_SPEAKERS = ("__init__.py", "package-info.java", "doc.go", "mod.rs", "lib.rs", "index.ts", "index.js", "package.scala")


@dataclass(slots=True)
class _Folder:
    path: str
    files: list[SourceFile] = field(default_factory=list)
    folders: dict[str, _Folder] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a folder gives to the one above it."""

    files: tuple[SourceFile, ...] = ()
    packages: tuple[str, ...] = ()  # paths of folders

    @property
    def size(self) -> int:
        return len(self.files) + len(self.packages)

    def __add__(self, other: _Unit) -> _Unit:
        return _Unit((*self.files, *other.files), (*self.packages, *other.packages))


def wholes_of(repo: str, files: Sequence[SourceFile]) -> list[Whole]:
    """The packages of a repository, inner ones first, and the repository itself; nothing where there is no file."""
    if not files:
        return []
    root = _tree(files)
    held: dict[str, _Unit] = {}
    top = _gather(root, held, is_root=True)
    natural = _natural_names(root, held)
    names = _unique(natural)
    below = {path: _files_below(unit, held) for path, unit in held.items()}
    packages = [_package(path, unit, names[path], below[path]) for path, unit in held.items()]
    return [*packages, _repository(repo, top, files)]


def _tree(files: Iterable[SourceFile]) -> _Folder:
    root = _Folder("")
    for file in sorted(files, key=lambda one: one.path):
        folder = root
        for part in PurePosixPath(file.path).parent.parts:
            inside = f"{folder.path}/{part}" if folder.path else part
            folder = folder.folders.setdefault(part, _Folder(inside))
        folder.files.append(file)
    return root


def _gather(folder: _Folder, held: dict[str, _Unit], *, is_root: bool = False) -> _Unit:
    unit = _Unit(files=tuple(folder.files))
    for name in sorted(folder.folders):
        unit = unit + _gather(folder.folders[name], held)
    if is_root or unit.size < _FEWEST:
        return unit
    held[folder.path] = unit
    return _Unit(packages=(folder.path,))


def _natural_names(root: _Folder, held: Mapping[str, _Unit]) -> dict[str, str]:
    """What each folder is called by its own files, else by those below it; its path where they do not agree."""
    found: dict[str, str] = {}

    def name(folder: _Folder) -> str:
        inner = {part: name(inside) for part, inside in folder.folders.items()}
        said = {file.package for file in folder.files if file.package}
        if not said:
            # ``shop.orders`` in a folder ``orders`` says that the folder above it is ``shop``.
            said = {
                called.removesuffix(f".{part}") for part, called in inner.items() if called.endswith(f".{part}")
            }  # fmt: skip
        own = said.pop() if len(said) == 1 else ""
        if folder.path in held:
            found[folder.path] = own or folder.path
        return own

    name(root)
    return found


def _unique(natural: Mapping[str, str]) -> dict[str, str]:
    """Of folders that bear one name, the code before its tests, it belongs to the one that is least deep."""
    claims: defaultdict[str, list[str]] = defaultdict(list)
    for path, name in natural.items():
        claims[name].append(path)
    owner = {name: min(paths, key=_claim) for name, paths in claims.items()}
    return {path: name if owner[name] == path else path for path, name in natural.items()}


def _claim(path: str) -> tuple[bool, int, str]:
    parts = path.split("/")
    return bool(_TESTS.intersection(parts)), len(parts), path


def _files_below(unit: _Unit, held: Mapping[str, _Unit]) -> list[SourceFile]:
    return [*unit.files, *(file for path in unit.packages for file in _files_below(held[path], held))]


def _package(path: str, unit: _Unit, name: str, below: Sequence[SourceFile]) -> Whole:
    speaker = min(
        (file for file in unit.files if file.name in _SPEAKERS and file.doc_summary),
        key=lambda file: _SPEAKERS.index(file.name),
        default=None,
    )
    return Whole(
        kind=NodeKind.PACKAGE,
        fqn=name,
        name=PurePosixPath(path).name,
        lang=_language(below),
        folder=path,
        doc_summary=speaker.doc_summary if speaker else None,
        doc_details=speaker.doc_details if speaker else None,
        files=tuple((file.node_id, file.path) for file in unit.files),
        packages=unit.packages,
    )


def _repository(repo: str, top: _Unit, files: Sequence[SourceFile]) -> Whole:
    return Whole(
        kind=NodeKind.REPOSITORY,
        fqn=repo,
        name=repo,
        lang=_language(files),
        folder="",
        files=tuple((file.node_id, file.path) for file in top.files),
        packages=top.packages,
    )


def _language(files: Sequence[SourceFile]) -> str:
    counts = Counter(file.lang for file in files)
    return min(counts, key=lambda lang: (-counts[lang], lang))
