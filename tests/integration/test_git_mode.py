"""Indexing a repository of git: only what git says differs is looked at, and the index is the same as if all were."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.git import GitError
from daemon.index import sync as syncing
from daemon.index.sync import sync
from daemon.llm.scripted import ScriptedModel
from daemon.settings import IndexSettings
from db.parsed import IndexReport
from db.session import Database
from tests.support.builders import Connection, all_rows, one, scalar
from tests.support.gits import a_repository_of_git, commit, git, put
from tests.support.workers import an_app, work_off

SETTINGS = IndexSettings()
FILES = {
    "one/one.py": "from two.two import second\n\n\ndef first():\n    return second()\n",
    "two/two.py": "def second():\n    return 2\n",
    "two/three.py": "def third():\n    return 3\n",
    ".gitignore": "*.gen.py\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return a_repository_of_git(tmp_path / "tree", FILES)


async def index(db: Database, root: Path, name: str = "tree", **options: object) -> IndexReport:
    return await sync(db, root, name, SETTINGS, **options)  # type: ignore[arg-type]


async def settled(db: Database, root: Path) -> None:
    """Two runs: files written within two seconds of the first are looked at by the second."""
    await index(db, root)
    await index(db, root)


def content(psql: Connection, name: str = "tree") -> dict[object, object]:
    rows = all_rows(
        psql,
        "SELECT f.path, f.content_hash, f.skipped, array_agg(n.fqn || n.source_hash ORDER BY n.fqn) AS nodes "
        "FROM file f JOIN repository r ON r.id = f.repo_id LEFT JOIN node n ON n.file_id = f.id "
        "WHERE r.name = %s GROUP BY f.id",
        name,
    )
    return {row["path"]: (row["content_hash"], row["skipped"], row["nodes"]) for row in rows}


async def test_nothing_is_looked_at_where_nothing_differs(db: Database, psql: Connection, tree: Path) -> None:
    await settled(db, tree)
    before = all_rows(psql, "SELECT xmin::text, * FROM repository")
    report = await index(db, tree)
    assert (report.files_seen, report.files_looked_at, report.files_unchanged) == (3, 0, 3)
    assert report.commit == git(tree, "rev-parse", "HEAD")
    assert all_rows(psql, "SELECT xmin::text, * FROM repository") == before, "and nothing is written"
    assert (await index(db, tree, full=True)).files_looked_at == 3


async def test_only_what_differs_is_looked_at(db: Database, psql: Connection, tree: Path) -> None:
    await settled(db, tree)
    put(tree, {"two/two.py": "def second():\n    return 22\n", "two/new.py": "def fresh():\n    pass\n"})
    (tree / "two/three.py").unlink()
    report = await index(db, tree)
    assert (report.files_looked_at, report.files_parsed, report.files_removed) == (2, 2, 1)
    commit(tree)
    assert (await index(db, tree)).files_parsed == 0, "a commit of what is known already changes nothing"
    git(tree, "mv", "one/one.py", "one/moved.py")
    commit(tree)
    await index(db, tree)
    assert set(content(psql)) == {"one/moved.py", "two/two.py", "two/new.py"}


async def test_an_edit_that_was_taken_back_is_seen(db: Database, psql: Connection, tree: Path) -> None:
    await settled(db, tree)
    before = content(psql)
    put(tree, {"two/two.py": "def edited():\n    return 2\n"})
    await settled(db, tree)
    assert content(psql) != before
    git(tree, "checkout", "--", "two/two.py")
    assert (await index(db, tree)).files_looked_at == 1
    assert content(psql) == before


async def test_a_file_that_is_ignored_from_now_on_is_gone(db: Database, psql: Connection, tree: Path) -> None:
    put(tree, {"made.py": "def made():\n    pass\n"})
    await settled(db, tree)
    assert "made.py" in content(psql)
    put(tree, {".gitignore": "*.gen.py\nmade.py\n"})
    await index(db, tree)
    assert "made.py" not in content(psql)


async def test_a_commit_that_is_gone_costs_one_look_at_everything(
    db: Database, psql: Connection, tree: Path, tmp_path: Path
) -> None:
    await settled(db, tree)
    put(tree, {"two/two.py": "def other():\n    return 2\n"})
    git(tree, "commit", "-qa", "--amend", "-m", "anew")
    git(tree, "reflog", "expire", "--expire=now", "--all")
    git(tree, "gc", "-q", "--prune=now")
    report = await index(db, tree)
    assert (report.files_looked_at, report.files_parsed) == (3, 1)
    assert (await index(db, tree)).files_looked_at <= 1


async def test_a_branch_and_back(db: Database, psql: Connection, tree: Path) -> None:
    await settled(db, tree)
    before = content(psql)
    git(tree, "checkout", "-qb", "side")
    put(tree, {"two/two.py": "def side():\n    return 2\n", "two/side.py": "def more():\n    pass\n"})
    commit(tree)
    await index(db, tree)
    assert "two/side.py" in content(psql)
    git(tree, "checkout", "-q", "main")
    await index(db, tree)
    assert content(psql) == before


async def test_another_name_of_the_whole_is_seen_and_the_same_one_costs_nothing(
    db: Database, psql: Connection, tmp_path: Path
) -> None:
    root = a_repository_of_git(
        tmp_path / "tree",
        {"go.mod": "module one\n", "a.go": 'package a\n\nimport "one/b"\n\nfunc A() int { return b.B() }\n',
         "b/b.go": "package b\n\nfunc B() int { return 1 }\n"},
    )  # fmt: skip
    await settled(db, root)
    assert (await index(db, root)).files_looked_at == 0
    put(root, {"a.go": 'package a\n\nimport "one/b"\n\nfunc A() int { return b.B() + 1 }\n'})
    report = await index(db, root)
    assert (report.files_looked_at, report.calls_resolved) == (1, 1), "its imports are read as before"
    put(root, {"go.mod": "module two\n"})
    report = await index(db, root)
    assert (report.files_parsed, report.calls_resolved) == (2, 0)


@pytest.mark.parametrize("settle", [True, False])
async def test_other_settings_look_at_everything(db: Database, psql: Connection, tree: Path, settle: bool) -> None:
    await (settled if settle else index)(db, tree)
    report = await sync(db, tree, "tree", IndexSettings(exclude=("two/",)))
    assert (report.files_removed, set(content(psql))) == (2, {"one/one.py"})


async def test_repositories_inside_are_looked_into(db: Database, psql: Connection, tree: Path) -> None:
    await settled(db, tree)
    inner = a_repository_of_git(tree / "inner", {"deep.py": "def deep():\n    pass\n"})
    await settled(db, tree)
    assert "inner/deep.py" in content(psql)
    put(inner, {"deep.py": "def deeper():\n    pass\n"})
    assert (await index(db, tree)).files_parsed == 1


async def test_a_part_of_a_repository(db: Database, psql: Connection, tree: Path) -> None:
    await settled(db, tree / "two")
    put(tree, {"two/two.py": "def second():\n    return 22\n", "one/one.py": "x = 1\n"})
    report = await index(db, tree / "two")
    assert (report.files_looked_at, report.files_parsed, set(content(psql))) == (1, 1, {"two.py", "three.py"})


async def test_a_run_that_was_killed_is_followed_by_a_look_at_everything(
    db: Database, psql: Connection, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(db, tree)
    put(tree, {"two/two.py": "def second():\n    return 22\n"})

    async def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(syncing, "relink", killed)
        with pytest.raises(KeyboardInterrupt):
            await index(db, tree)
    assert (await index(db, tree)).files_looked_at == 3
    assert one(psql, "SELECT index_state FROM repository")["index_state"] == "linked"


MOVES = st.sampled_from(
    ["edit", "edit back", "add", "remove", "move", "commit", "switch", "stash", "ignore", "copy", "index"]
)


SEQUENCES = st.lists(st.tuples(MOVES, st.sampled_from(sorted(FILES)[1:])), min_size=2, max_size=7)
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@given(SEQUENCES)
@settings(max_examples=5, **PATIENT)  # type: ignore[arg-type]
async def test_looking_at_a_part_ends_like_looking_at_all(
    db: Database, psql: Connection, moves: list[tuple[str, str]]
) -> None:
    await both_ways(db, psql, moves)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(SEQUENCES)
@settings(max_examples=200, **PATIENT)  # type: ignore[arg-type]
async def test_looking_at_a_part_ends_like_looking_at_all_for_long(
    db: Database, psql: Connection, moves: list[tuple[str, str]]
) -> None:
    await both_ways(db, psql, moves)


async def both_ways(db: Database, psql: Connection, moves: list[tuple[str, str]]) -> None:
    psql.execute("TRUNCATE repository CASCADE")
    with TemporaryDirectory() as folder:
        tree = a_repository_of_git(Path(folder) / "tree", FILES)
        git(tree, "branch", "side")
        await settled(db, tree)
        for number, (move, path) in enumerate(moves):
            await play(db, tree, move, path, number)
        await index(db, tree)
        await index(db, tree, "afresh")
        assert content(psql) == content(psql, "afresh")


async def play(db: Database, tree: Path, move: str, path: str, number: int) -> None:
    file = tree / path
    if move == "edit":
        put(tree, {path: f"def edited{number}():\n    pass\n"})
    elif move == "edit back":
        git(tree, "checkout", "HEAD", "--", ".")
    elif move == "add":
        put(tree, {f"two/new{number}.py": "def fresh():\n    pass\n"})
    elif move == "remove":
        file.unlink(missing_ok=True)
    elif move == "move" and file.exists():
        file.rename(tree / f"moved{number}.py")
    elif move == "copy" and file.exists():
        shutil.copy2(file, tree / f"copied{number}.py")
    elif move == "commit":
        commit(tree)
    elif move == "switch":
        now = git(tree, "rev-parse", "--abbrev-ref", "HEAD")
        git(tree, "checkout", "-qf", "side" if now == "main" else "main")
    elif move == "stash":
        git(tree, "stash", "-q", "-u")
    elif move == "ignore":
        put(tree, {".gitignore": f"*.gen.py\n{path}\nnew*.py\n"})
    elif move == "index":
        await index(db, tree)


# -- commits --------------------------------------------------------------------------------------------------


async def test_a_commit_is_indexed_without_checking_it_out(db: Database, psql: Connection, tree: Path) -> None:
    git(tree, "checkout", "-qb", "side")
    put(tree, {"two/two.py": "def side():\n    return 2\n", "run": "#!/usr/bin/env python3\nprint(1)\n"})
    (tree / "run").chmod(0o755)
    (tree / "link.py").symlink_to("/etc/passwd")
    commit(tree)
    await index(db, tree, "folder")
    git(tree, "checkout", "-q", "main")
    report = await index(db, tree, "store", commit="side")
    assert [(file.path, file.reason[:15]) for file in report.skipped] == [("link.py", "a symbolic link")]
    assert content(psql, "store") == content(psql, "folder")
    assert (tree / "two/two.py").read_text() == FILES["two/two.py"], "the folder is as it was"


async def test_of_the_next_commit_only_what_differs_is_read(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree, commit="main")
    put(tree, {"two/two.py": "def second():\n    return 22\n"})
    (tree / "two/three.py").unlink()
    commit(tree)
    report = await index(db, tree, commit="main")
    assert (report.files_parsed, report.files_unchanged, report.files_removed) == (1, 1, 1)
    report = await index(db, tree, commit="main~1")
    assert (report.files_parsed, len(content(psql))) == (2, 3)


async def test_a_folder_of_one_name_and_its_commits_do_not_mix_up(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree, commit="main")
    put(tree, {"two/two.py": "def second():\n    return 22\n"})
    await index(db, tree)
    assert scalar(psql, "SELECT count(*) FROM node WHERE source_code LIKE '%%22%%' AND kind = 'FUNCTION'") == 1
    await index(db, tree, commit="main")
    assert scalar(psql, "SELECT count(*) FROM node WHERE source_code LIKE '%%22%%' AND kind = 'FUNCTION'") == 0


@pytest.mark.parametrize("name", ["nowhere", "--output=x", "", "main:two/two.py", "main\0"])
async def test_what_is_no_commit_is_refused(db: Database, psql: Connection, tree: Path, name: str) -> None:
    with pytest.raises(GitError, match="no commit, branch or tag"):
        await index(db, tree, commit=name)
    assert scalar(psql, "SELECT count(*) FROM repository") == 0


async def test_no_call_for_what_another_branch_has_already(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree, "main")
    await work_off(an_app(db))
    git(tree, "worktree", "add", "-q", "-b", "side", str(tree.parent / "side"))
    put(tree.parent / "side", {"two/three.py": "def third():\n    return 33\n"})
    await index(db, tree.parent / "side", "side")
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder))
    asked = len(coder.calls)
    written = one(
        psql,
        "SELECT count(*) FILTER (WHERE n.kind = 'FUNCTION') AS functions FROM generation g JOIN chunk c "
        "ON c.id = g.chunk_id JOIN node n ON n.id = c.node_id JOIN repository r ON r.id = c.repo_id "
        "WHERE r.name = 'side' AND g.stage = 'coder' AND g.reused_from IS NULL",
    )
    assert written["functions"] == 1, asked
