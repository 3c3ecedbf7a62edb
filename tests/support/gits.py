"""Repositories of git for tests: nothing of the caller's settings, dates that do not move."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

GIT = shutil.which("git") or "git"
_ENVIRONMENT = {
    "PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}  # fmt: skip


def git(root: Path, *words: str, data: bytes | None = None) -> str:
    """What git prints."""
    done = subprocess.run([GIT, *words], cwd=root, env=_ENVIRONMENT, check=True, capture_output=True, input=data)
    return done.stdout.decode().strip()


def put(root: Path, files: Mapping[str, str]) -> Path:
    """Write files."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def a_repository_of_git(root: Path, files: Mapping[str, str]) -> Path:
    """A new repository with these files in its first commit."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    put(root, files)
    commit(root, "first")
    return root


def commit(root: Path, message: str = "more") -> str:
    """Commit everything; the name of the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")
