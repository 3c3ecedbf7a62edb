"""Watching a folder: one run per burst, nothing missed while nobody listened, errors do not end it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.errors import SourceError
from daemon.follow import events as eventing
from daemon.follow.events import relevance, shared, watched_folders
from daemon.follow.watch import Watch
from daemon.reach import FollowSettings
from daemon.settings import IndexSettings
from tests.support.gits import a_repository_of_git, commit, git, put

SETTINGS = IndexSettings()


class Runs:
    """Counts the runs and says when one is over."""

    def __init__(self, run: Callable[[int], None] = lambda _: None) -> None:
        self.count = 0
        self.told: list[str] = []
        self._run = run
        self._over = asyncio.Condition()

    async def __call__(self) -> None:
        self.count += 1
        try:
            self._run(self.count)
        finally:
            async with self._over:
                self._over.notify_all()

    async def reached(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(30), self._over:
            await self._over.wait_for(wanted)


@asynccontextmanager
async def watching(root: Path, runs: Runs, **settings: object) -> AsyncIterator[asyncio.Event]:
    stopping = asyncio.Event()
    chosen = FollowSettings(**{"quiet_ms": 30, "poll_s": 0.1, **settings})  # type: ignore[arg-type]
    watch = Watch(root, SETTINGS, chosen, run=runs, told=lambda said, _: runs.told.append(said))
    task = asyncio.create_task(watch.until(stopping))
    try:
        await runs.reached(lambda: runs.count >= 1)
        yield stopping
    finally:
        stopping.set()
        async with asyncio.timeout(30):
            await task


async def test_a_run_for_every_burst_and_none_for_what_is_ignored(tmp_path: Path) -> None:
    root = put(tmp_path / "tree", {"a.py": "", ".gitignore": "*.gen.py\nout/\n", "out/x.py": "", "notes.txt": ""})
    seen: list[str] = []
    runs = Runs(lambda _: seen.append((root / "a.py").read_text()))
    async with watching(root, runs):
        put(root, {"notes.txt": "1", "out/x.py": "2", "node_modules/y.js": ""})
        put(root, {"a.py": "changed"})
        await runs.reached(lambda: seen[-1] == "changed")
        for number in range(50):
            put(root, {f"m{number}.py": ""})
        put(root, {"a.py": "again"})
        await runs.reached(lambda: seen[-1] == "again")
    assert runs.told == []
    assert runs.count <= 5, "53 files were written"


async def test_new_folders_are_watched_too(tmp_path: Path) -> None:
    root = put(tmp_path / "tree", {"a.py": ""})
    deep = root / "one/two"
    seen: list[str] = []
    runs = Runs(lambda _: seen.append((deep / "b.py").read_text() if (deep / "b.py").exists() else ""))
    async with watching(root, runs):
        deep.mkdir(parents=True)
        put(deep, {"b.py": "first"})
        await runs.reached(lambda: seen[-1] == "first")
        put(deep, {"b.py": "second"})
        await runs.reached(lambda: seen[-1] == "second")
        shutil.rmtree(root / "one")
        await runs.reached(lambda: seen[-1] == "")


async def test_a_branch_of_thousands_of_files_is_one_run(tmp_path: Path) -> None:
    root = a_repository_of_git(tmp_path / "tree", {"a.py": "main"})
    git(root, "checkout", "-qb", "side")
    put(root, {f"d{number % 20}/m{number}.py": "" for number in range(2000)} | {"a.py": "side"})
    commit(root)
    git(root, "checkout", "-q", "main")
    seen: list[tuple[str, int]] = []
    runs = Runs(lambda _: seen.append(((root / "a.py").read_text(), len(list(root.glob("d*/*.py"))))))
    async with watching(root, runs, quiet_ms=500):
        await asyncio.to_thread(git, root, "checkout", "-q", "side")
        await runs.reached(lambda: seen[-1][0] == "side")
        put(root, {"a.py": "end"})
        await runs.reached(lambda: seen[-1][0] == "end")
    assert [one for one in seen if one[0] != "end"] == [("main", 0), ("side", 2000)]


async def test_an_error_is_told_and_tried_again(tmp_path: Path) -> None:
    root = put(tmp_path / "tree", {"a.py": ""})

    def fail(number: int) -> None:
        if number in {1, 2}:
            raise SourceError(f"failure {number}")

    runs = Runs(fail)
    async with watching(root, runs):
        await runs.reached(lambda: runs.count >= 3)
        put(root, {"a.py": "x"})
        await runs.reached(lambda: runs.count >= 4)
    assert runs.told == ["failure 1", "failure 2"]


async def test_a_stop_waits_for_the_run_under_way(tmp_path: Path) -> None:
    root = put(tmp_path / "tree", {"a.py": ""})
    begun, end, ended = asyncio.Event(), asyncio.Event(), []

    async def run() -> None:
        begun.set()
        await end.wait()
        ended.append(True)

    stopping = asyncio.Event()
    task = asyncio.create_task(Watch(root, SETTINGS, FollowSettings(), run=run, told=print).until(stopping))
    await begun.wait()
    stopping.set()
    end.set()
    async with asyncio.timeout(30):
        await task
    assert ended == [True]


@pytest.mark.parametrize("why", ["file system", "watches"])
async def test_without_events_a_clock_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    root = put(tmp_path / "tree", {"a.py": ""})

    async def refuse(*folders: object, **__: object) -> AsyncIterator[object]:
        if folders:
            raise OSError("OS file watch limit reached.")
        yield folders

    if why == "watches":
        monkeypatch.setattr(eventing, "awatch", refuse)
    else:
        monkeypatch.setattr(eventing, "shared", lambda _: "nfs4 does not tell")
    runs = Runs()
    async with watching(root, runs):
        await runs.reached(lambda: runs.count >= 3)
    assert len(runs.told) == 1
    assert runs.told[0].endswith("; looking every 0.1 s instead")


async def test_a_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    root = put(tmp_path / "tree", {"a.py": ""})
    seen: list[bool] = []

    def look(_: int) -> None:
        seen.append((root / "a.py").exists())
        if not seen[-1]:
            raise SourceError("there is no such folder")

    runs = Runs(look)
    async with watching(root, runs):
        shutil.rmtree(root)
        await runs.reached(lambda: not seen[-1])
        put(root, {"a.py": ""})
        await runs.reached(lambda: seen[-1])


def test_what_matters(tmp_path: Path) -> None:
    root = put(tmp_path, {"a.py": "", "b/c.py": "", ".git/x": "", ".venv/pyvenv.cfg": "", "out/CACHEDIR.TAG": ""})
    assert watched_folders(root, SETTINGS) == ["", "b"]
    matters = relevance(root, SETTINGS, frozenset({"", "b"}))
    said = {
        path: matters(str(root / path))
        for path in (
            "a.py",
            "b",
            "b/c.py",
            "b/.gitignore",
            "go.mod",
            "run",
            "x.txt",
            ".git",
            ".venv",
            "gone.py",
            "b/d.pyc",
        )
    }
    assert said == {
        "a.py": False, "b": True, "b/c.py": False, "b/.gitignore": True, "go.mod": False, "run": False, "x.txt": None,
        ".git": None, ".venv": None, "gone.py": False, "b/d.pyc": None,
    }  # fmt: skip
    assert matters("/elsewhere/a.py") is None
    assert matters(str(root)) is None


def test_disks_of_others(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:40 / /srv rw shared:5 - nfs4 host:/srv rw\n"
        f"3 2 8:2 / {tmp_path / 'a b'} rw - xfs /dev/sdb rw\n".replace("a b", "a\\040b")
    )
    assert shared(tmp_path, mounts) == ""
    assert shared(Path("/srv/code"), mounts) == "nfs4 does not tell of changes that other machines make"
    assert shared(tmp_path / "a b" / "c", mounts) == ""
    assert shared(tmp_path, tmp_path / "nowhere") == ""
