"""The command line as a person uses it, on a real database, with scripted models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.main import run

CONFIG = """
database: {{url: "{url}"}}
endpoints: {{scripted: {{provider: scripted, slots: 4}}}}
models:
  coder: {{endpoint: scripted, name: scripted}}
  talker: {{endpoint: scripted, name: scripted}}
  embedder: {{provider: scripted, name: scripted, dims: 16}}
queue: {{poll_ms: 50, backoff_base_s: 0.01, backoff_cap_s: 0.02, breaker_s: 0.02}}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout, read."""
        return json.loads(self.out)


Doctown = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path, db_url: str) -> Path:
    """A configuration that needs nothing but the test's database."""
    path = tmp_path / "doctown.yaml"
    path.write_text(CONFIG.format(url=db_url), encoding="utf-8")
    return path


@pytest.fixture
def doctown(config: Path, capsys: pytest.CaptureFixture[str]) -> Doctown:
    """Run a command in this process."""

    def call(*arguments: str, config: Path | None = config) -> Result:
        capsys.readouterr()
        options = ["--config", str(config)] if config else []
        try:
            run([*options, *arguments])
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small repository without git."""
    root = tmp_path / "shop"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text("")
    (root / "shop" / "orders.py").write_text(
        '''"""Orders and what becomes of them."""

from shop.mail import send_receipt


class OrderService:
    """Takes orders."""

    def __init__(self, repo: "OrderRepository") -> None:
        self.repo = repo

    def place(self, basket: list[str], *, express: bool = False) -> int:
        """Store an order and tell the customer."""
        number = self.repo.save(basket)
        send_receipt(number)
        return number


class OrderRepository:
    def save(self, basket: list[str]) -> int:
        return len(basket)
'''
    )
    (root / "shop" / "mail.py").write_text(
        'def send_receipt(number: int) -> None:\n    """Mail it."""\n    print(f"order {number}")\n'
    )
    return root


@pytest.fixture
def built(doctown: Doctown, shop: Path) -> Doctown:
    """A repository that is documented."""
    result = doctown("build", str(shop))
    assert result.code == 0, result.err
    return doctown
