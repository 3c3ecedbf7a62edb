"""Packages and the repository: which there are, what they are called, what each holds."""

from __future__ import annotations

from itertools import count
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from daemon.index.wholes import wholes_of
from db.types import NodeKind
from db.wholes import SourceFile, Whole

_NUMBER = count(1)


def a_file(path: str, package: str = "", lang: str = "python", doc: str | None = None) -> SourceFile:
    return SourceFile(
        node_id=next(_NUMBER), path=path, name=PurePosixPath(path).name, package=package, lang=lang, doc_summary=doc
    )


def drawn(wholes: list[Whole]) -> dict[str, list[str]]:
    """What each holds, by name: files by path, packages by folder with a slash."""
    return {
        whole.fqn: [*(path for _, path in whole.files), *(f"{folder}/" for folder in whole.packages)]
        for whole in wholes
    }


def test_a_python_package_and_its_tests() -> None:
    files = [
        a_file("httpx/__init__.py", "httpx"), a_file("httpx/_client.py", "httpx"),
        a_file("httpx/_transports/__init__.py", "httpx._transports"),
        a_file("httpx/_transports/base.py", "httpx._transports"),
        a_file("tests/test_client.py", "tests"), a_file("tests/test_api.py", "tests"), a_file("setup.py"),
    ]  # fmt: skip
    assert drawn(wholes_of("httpx 1", files)) == {
        "httpx._transports": ["httpx/_transports/__init__.py", "httpx/_transports/base.py"],
        "httpx": ["httpx/__init__.py", "httpx/_client.py", "httpx/_transports/"],
        "tests": ["tests/test_api.py", "tests/test_client.py"],
        "httpx 1": ["setup.py", "httpx/", "tests/"],
    }


def test_the_repository_holds_what_stands_highest() -> None:
    files = [a_file("shop/a.py", "shop"), a_file("shop/b.py", "shop"), a_file("run.py")]
    *packages, repository = wholes_of("my shop", files)
    assert [package.fqn for package in packages] == ["shop"]
    assert (repository.kind, repository.fqn) == (NodeKind.REPOSITORY, "my shop")
    assert ([path for _, path in repository.files], repository.packages) == (["run.py"], ("shop",))


def test_code_comes_before_its_tests_where_both_are_called_the_same() -> None:
    files = [
        a_file(f"src/{side}/kotlin/org/shop/{name}.kt", "org.shop", "kotlin")
        for side in ("test", "main")
        for name in ("Order", "Basket")
    ]
    assert list(drawn(wholes_of("r", files))) == [
        "org.shop", "src/test/kotlin/org/shop", "src", "r",
    ]  # fmt: skip


def test_a_folder_above_is_called_by_what_is_below_it() -> None:
    files = [
        a_file(f"src/main/java/org/shop/{package}/{name}.java", f"org.shop.{package}", "java")
        for package in ("orders", "billing")
        for name in ("A", "B")
    ]
    assert drawn(wholes_of("r", files))["org.shop"] == [
        "src/main/java/org/shop/billing/", "src/main/java/org/shop/orders/",
    ]  # fmt: skip


def test_a_folder_with_one_thing_in_it_is_no_package() -> None:
    files = [a_file("a/b/only.go", "b", "go"), a_file("a/c/x.go", "c", "go"), a_file("a/c/y.go", "c", "go")]
    assert drawn(wholes_of("r", files)) == {"c": ["a/c/x.go", "a/c/y.go"], "a": ["a/b/only.go", "a/c/"], "r": ["a/"]}


def test_files_without_packages_are_called_by_their_folder() -> None:
    files = [a_file(f"web/src/{name}.ts", lang="typescript") for name in ("app", "main")]
    assert list(drawn(wholes_of("r", files))) == ["web/src", "r"]


def test_the_language_is_that_of_most_files_and_the_doc_its_speakers() -> None:
    files = [
        a_file("p/__init__.py", "p", doc="Orders and bills."), a_file("p/a.py", "p", doc="Not this."),
        a_file("p/run.sh", "p", "bash"),
    ]  # fmt: skip
    package, repository = wholes_of("r", files)
    assert (package.lang, package.doc_summary) == ("python", "Orders and bills.")
    assert (repository.lang, repository.doc_summary) == ("python", None)


def test_nothing_makes_nothing() -> None:
    assert wholes_of("r", []) == []


segments = st.sampled_from(["a", "b", "tests", "src", "main"])
paths = st.lists(segments, max_size=4).map("/".join)


entries = st.tuples(paths, st.sampled_from(["x.py", "y.py", "z.go"]), st.sampled_from(["", "a", "a.b"]))


@given(st.lists(entries, max_size=12))
def test_every_file_stands_in_exactly_one_whole(entries: list[tuple[str, str, str]]) -> None:
    chosen = {f"{folder}/{name}" if folder else name: package for folder, name, package in entries}
    wholes = wholes_of("r", [a_file(path, package) for path, package in chosen.items()])
    assert sorted(path for whole in wholes for _, path in whole.files) == sorted(chosen)
    packages = [whole for whole in wholes if whole.kind is NodeKind.PACKAGE]
    held = [folder for whole in wholes for folder in whole.packages]
    assert sorted(held) == sorted(whole.folder for whole in packages), "each package stands in one other whole"
    assert len({(whole.kind, whole.fqn) for whole in wholes}) == len(wholes), "no two bear one name"
    for whole in packages:
        assert len(whole.files) + len(whole.packages) >= 2
        assert all(path.startswith(f"{whole.folder}/") for _, path in whole.files)
    place = {whole.folder: number for number, whole in enumerate(packages)}
    assert all(place[inner] < place[whole.folder] for whole in packages for inner in whole.packages), "inner ones first"
