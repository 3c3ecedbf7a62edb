"""Code that fits into no window: a 3,000-line function, a class of 900 members, minified code, a line of 2 MB.

    python benchmarks/monsters.py [--embedded] [--parts 24] [--write FOLDER]

Writes the four files, indexes them (and once more with the limits of the index raised, so that nothing is skipped), and
has the Coder work on each against the Ollama double; with --embedded also by the model in this process, which counts
tokens with a vocabulary of its own. Runs on its own embedded server, whose data are thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon import log
from daemon.bootstrap import App, prompts_of
from daemon.config import shared
from daemon.doubles import Double, Setup
from daemon.index.sync import sync
from daemon.llm.base import Completion, Health, Prompt, Resident, TextModel
from daemon.safety.material import Safety
from daemon.settings import EmbedderSettings, EndpointSettings, IndexSettings, LogSettings, Settings, SizeSettings
from daemon.stages.base import TextStage
from db import gather as db_gather
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.parsed import IndexReport
from db.session import Database
from db.types import Material, NodeKind, Stage

LINES, MEMBERS, LINE_CHARS = 3_000, 900, 2_000_000
_NOUNS = (
    "order basket customer invoice payment refund parcel carrier stock price tax discount coupon ledger account "
    "balance session token region currency warehouse shelf route driver window slot batch ticket queue event"
)
_WORDS = _NOUNS.split()


# --- the monsters -------------------------------------------------------------------------------------------


def function_of(lines: int = LINES) -> str:
    """Python: one function of so many lines, with conditions, loops and a nested helper."""
    chance = random.Random(1)  # noqa: S311 - repeatable
    found = ["def settle(orders, rates, *, strict=False):", '    """Settle every order of the day."""', "    total = 0"]
    found += ["    def rounded(amount):", "        return round(amount, 2)", ""]
    while len(found) < lines - 1:
        name, other = chance.sample(_WORDS, 2)
        limit = chance.randrange(10, 9_999)
        found += [
            f"    # {name}s above {limit} go to the {other} desk",
            f"    for {name} in orders.{name}s:",
            f"        if {name}.amount > {limit} and not strict:",
            f"            {other}_share = rounded({name}.amount * rates['{other}'])",
            f"            total += {other}_share",
            f"        elif {name}.is_late:",
            f"            raise Late{name.title()}({name}.number, {limit})",
            "",
        ]
    return "\n".join([*found[: lines - 1], "    return total"]) + "\n"


def class_of(members: int = MEMBERS) -> str:
    """Java: one class of so many methods, every third with a doc comment."""
    chance = random.Random(2)  # noqa: S311 - repeatable
    found = ["package shop;", "", "/** Everything that a shop can be asked. */", "public class ShopFacade {"]
    for number in range(members):
        verb = chance.choice(("get", "set", "find", "count", "cancel", "import", "export"))
        first, second = (word.title() for word in chance.sample(_WORDS, 2))
        if number % 3 == 0:
            found.append(f"    /** Does what it takes to {verb} the {first.lower()} of a {second.lower()}. */")
        found += [
            f"    public String {verb}{first}Of{second}{number}(String {second.lower()}, int attempts) {{",
            f'        return gateway.ask("{first}", {second.lower()}, attempts + {number});',
            "    }",
            "",
        ]
    return "\n".join([*found, "}"]) + "\n"


def minified(functions: int = 4_000) -> str:
    """JavaScript: functions without a line break between them."""
    chance = random.Random(3)  # noqa: S311 - repeatable
    found = ["!function(e,t){'use strict';"]
    for number in range(functions):
        word = chance.choice(_WORDS)
        found.append(
            f"function {word[0]}{number}(e,t){{var n=e.{word}||{chance.randrange(99)};"
            f"return t?n*t:{chance.choice('abcdef')}{chance.randrange(max(1, number))}(n,e.{chance.choice(_WORDS)})}}"
        )
    return "".join([*found, "}(window,document);"])


def one_line(chars: int = LINE_CHARS) -> str:
    """JavaScript: a table of data in a single line."""
    chance = random.Random(4)  # noqa: S311 - repeatable
    rows: list[str] = []
    size = 0
    while size < chars:
        row = f'{{"id":{len(rows)},"name":"{chance.choice(_WORDS)}","price":{chance.randrange(10_000) / 100}}}'
        rows.append(row)
        size += len(row) + 1
    return f"var CATALOG=[{','.join(rows)}];"[: chars - 2] + "];"


def write(folder: Path) -> None:
    """The four files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settle.py").write_text(function_of())
    (folder / "ShopFacade.java").write_text(class_of())
    (folder / "bundle.js").write_text(minified())
    (folder / "catalog.js").write_text(one_line())


