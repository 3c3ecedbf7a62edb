"""The rules of the house that no linter knows: captions, lengths, fresh documentation, nothing left behind."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
import typer

from daemon.cli import main as cli

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400


def modules() -> list[Path]:
    found = [path for package in ("daemon", "db") for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in found if path.name != "__init__.py"]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_a_caption_and_a_natural_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(text))
    assert doc, "the first line of the docstring is the caption of the file"
    assert len(doc.splitlines()[0]) <= 120
    assert len(text.splitlines()) <= LONGEST


def test_every_statement_says_what_it_is_for() -> None:
    for path in [*(ROOT / "db" / "sql").glob("*.sql"), *(ROOT / "alembic" / "sql").glob("*.sql")]:
        assert path.read_text(encoding="utf-8").startswith("--"), path.name


def test_alembic_is_never_a_package() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists(), "it would shadow the real alembic"


def test_generated_documentation_is_fresh() -> None:
    for path, text in generator().generated().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not fresh: run `make docs`"


def test_every_setting_is_explained() -> None:
    rows = [line for line in (ROOT / "docs" / "configuration.md").read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_reading_command_speaks_json() -> None:
    cli._load_commands()
    root = typer.main.get_command(cli.app)
    commands = dict(getattr(root, "commands"))  # noqa: B009 - a group, says typer
    for name in (
        "index",
        "status",
        "show",
        "search",
        "requeue",
        "doctor",
        "audit",
        "pause",
        "resume",
        "workers",
        "dead",
    ):
        assert any("--json" in parameter.opts for parameter in commands[name].params), name


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_nothing_is_left_behind() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git on the PATH
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".py", ".sql", ".md", ".yaml", ".yml", ".toml"} and path != Path(__file__):
            assert not unfinished.search(path.read_text(encoding="utf-8")), name
