"""Secrets of a repository, followed through everything: to the model server and back, into every table and the log."""

from __future__ import annotations

import io
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from benchmarks.safety import leaks
from daemon import log
from daemon.doubles import Double, Setup
from daemon.errors import ModelRefused
from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedEmbedder, ScriptedModel, well_formed
from daemon.settings import (
    IndexSettings,
    LogSettings,
    SafetySettings,
)
from db.errors import StoreError
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_chunk, a_node, a_repository, all_rows, chunk_row, one, scalar, work_row
from tests.support.workers import an_app, served, work_off

TOKEN = "gh" + "p_" + "Zq8" * 12
AWS = "AKIA" + "Q3EGU7XZTP2NVMLK"
PASSWORD = "s3cret-Zq81x"
KEY_LINE = "MIIEpAIBAAKCAQEA7Zq81xW3" + "b9" * 20
KEY = f"-----BEGIN RSA {'PRIVATE'} KEY-----\\n{KEY_LINE}\\n{KEY_LINE}\\n-----END RSA {'PRIVATE'} KEY-----"
SECRETS = (TOKEN, AWS, PASSWORD, KEY_LINE)

SOURCE = f'''"""Pays bills. The old key was {AWS}."""

import requests

KEY = "{KEY}"


def connect(host, password="{PASSWORD}"):
    """Open the bank's line, for example with the token {TOKEN}."""
    return requests.get(host, auth=("bank", password))  # was: {TOKEN}


@retry(token="{TOKEN}")
def pay(total):
    line = connect("https://robot:{PASSWORD}@bank.internal/v1")
    "{AWS}".encode()
    return line.post(total, headers={{"Authorization": "Bearer {TOKEN}"}})


class Bank:
    """Talks to the bank."""

    def balance(self, api_key="{TOKEN}"):
        """The balance; log in with {PASSWORD!r} as password = "{PASSWORD}"."""
        return connect(self.host).get(api_key)
'''
# Where the index keeps the source as it is; everything else is made from it for others to read.
INDEX = {"node"}


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """All that is logged, at the lowest level."""
    stream = io.StringIO()
    log.setup(LogSettings(level="debug", format="json"), stream=stream)
    yield stream
    structlog.reset_defaults()


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A repository that should never have been pushed."""
    root = tmp_path / "bank"
    root.mkdir()
    (root / "bank.py").write_text(SOURCE, encoding="utf-8")
    return root


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    """A model server that writes down what it is asked."""
    async with Double(Setup(prompts=True, dims=16)) as server:
        yield server


def leaked(said: str) -> list[str]:
    """The secrets of which a half stands in the text."""
    return [secret for secret in SECRETS if leaks(said, secret)]


def tables(psql: Connection) -> dict[str, str]:
    """Every table but those of the index, all its rows as one text."""
    names = all_rows(psql, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        name: "\n".join(str(row["j"]) for row in all_rows(psql, f"SELECT to_jsonb(t) AS j FROM {name} t"))
        for name in sorted(str(row["tablename"]) for row in names)
        if name not in INDEX
    }


async def test_no_secret_leaves_the_index(
    db: Database, psql: Connection, bank: Path, double: Double, said: io.StringIO
) -> None:
    await sync(db, bank, "bank", IndexSettings())
    app = served(db, double.url)
    try:
        await work_off(app, stages=[Stage.CODER, Stage.TALKER, Stage.EMBED])
    finally:
        await app.close()
    assert scalar(psql, "SELECT count(*) FROM work WHERE state <> 'done'") == 0

    assert leaked("\n".join(map(str, all_rows(psql, "SELECT * FROM node")))) == list(SECRETS), "they are in the index"
    asked = "\n".join(call.asked for call in double.calls)
    assert {call.kind for call in double.calls} == {"chat", "embed"}
    assert "def connect(host, password" in asked
    assert "<REDACTED:github-token>" in asked
    assert leaked(asked) == []
    stored = tables(psql)
    assert {"chunk", "generation", "work", "embedding"} <= stored.keys()
    assert {name: found for name, rows in stored.items() if (found := leaked(rows))} == {}
    assert leaked(said.getvalue()) == []


async def test_what_was_redacted_is_counted_with_each_text(
    db: Database, psql: Connection, bank: Path, double: Double
) -> None:
    await sync(db, bank, "bank", IndexSettings())
    app = served(db, double.url)
    try:
        await work_off(app, stages=(Stage.CODER, Stage.TALKER))
    finally:
        await app.close()
    rows = all_rows(
        psql,
        "SELECT n.name, c.explain_quality #> '{coder,redacted}' AS coder FROM chunk c JOIN node n ON n.id = c.node_id",
    )
    counts = {row["name"]: row["coder"] for row in rows}
    assert counts["connect"].keys() == {"github-token", "password"}
    # In the code and in the hints: the docstring is shown there as well, signature and parameter repeat the default.
    assert counts["connect"]["github-token"] >= 3
    assert counts["connect"]["password"] >= 3
    assert counts["pay"]["url-password"] == 1
    ledger = all_rows(psql, "SELECT quality -> 'redacted' AS redacted FROM generation WHERE stage = 'coder'")
    assert all(row["redacted"] for row in ledger), "every piece of this file holds one"


async def test_redaction_that_is_off_shows_all_and_still_keeps_words_and_sheets_clean(
    db: Database, psql: Connection, bank: Path, double: Double
) -> None:
    """The same run finds what it looks for when there is something to find."""
    await sync(db, bank, "bank", IndexSettings())
    app = served(db, double.url, redact=False)
    try:
        await work_off(app, stages=[Stage.CODER, Stage.TALKER, Stage.EMBED])
    finally:
        await app.close()
    assert leaked("\n".join(call.asked for call in double.calls)) == list(SECRETS)
    kept = all_rows(psql, "SELECT idents, words, explain_md, strategy IN ('package', 'repository') AS bare FROM chunk")
    assert [row for row in kept if not row["bare"]]
    assert all(row["explain_md"] and (row["words"] or row["bare"]) for row in kept)
    assert leaked(str(kept)) == []


async def test_search_words_for_a_foreign_index_hold_none(db: Database, psql: Connection) -> None:
    """Such an index leaves them to us, and no setting leads around it."""
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), source_code=f'def f(): return "{AWS}"  # charge'))
    app = an_app(db)
    app.settings = app.settings.model_copy(update={"safety": SafetySettings(redact=False)})
    await work_off(app)
    words = chunk_row(psql, chunk)["words"]
    assert "charge" in words
    assert AWS.lower() not in words.lower()


async def test_a_secret_that_a_model_makes_up_is_not_saved(db: Database, psql: Connection) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql)))

    def talkative(prompt: Prompt) -> str:
        return f"{well_formed(prompt)} For example with the key `{AWS}`, or by https://robot:{PASSWORD}@bank.internal/."

    await work_off(an_app(db, coder=ScriptedModel(talkative)), stages=(Stage.CODER,))
    row = chunk_row(psql, chunk)
    assert "with the key `<REDACTED:aws-key>`" in row["content_raw"]
    quality = row["explain_quality"]["coder"]
    assert quality["redacted_answer"] == {"aws-key": 1, "url-password": 1}
    assert quality["defects"]["link"], "the figures quote the answer"
    assert {name: found for name, rows in tables(psql).items() if (found := leaked(rows))} == {}


async def test_a_hand_written_text_is_retold_without_its_secret(db: Database, psql: Connection) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql)), content_raw=f"It logs in with {TOKEN}.")
    talker = ScriptedModel()
    await work_off(an_app(db, talker=talker, embedder=(embedder := ScriptedEmbedder(dims=16))))
    assert talker.calls
    assert all(TOKEN not in call.prompt.user for call in talker.calls)
    assert any("<REDACTED:github-token>" in call.prompt.user for call in talker.calls)
    assert TOKEN not in str(embedder.calls)
    assert chunk_row(psql, chunk)["explain_quality"]["talker"]["redacted"] == {"github-token": 1}


@pytest.mark.parametrize("redact", [True, False])
async def test_an_error_that_quotes_the_prompt_is_recorded_without_it(
    db: Database, psql: Connection, said: io.StringIO, redact: bool
) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), source_code=f'def f(): return "{AWS}"'))

    def refusing(prompt: Prompt) -> Exception:
        return ModelRefused(f"invalid request: {prompt.user}")

    app = an_app(db, coder=ScriptedModel(refusing))
    app.settings = app.settings.model_copy(update={"safety": SafetySettings(redact=redact)})
    await work_off(app, stages=(Stage.CODER,))
    error = work_row(psql, chunk)["last_error"]
    assert "def f(): return" in error
    assert "<REDACTED:aws-key>" in error
    assert leaked(error + said.getvalue()) == []
    assert "attempt failed" in said.getvalue()


async def test_a_rotated_password_costs_no_call(db: Database, psql: Connection) -> None:
    node = a_node(psql, a_repository(psql), source_code='def f(): login(password="hunter2-Zq81")')
    chunk = a_chunk(psql, node)
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder), stages=(Stage.CODER,))
    first = chunk_row(psql, chunk)["content_raw"]
    psql.execute("UPDATE node SET source_code = 'def f(): login(password=\"rotated-9xQ7\")' WHERE id = %s", (node,))
    assert work_row(psql, chunk)["state"] == "due"
    await work_off(an_app(db, coder=coder), stages=(Stage.CODER,))
    assert (chunk_row(psql, chunk)["content_raw"], len(coder.calls)) == (first, 1)
    assert one(psql, "SELECT reused_from FROM generation ORDER BY id DESC LIMIT 1")["reused_from"] is not None


async def test_switching_redaction_off_makes_only_what_was_redacted_anew(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    a_chunk(psql, a_node(psql, repo, source_code='def f(): login(password="hunter2-Zq81")'))
    a_chunk(psql, a_node(psql, repo, source_code="def g(): return 1"))
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder), stages=(Stage.CODER,))
    assert len(coder.calls) == 2
    app = an_app(db, coder=coder)
    app.settings = app.settings.model_copy(update={"safety": SafetySettings(redact=False)})
    psql.execute("UPDATE work SET state = 'due', lane = 0, reason = 'recipe' WHERE stage = 'coder'")
    await work_off(app, stages=(Stage.CODER,))
    assert [("hunter2" in call.prompt.user) for call in coder.calls] == [False, False, True]


async def test_an_error_of_the_store_holds_no_source(db: Database, psql: Connection) -> None:
    """Postgres quotes the whole row, and the driver all parameters."""
    statement = text(
        "INSERT INTO node (repo_id, kind, lang, fqn, name, source_code) VALUES (:r, NULL, 'go', 'f', 'f', :s)"
    )
    with pytest.raises(StoreError, match="null value in column") as caught:
        async with db.write() as connection:
            await connection.execute(statement, {"r": a_repository(psql), "s": f'password = "{PASSWORD}"'})
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
