"""What the indexer costs beside bare parsing and `git status`: cold, unchanged, one file changed, and its memory.

    python benchmarks/index.py FOLDER... [--workers 2] [--repeat 5]

Each folder is copied into a new repository of git with one commit. In one process after another are measured: bare
tree-sitter parsing of the files that indexing reads, with as many processes; `git status`; a first index run; a run
with nothing changed; a run with one function added to one file; one with the body of that function changed. CPU is that
of the process and its helpers, without Postgres; memory the most that all of them held together. The embedded server is
thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tree_sitter import Parser

from daemon.config import shared
from daemon.git import ask, command, environment
from daemon.index import sync as syncing
from daemon.index.languages import grammar_of, language_of
from daemon.index.scan import scan
from daemon.settings import IndexSettings
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.session import Database

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROCESS_FIELDS = 22
_ADDED = {
    ".py": "\n\ndef added_{n}():\n    return {n}\n", ".go": "\nfunc added{n}() int {{ return {n} }}\n",
    ".kt": "\nfun added{n}(): Int = {n}\n", ".ts": "\nfunction added{n}() {{ return {n}; }}\n",
    ".js": "\nfunction added{n}() {{ return {n}; }}\n", ".rs": "\nfn added_{n}() -> u32 {{ {n} }}\n",
    ".c": "\nint added_{n}(void) {{ return {n}; }}\n",
}  # fmt: skip


def main() -> None:
    """Measure every folder and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)  # what, folder, database: a process of its own
    given = parser.parse_args()
    if given.part:
        what, folder, url = given.part
        print(json.dumps(PARTS[what](Path(folder), url, given.workers, given.repeat)))
        return
    place = Path(tempfile.mkdtemp(prefix="doctown-bench-", dir="/var/lib" if Path("/var/lib").is_dir() else None))
    place.chmod(0o755)
    server = EmbeddedServer(place / "db")
    (place / "db").mkdir(mode=0o755)
    try:
        url = server.start()
        upgrade(url, shared("alembic"))
        for folder in given.folders:
            print_row(folder.name, measure(folder, place / "trees" / folder.name, url, given))
    finally:
        server.stop("immediate")
        shutil.rmtree(place, ignore_errors=True)


def measure(folder: Path, tree: Path, url: str, given: argparse.Namespace) -> dict[str, Any]:
    """All parts of one folder, each in a fresh process."""
    shutil.copytree(folder, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for said in (
        ("init", "-q", "."), ("add", "-A"),
        ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "all"),
    ):  # fmt: skip
        subprocess.run(command(said), cwd=tree, env=environment(), check=True, capture_output=True)
    found: dict[str, Any] = {}
    for part in PARTS:
        words = [
            sys.executable, __file__, "--part", part, str(tree), url, "--workers", str(given.workers),
            "--repeat", str(given.repeat),
        ]  # fmt: skip
        answer = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
        found[part] = json.loads(answer)
    return found


# -- parts ----------------------------------------------------------------------------------------------------


