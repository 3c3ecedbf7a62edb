"""Model calls over the commits of a real repository: `make replay REPO=path N=30`.

    python benchmarks/replay.py REPO [--commits 30] [--ref HEAD] [--explain]

Checks out the parent of the first of N commits, indexes it and has everything written; then one commit after the other,
as a daemon does that follows the repository: index, then Coder and Talker until nothing is left. The models are the
Ollama double; index, queue, ledger and guards are the product. Embeddings are off: no language model makes them.

Commits are the last N on the first-parent line of --ref, without merges, that touch a file which is read. What each
truly changed is judged without the product (benchmarks/truly.py). Printed per commit, calls of both stages together:

  changed   functions and classes, and files without any, that are new or say something new; not what only moved
  own       calls for what is new or has a new source, and for plain texts of those
  context   refreshes, at the lowest priority: what is called shows another signature or doc comment
  wholes    files, packages, the repository, told anew because what they hold says something else
  ledger    texts that were due and came from the ledger, without a call

The last line counts `own` and `context`: `commits N changed C calls K ratio R`, R = K / (2 C), two stages for each. The
line before tells the ratio of `own` alone, and the whole bill. Runs on an embedded server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import text

from benchmarks import truly
from daemon import log
from daemon.bootstrap import App, prompts_of
from daemon.config import shared
from daemon.doubles.server import Double
from daemon.doubles.setup import Setup
from daemon.index.languages import language_of
from daemon.index.sync import sync
from daemon.settings import EndpointSettings, LogSettings, Settings
from db import switch
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.session import Database
from db.types import Stage

STAGES = (Stage.CODER, Stage.TALKER)
_GIT = shutil.which("git") or "git"
_WHOLES = frozenset({"file", "package", "repository"})
_WRITTEN = """
SELECT n.fqn, c.strategy, g.stage, w.reason, cw.reason AS coder_reason, g.reused_from IS NOT NULL AS reused,
       CASE WHEN g.reused_from IS NULL THEN 1 + g.regenerations ELSE 0 END AS calls,
       EXISTS (SELECT FROM generation k WHERE k.id > :last AND k.chunk_id = g.chunk_id AND k.stage = 'coder') AS told
  FROM generation g
  JOIN chunk c ON c.id = g.chunk_id
  JOIN node n ON n.id = c.node_id
  JOIN work w ON w.chunk_id = c.id AND w.stage = g.stage
  LEFT JOIN work cw ON cw.chunk_id = c.id AND cw.stage = 'coder'
 WHERE g.id > :last
 ORDER BY n.fqn, g.stage