# --- what becomes of them -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Monster:
    """A piece of one of the files, by the name of its node and the file."""

    title: str
    path: str
    kind: str


MONSTERS = (
    Monster("function of 3,000 lines", "settle.py", NodeKind.FUNCTION),
    Monster("class of 900 members", "ShopFacade.java", NodeKind.CLASS),
    Monster("minified file", "bundle.js", NodeKind.FILE),
    Monster("one line of 2 MB", "catalog.js", NodeKind.FILE),
)


class Watched:
    """A text model whose calls are written down."""

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self.name, self.endpoint, self.options = model.name, model.endpoint, model.options
        self.calls: list[Completion] = []

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask, and keep what came."""
        completion = await self._model.complete(prompt)
        self.calls.append(completion)
        return completion

    async def check(self) -> Health:
        """As the model says."""
        return await self._model.check()

    async def digest(self) -> str | None:
        """As the model says."""
        return await self._model.digest()

    async def residents(self) -> tuple[Resident, ...] | None:
        """As the model says."""
        return await self._model.residents()

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


@dataclass(slots=True)
class Row:
    """One line of the table."""

    title: str
    material: Material
    stage: TextStage
    calls: list[Completion]
    quality: dict[str, Any]

    def cells(self) -> list[str]:
        """As Markdown wants them."""
        source, quality = self.material.source_code, self.quality
        counted = [call.prompt_tokens or 0 for call in self.calls]
        sizes = self.stage._sizes
        room = sizes.context_tokens - sizes.output_tokens
        parts = f"{quality.get('parts_noted', 0)} of {quality['parts']}" if "parts" in quality else "whole"
        estimated = self.stage._asker.budget.tokens(source)
        return [
            self.title, f"{source.count(chr(10)) + 1:,}", f"{len(source):,}", f"{estimated:,}", parts,
            f"{100 * quality.get('left_out_chars', 0) / len(source):.0f} %", f"{quality.get('members_left_out', 0):,}",
            f"{quality.get('parts_noted', 0)} + {quality['attempts']}", f"{sum(counted):,}",
            f"{sum(counted) / quality['tokens_estimated']:.2f}", f"{max(counted):,} of {room:,}",
        ]  # fmt: skip


HEAD = (
    "piece", "lines", "characters", "its tokens, estimated", "parts read", "left out", "members left out",
    "calls: notes + answers", "tokens sent", "of the estimate", "largest prompt",
)  # fmt: skip


async def run(folder: Path, url: str, *, embedded: bool, parts: int) -> None:
    """Index, work, print."""
    db = Database(url)
    try:
        usual = await sync(db, folder, "usual", IndexSettings())
        print_index("with the limits of the index as they are", usual)
        raised = IndexSettings(max_file_kb=4096, max_line_chars=10_000_000)
        whole = await sync(db, folder, "whole", raised)
        print_index("with the limits raised", whole)
        async with Double(Setup(slots=8)) as double:
            app = an_app(db, double.url, parts)
            await work(app, whole.repo_id, "the double")
            await app.close()
        if embedded:
            app = App(
                settings=settings_of("http://localhost:9", parts).with_embedded_models(), db=db, url=url,
                prompts=prompts_of(Settings()),
            )  # fmt: skip
            await work(app, whole.repo_id, "SmolLM2-135M in this process (4,096 tokens of context)")
            await app.close()
    finally:
        await db.close()


def settings_of(url: str, parts: int) -> Settings:
    """The defaults, but for the double and the number of parts."""
    return Settings(
        endpoints={"local": EndpointSettings(provider="ollama", url=url, slots=2)},
        sizes=SizeSettings(max_parts=parts),
    ).model_copy(update={"safety": Settings().safety})


def an_app(db: Database, url: str, parts: int) -> App:
    """As in production, with the double for texts."""
    settings = settings_of(url, parts)
    models = settings.models.model_copy(update={"embedder": EmbedderSettings(provider="scripted")})
    return App(settings=settings.model_copy(update={"models": models}), db=db, url=db.url, prompts=prompts_of(settings))


async def work(app: App, repo_id: int, who: str) -> None:
    """Have each monster described, and print the table."""
    print(f"\nby {who}\n\n| {' | '.join(HEAD)} |\n|---{'|---:' * (len(HEAD) - 1)}|")
    safety = Safety(app.settings.safety)
    for monster in MONSTERS:
        material = await material_of(app.db, repo_id, monster)
        if material is None:
            print(f"| {monster.title} | not in the index |")
            continue
        safe = safety.material(material).material
        watched = Watched(app.model(Stage.CODER))
        stage = app.text_stage(Stage.CODER).stage_for(safe)
        stage.model = watched
        stage._asker.model = watched
        draft = await stage.write(safe)
        row = Row(monster.title, safe, stage, watched.calls, draft.quality)
        print(f"| {' | '.join(row.cells())} |", flush=True)


async def material_of(db: Database, repo_id: int, monster: Monster) -> Material | None:
    """What the Coder would be given; the file itself where the index makes no chunk of it."""
    from sqlalchemy import text  # noqa: PLC0415

    query = text(
        "SELECT c.id FROM chunk c JOIN node n ON n.id = c.node_id JOIN file f ON f.id = n.file_id "
        "WHERE n.repo_id = :repo AND f.path = :path AND n.kind = :kind ORDER BY length(n.source_code) DESC LIMIT 1"
    )
    async with db.statement() as connection:
        chunk = (
            await connection.execute(query, {"repo": repo_id, "path": monster.path, "kind": str(monster.kind)})
        ).scalar()
    if chunk is None:
        return None
    return (await db_gather.look(db, [chunk], Stage.CODER, language="en"))[chunk]


def print_index(title: str, report: IndexReport) -> None:
    """What the index made of the files."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.nodes_by_kind.items()))
    print(f"\n{title}: {report.files_parsed} files in {report.seconds:.1f} s: {kinds}")
    for skipped in report.skipped:
        print(f"- {skipped.path}: skipped, {skipped.reason}")


@contextmanager
def a_server() -> Iterator[str]:
    """A database that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="doctown-monsters-"))
    folder.chmod(0o755)  # root's server runs as another user, who must pass through
    server = EmbeddedServer(folder, settings=(("fsync", "off"), ("synchronous_commit", "off")))
    try:
        url = server.start()
        upgrade(url, shared("alembic"))
        yield url
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedded", action="store_true", help="by the model in this process too (minutes)")
    parser.add_argument("--parts", type=int, default=SizeSettings().max_parts, help="at most so many parts are read")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the files there and do nothing else")
    asked = parser.parse_args()
    if asked.write:
        write(asked.write)
        return
    log.setup(LogSettings(level="error"))
    with tempfile.TemporaryDirectory() as folder, a_server() as url:
        write(Path(folder))
        asyncio.run(run(Path(folder), url, embedded=asked.embedded, parts=asked.parts))


if __name__ == "__main__":
    main()