def bare(tree: Path, url: str, workers: int, repeat: int) -> dict[str, Any]:
    """Parse what indexing reads, and nothing else."""
    del url
    entries = scan(tree, {}, IndexSettings()).to_read
    portions = [[str(tree / entry.path) for entry in entries[at : at + 32]] for at in range(0, len(entries), 32)]
    runs = []
    for _ in range(max(1, repeat // 2)):
        with watched() as seen, ProcessPoolExecutor(workers) as pool:
            list(pool.map(parse_files, portions))
        runs.append(seen)
    return {"files": len(entries), "bytes": sum(entry.size for entry in entries), **least(runs)}


def parse_files(paths: list[str]) -> int:
    """Read and parse; the nodes are not even looked at."""
    for path in paths:
        language = language_of(path)
        if language is not None:
            Parser(grammar_of(language)).parse(Path(path).read_bytes())
    return len(paths)


def status(tree: Path, url: str, workers: int, repeat: int) -> dict[str, Any]:
    """`git status`, as a person calls it."""
    del url, workers
    runs = []
    for _ in range(repeat):
        with watched() as seen:
            subprocess.run(
                ["git", "status", "--porcelain"],  # noqa: S607 - git on the PATH
                cwd=tree, check=True, capture_output=True,
            )  # fmt: skip
        runs.append(seen)
    return least(runs)


def cold(tree: Path, url: str, workers: int, _: int) -> dict[str, Any]:
    """The first run."""
    return asyncio.run(runs_of(tree, url, workers, 1, lambda _: None))


def settling(tree: Path, url: str, workers: int, _: int) -> dict[str, Any]:
    """The second run, which looks again at what may have been written while the first began."""
    return asyncio.run(runs_of(tree, url, workers, 1, lambda _: None))


def unchanged(tree: Path, url: str, workers: int, repeat: int) -> dict[str, Any]:
    """Nothing to do."""
    return asyncio.run(runs_of(tree, url, workers, repeat, lambda _: None))


def one_function(tree: Path, url: str, workers: int, repeat: int) -> dict[str, Any]:
    """A function more in a file of middle size."""
    entries = sorted(scan(tree, {}, IndexSettings()).to_read, key=lambda entry: entry.size)
    meant = [entry.path for entry in entries if Path(entry.path).suffix in _ADDED]
    path = tree / meant[len(meant) // 2]

    def edit(number: int) -> None:
        with path.open("a") as file:
            file.write(_ADDED[path.suffix].format(n=number))

    return asyncio.run(runs_of(tree, url, workers, repeat, edit))


def one_body(tree: Path, url: str, workers: int, repeat: int) -> dict[str, Any]:
    """Another figure in the function that was added last."""
    path = tree / ask(tree, "diff", "--name-only").decode().strip()

    def edit(number: int) -> None:
        before, figure, after = path.read_text().rpartition(str(repeat - 1 if number == 0 else 1000 + number - 1))
        if not figure:
            raise AssertionError(f"{path} has no function of ours")
        path.write_text(f"{before}{1000 + number}{after}")

    return asyncio.run(runs_of(tree, url, workers, repeat, edit))


PARTS: dict[str, Callable[[Path, str, int, int], dict[str, Any]]] = {
    "bare": bare, "status": status, "cold": cold, "settling": settling, "unchanged": unchanged,
    "one_function": one_function, "one_body": one_body,
}  # fmt: skip


async def runs_of(tree: Path, url: str, workers: int, repeat: int, before: Callable[[int], None]) -> dict[str, Any]:
    """The quickest of several runs, with seconds of CPU by step."""
    db = Database(url, name="doctown bench", pool_size=4)
    runs = []
    try:
        await db_ready(db)
        for number in range(repeat):
            before(number)
            steps: dict[str, float] = {}
            with cpu_by_step(steps), watched() as seen:
                report = await syncing.sync(db, tree, tree.name, IndexSettings(workers=workers))
            totals = {"nodes": sum(report.nodes_by_kind.values()), "edges": sum(report.edges_by_kind.values())}
            runs.append({**seen, "steps": steps, "wall_steps": report.seconds_by_step, **totals})
    finally:
        await db.close()
    return least(runs)


async def db_ready(db: Database) -> None:
    """A connection that is open already: what it costs is the database's."""
    async with db.statement() as connection:
        await connection.exec_driver_sql("SELECT 1")


@contextmanager
def cpu_by_step(steps: dict[str, float]) -> Iterator[None]:
    """Count CPU where the report counts wall time."""
    timed = syncing._Run.timed

    @contextmanager
    def counted(self: Any, step: str) -> Iterator[None]:
        began = cpu_of(os.getpid())
        with timed(self, step):
            yield
        steps[step] = steps.get(step, 0.0) + cpu_of(os.getpid()) - began

    syncing._Run.timed = counted  # type: ignore[method-assign]
    try:
        yield
    finally:
        syncing._Run.timed = timed  # type: ignore[method-assign]


# -- looking at processes -------------------------------------------------------------------------------------


@contextmanager
def watched(every_s: float = 0.2) -> Iterator[dict[str, Any]]:
    """Wall and CPU seconds of the block and of all processes it starts, and the most memory they held together."""
    seen: dict[str, Any] = {}
    most = [0]
    over = threading.Event()
    looked.clear()

    def look() -> None:
        while not over.is_set():
            most[0] = max(most[0], memory_of(os.getpid()))
            looked[threading.get_ident()] = time.thread_time()
            over.wait(every_s)

    looking = threading.Thread(target=look, daemon=True)
    cpu, began = cpu_of(os.getpid()), time.perf_counter()
    looking.start()
    try:
        yield seen
    finally:
        seen["wall"] = time.perf_counter() - began
        seen["cpu"] = cpu_of(os.getpid()) - cpu
        over.set()
        looking.join()
        seen["mb"] = most[0] / (1 << 20)


looked: dict[int, float] = {}  # seconds of CPU that looking itself has taken, by thread: no part of what is measured


def family(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - no files of ours
        if entry.isdigit():
            fields = stat_of(int(entry))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += parents.get(one, [])
    return found


def stat_of(pid: int) -> list[str]:
    """The fields behind the name: state, parent, ...; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def cpu_of(root: int) -> float:
    """Seconds of CPU of a process, of those it started that live, and of those it waited for."""
    ticks = 0
    for pid in family(root):
        fields = stat_of(pid)
        if len(fields) > _PROCESS_FIELDS:
            ticks += sum(int(fields[at]) for at in (11, 12, 13, 14))
    return ticks / _TICK - sum(looked.values())


def memory_of(root: int) -> int:
    """Bytes that are held together: shared pages count once, by their share."""
    total = 0
    for pid in family(root):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(text.partition("Pss:")[2].split()[0]) * 1024
        except (OSError, IndexError, ValueError):
            continue
    return total


def least(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The quickest run, with the median of the wall times beside it."""
    best = min(runs, key=lambda run: run["wall"])
    return {**best, "median": statistics.median(run["wall"] for run in runs)}


def print_row(name: str, found: dict[str, Any]) -> None:
    """One folder; said at once, because the next one may take long."""
    parse, git = found["bare"], found["status"]
    print(f"\n{name}: {parse['files']:,} files, {parse['bytes'] / 1e6:.1f} MB, {found['cold']['nodes']:,} nodes, "
          f"{found['cold']['edges']:,} edges")  # fmt: skip
    print(f"{'':12} {'wall s':>8} {'CPU s':>8} {'MB':>7}   against")
    for part, other in (
        ("bare", None), ("cold", parse), ("status", None), ("settling", git), ("unchanged", git),
        ("one_function", None), ("one_body", None),
    ):  # fmt: skip
        one = found[part]
        ratio = ""
        if other:
            ratio = f"{one['wall'] / other['wall']:5.1f} x wall, {one['cpu'] / max(other['cpu'], 0.01):5.1f} x CPU"
        print(f"{part:12} {one['wall']:8.3f} {one['cpu']:8.2f} {one['mb']:7.0f}   {ratio}")
        if "steps" in one:
            print("           CPU by step: " + ", ".join(f"{key} {value:.2f}" for key, value in one["steps"].items()))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