"""


@dataclass(slots=True)
class Cost:
    """Calls of one commit."""

    own: int = 0
    context: int = 0
    wholes: int = 0
    ledger: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """All of them."""
        return self.own + self.context + self.wholes

    def add(self, other: Cost) -> None:
        """The sum of both."""
        self.own += other.own
        self.context += other.context
        self.wholes += other.wholes
        self.ledger += other.ledger
        self.stages += other.stages
        self.reasons += other.reasons


class Repository:
    """A clone without a history of its own; what is asked of git is asked here."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        self._run("clone", "--quiet", "--shared", "--no-checkout", str(source), str(folder), at=source)

    def _run(self, *arguments: str, at: Path | None = None) -> bytes:
        done = subprocess.run(
            [_GIT, "-c", "advice.detachedHead=false", "-c", "core.hooksPath=/dev/null", *arguments],
            cwd=at or self.folder, check=True, capture_output=True, env={**os.environ, "GIT_LFS_SKIP_SMUDGE": "1"},
        )  # fmt: skip
        return done.stdout

    def commits(self, ref: str, number: int) -> list[str]:
        """The last commits that touch a file which is read, oldest first."""
        found: list[str] = []
        listed = self._run("log", "--first-parent", "--no-merges", "--format=%x01%H", "--name-only", "-z", ref)
        for entry in listed.decode("utf-8", "replace").split("\1")[1:]:
            commit, _, names = entry.partition("\0")
            if any(language_of(name.strip()) for name in names.split("\0") if name.strip()):
                found.append(commit.strip())
            if len(found) == number:
                break
        return found[::-1]

    def checkout(self, commit: str) -> None:
        """Put the files of a commit in place; what is the same is not touched."""
        self._run("checkout", "--quiet", "--force", "--detach", commit)

    def title(self, commit: str) -> str:
        """Its number and its first line."""
        return self._run("log", "-1", "--format=%h %s", commit).decode("utf-8", "replace").strip()

    def touched(self, commit: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """The files that are read and that a commit touched, before and after it."""
        names = self._run("diff-tree", "--no-renames", "-r", "-z", "--name-status", f"{commit}^", commit)
        entries = names.decode("utf-8", "surrogateescape").split("\0")
        before: dict[str, bytes] = {}
        after: dict[str, bytes] = {}
        for status, path in zip(entries[::2], entries[1::2], strict=False):
            if language_of(path) is None:
                continue
            if status != "A":
                before[path] = self._run("cat-file", "blob", f"{commit}^:{path}")
            if status != "D":
                after[path] = self._run("cat-file", "blob", f"{commit}:{path}")
        return before, after


async def replay(source: Path, number: int, ref: str, explain: bool) -> None:
    """Everything, printed as it goes."""
    with tempfile.TemporaryDirectory(prefix="doctown-replay-") as folder:
        repository = Repository(source, Path(folder) / "tree")
        commits = repository.commits(ref, number)
        server = _a_server()
        try:
            url = server.start()
            upgrade(url, shared("alembic"))
            async with Double(Setup(slots=16)) as double:
                await _follow(url, double, repository, commits, explain)
        finally:
            server.stop("immediate")
            shutil.rmtree(server.folder, ignore_errors=True)


async def _follow(url: str, double: Double, repository: Repository, commits: list[str], explain: bool) -> None:
    db = Database(url, pool_size=20)
    settings = Settings(
        stages=STAGES, endpoints={"local": EndpointSettings(provider="ollama", url=double.url, slots=16, turns=False)}
    )
    app = App(settings=settings, db=db, url=url, prompts=prompts_of(settings))
    total, all_changed = Cost(), 0
    try:
        await switch.switch(db, STAGES, actor="replay")
        repository.checkout(f"{commits[0]}^")
        first = await _step(app, double, repository)
        print(f"{repository.title(f'{commits[0]}^')}: {first.calls} calls to begin with")
        print(f"{'changed':>8} {'own':>5} {'context':>8} {'wholes':>7} {'ledger':>7}  commit")
        for commit in commits:
            found = truly.changed(*repository.touched(commit))
            repository.checkout(commit)
            cost = await _step(app, double, repository)
            total.add(cost)
            all_changed += len(found)
            print(_row(len(found), cost, repository.title(commit)[:70]), flush=True)
            if explain:
                print("".join(f"{'':>10}changed {piece.kind} {piece.name}\n" for piece in found), end="")
                print("".join(f"{'':>10}written {name}\n" for name in cost.names), end="")
    finally:
        await app.close()
    _report(len(commits), all_changed, total)


def _report(commits: int, changed: int, total: Cost) -> None:
    calls = total.own + total.context
    print(_row(changed, total, "all of them"))
    print(f"by stage: {_listed(total.stages)}; by reason: {_listed(total.reasons)}")
    print(
        f"own {_ratio(total.own, changed)}; with context {_ratio(calls, changed)}; "
        f"the whole bill with wholes: {total.calls} calls, {_ratio(total.calls, changed)}"
    )
    print(f"commits {commits} changed {changed} calls {calls} ratio {_ratio(calls, changed)}")


def _row(changed: int, cost: Cost, title: str) -> str:
    return f"{changed:>8} {cost.own:>5} {cost.context:>8} {cost.wholes:>7} {cost.ledger:>7}  {title}"


def _ratio(calls: int, changed: int) -> str:
    return f"{calls / (len(STAGES) * changed):.3f}" if changed else "-"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "nothing"


async def _step(app: App, double: Double, repository: Repository) -> Cost:
    """Index what is checked out and have everything written; what that cost."""
    async with app.db.statement() as connection:
        last = await connection.scalar(text("SELECT COALESCE(max(id), 0) FROM generation"))
    asked = len(double.calls)
    await sync(app.db, repository.folder, "replay", app.settings.index, prune=True)
    await app.worker(stages=STAGES, refresh=False).once(asyncio.Event())
    async with app.db.statement() as connection:
        rows = (await connection.execute(text(_WRITTEN), {"last": last})).all()
        open_work = await connection.scalar(text("SELECT count(*) FROM work WHERE state <> 'done'"))
    cost = Cost()
    for row in rows:
        # A plain text follows the technical one, and is charged to what that was written for.
        reason = row.coder_reason if row.stage == Stage.TALKER and row.told else row.reason
        if row.reused:
            cost.ledger += 1
            continue
        if row.strategy in _WHOLES:
            cost.wholes += row.calls
        elif reason == "context":
            cost.context += row.calls
        else:
            cost.own += row.calls
        cost.stages[row.stage] += row.calls
        cost.reasons[f"{'whole' if row.strategy in _WHOLES else 'own'} {reason}"] += row.calls
        cost.names.append(f"{row.strategy} {row.fqn} {row.stage} {reason} {row.calls}")
    if open_work or cost.calls != len(double.calls) - asked:
        raise SystemExit(f"{open_work} not done; {len(double.calls) - asked} calls, {cost.calls} in the ledger")
    return cost


def _a_server() -> EmbeddedServer:
    """A server in a folder of its own, which root's server user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="doctown-replay-db-"))
    folder.chmod(0o755)
    return EmbeddedServer(folder, settings=(("fsync", "off"), ("synchronous_commit", "off")))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo", type=Path)
    parser.add_argument("--commits", type=int, default=30)
    parser.add_argument("--ref", default="HEAD")
    parser.add_argument("--explain", action="store_true", help="name what was changed and what was written")
    options = parser.parse_args()
    log.setup(LogSettings(level="error"))
    asyncio.run(replay(options.repo.resolve(), options.commits, options.ref, options.explain))


if __name__ == "__main__":
    main()
