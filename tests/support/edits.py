"""Single edits of a small real repository and what each may cost: the table of docs/staleness.md, and its measuring."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.bootstrap import App
from daemon.config import shared
from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedModel, well_formed
from daemon.prompts import Prompts
from daemon.settings import IndexSettings
from daemon.work.events import Observer
from db.session import Database
from db.types import Claim, Outcome, Stage, TextDraft
from tests.support.workers import an_app

_ORDERS = '''"""Orders and what becomes of them."""

from shop.mail import send_receipt


class Orders:
    """Takes orders."""

    def place(self, basket: list[str], *, express: bool = False) -> int:
        """Store an order and tell the customer."""
        number = len(basket)
        if express:
            number += 100
        send_receipt(number)
        return number

    def cancel(self, number: int) -> None:
        """Take an order back."""
        self.forget(number)

    def forget(self, number: int) -> None:
        print("gone", number)
'''
_MAIL = '''def send_receipt(number: int) -> None:
    """Mail the receipt."""
    print(f"order {number}")


def remind(number: int) -> None:
    """Mail a reminder."""
    send_receipt(number)
'''
_TOOLS = '''def total(prices: list[int]) -> int:
    """Sum up."""
    return sum(prices)
'''


def a_tree(root: Path) -> Path:
    """The repository: three files of one package, classes, calls across files."""
    (root / "shop").mkdir(parents=True)
    for name, text in (("__init__.py", ""), ("orders.py", _ORDERS), ("mail.py", _MAIL), ("tools.py", _TOOLS)):
        (root / "shop" / name).write_text(text, encoding="utf-8")
    return root


@dataclass(frozen=True, slots=True)
class Cost:
    """Model calls for technical texts of pieces (functions, classes), for those of wholes (files, packages, the
    repository) and for plain texts of both; how many texts the ledger served; and why work was claimed."""

    pieces: int = 0
    wholes: int = 0
    talker: int = 0
    ledger: int = 0
    reasons: frozenset[str] = field(default_factory=frozenset)

    @property
    def calls(self) -> int:
        """All of them."""
        return self.pieces + self.wholes + self.talker


@dataclass(slots=True)
class World:
    """What an edit may change: the tree, and how texts are made."""

    root: Path
    folder: Path  # for prompts of its own
    options: dict[str, object] = field(default_factory=lambda: {"temperature": 0.3})
    model: str = "coder"
    weights: str | None = "sha256:aaaa"
    language: str | None = None
    prompts: Path = field(default_factory=lambda: shared("prompts"))
    monotonous: bool = False  # the Coder says the same of everything

    def app(self, db: Database) -> App:
        """Everything wired, with models that count."""
        script = _monotonous if self.monotonous else None
        app = an_app(
            db, coder=ScriptedModel(script, name=self.model, options=self.options, weights=self.weights),
            talker=ScriptedModel(name="talker", options={"temperature": 0.7}), stages=(Stage.CODER, Stage.TALKER),
        )  # fmt: skip
        app.prompts = Prompts(self.prompts)
        return app

    def replace(self, path: str, old: str, new: str) -> None:
        """Edit a file, once."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        if text.count(old) < 1:
            raise AssertionError(f"{old!r} is not in {path}")
        file.write_text(text.replace(old, new), encoding="utf-8")


def _monotonous(prompt: Prompt) -> str:
    return well_formed(replace(prompt, system="", user=""))


Act = Callable[[World], None]


@dataclass(frozen=True, slots=True)
class Edit:
    """One row. ``before`` is done and written first and is no part of the cost: a revert needs something to revert."""

    name: str
    act: Act
    cost: Cost
    before: Act | None = None


class _Watch(Observer):
    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.saved_: list[tuple[Claim, TextDraft]] = []

    def claimed(self, stage: Stage, claims: Sequence[Claim], *, wanted: int, seconds: float) -> None:
        self.claims += claims

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        if draft is not None and outcome is Outcome.SAVED:
            self.saved_.append((claim, draft))


async def index(db: Database, world: World) -> None:
    """As `doctown index` does."""
    await sync(db, world.root, "shop", IndexSettings(workers=1), language=world.language)


async def bring_up(db: Database, world: World) -> Cost:
    """Index what is there and write what is due, as `doctown index` and `doctown run --once` do; what it cost."""
    await index(db, world)
    return await write(db, world)


async def write(db: Database, world: World) -> Cost:
    """Write what is due, as `doctown run --once` does; what it cost."""
    app, watch = world.app(db), _Watch()
    await app.worker(observers=[watch]).once(asyncio.Event())
    async with db.read() as connection:
        rows = await connection.exec_driver_sql("SELECT id FROM chunk WHERE doctown_is_whole(strategy)")
        wholes = {row[0] for row in rows}
    made = [(claim, draft) for claim, draft in watch.saved_ if draft.reused_from is None]
    counts = Counter(
        "talker" if claim.stage is Stage.TALKER else "wholes" if claim.chunk_id in wholes else "pieces"
        for claim, _ in made
    )
    asked = [model for stage in (Stage.CODER, Stage.TALKER) if isinstance(model := app.model(stage), ScriptedModel)]
    told = sum(len(model.calls) for model in asked)
    if told != len(made):
        raise AssertionError(f"{told} calls for {len(made)} texts")
    return Cost(
        **counts, ledger=len(watch.saved_) - len(made), reasons=frozenset(claim.reason for claim in watch.claims)
    )


async def document(db: Database, root: Path) -> None:
    """Make the tree at ``root`` and write everything about it."""
    await bring_up(db, World(a_tree(root), root.parent))


async def prepare(db: Database, documented: Path, folder: Path, edit: Edit) -> World:
    """Do an edit on a copy of the documented tree in ``folder``; the database knows the tree from before it."""
    world = World(folder / "tree", folder)
    await asyncio.to_thread(shutil.copytree, documented, world.root)
    if edit.before is not None:
        edit.before(world)
        await bring_up(db, world)
    edit.act(world)
    return world


async def measure(db: Database, documented: Path, folder: Path, edit: Edit) -> Cost:
    """What an edit costs, in a database of its own."""
    return await bring_up(db, await prepare(db, documented, folder, edit))


# --- the edits --------------------------------------------------------------------------------------------


def _body(world: World) -> None:
    world.replace("shop/mail.py", 'print(f"order {number}")', 'print(f"receipt {number}")')


def _body_back(world: World) -> None:
    world.replace("shop/mail.py", 'print(f"receipt {number}")', 'print(f"order {number}")')


def _whitespace(world: World) -> None:
    world.replace("shop/orders.py", "number = len(basket)\n", "number = len( basket )\n\n")


def _moved_lines(world: World) -> None:
    world.replace("shop/tools.py", "def total", "\n\n\ndef total")


def _comment(world: World) -> None:
    world.replace("shop/orders.py", "        if express:", "        # In a hurry.\n        if express:")


def _doc(world: World) -> None:
    world.replace("shop/mail.py", "Mail the receipt.", "Send the receipt by mail.")


def _signature(world: World) -> None:
    world.replace("shop/mail.py", "def send_receipt(number: int)", "def send_receipt(number: int, copy: bool = False)")


def _rename_file(world: World) -> None:
    (world.root / "shop/tools.py").rename(world.root / "shop/sums.py")


def _rename_symbol(world: World) -> None:
    world.replace("shop/tools.py", "total", "grand_total")


def _rename_method(world: World) -> None:
    world.replace("shop/orders.py", "place(", "accept(")


def _move(world: World) -> None:
    (world.root / "shop/tools.py").write_text("", encoding="utf-8")
    with (world.root / "shop/mail.py").open("a", encoding="utf-8") as file:
        file.write("\n\n" + _TOOLS)


def _copy(world: World) -> None:
    (world.root / "shop/tools_copy.py").write_text(_TOOLS, encoding="utf-8")


def _prompt(world: World) -> None:
    world.prompts = world.folder / "prompts"
    shutil.copytree(shared("prompts"), world.prompts)
    for name in ("coder", "file"):
        path = world.prompts / "en" / f"{name}.system.md"
        path.write_text(path.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")


def _model(world: World) -> None:
    world.model = "bigger"


def _weights(world: World) -> None:
    world.weights = "sha256:bbbb"


def _option(world: World) -> None:
    world.options = {"temperature": 0.5}


def _language(world: World) -> None:
    world.language = "ru"


def _nothing(world: World) -> None:
    del world


def _delete(world: World) -> None:
    world.replace("shop/mail.py", _MAIL[_MAIL.index("\n\ndef remind") :], "")


def _cost(*reasons: str, pieces: int = 0, wholes: int = 0, talker: int = 0, ledger: int = 0) -> Cost:
    return Cost(pieces, wholes, talker, ledger, frozenset(reasons))


_BELOW = ("context", "raw-changed")  # neighbours and wholes, and plain texts of what came out different
_EDITED = ("source", *_BELOW)

# What a move or rename costs is what file, package and repository have to say anew: their parts are others now.
EDITS = (
    Edit("nothing", _nothing, _cost()),
    Edit("whitespace and layout", _whitespace, _cost()),
    Edit("lines moved down", _moved_lines, _cost()),
    Edit("comment in a body", _comment, _cost()),
    Edit("body of a function", _body, _cost(*_EDITED, pieces=1, wholes=3, talker=4)),
    Edit("doc comment of a function", _doc, _cost(*_EDITED, pieces=3, wholes=3, talker=6)),
    Edit(
        "signature of a function that is called",
        _signature,
        _cost(*_EDITED, pieces=3, wholes=3, talker=6),
    ),
    Edit("function deleted", _delete, _cost(*_EDITED, wholes=3, talker=3)),
    Edit("file renamed", _rename_file, _cost()),
    Edit("method renamed", _rename_method, _cost(*_BELOW, pieces=1, wholes=3, talker=4)),  # its class names it
    Edit(
        "function too short to be told by its shape renamed",
        _rename_symbol,
        _cost("new", *_EDITED, pieces=1, wholes=3, talker=4),
    ),
    Edit(
        "function moved to another file",
        _move,
        _cost(*_EDITED, wholes=3, talker=3),
    ),
    Edit("body reverted", _body_back, _cost(*_EDITED, ledger=8), before=_body),
    Edit("file copied", _copy, _cost("new", *_BELOW, wholes=2, talker=2, ledger=4)),
    Edit(
        "prompt of the Coder, and that of files",
        _prompt,
        _cost("recipe", *_BELOW, pieces=7, wholes=5, talker=12),
    ),
    Edit("model of the Coder", _model, _cost("recipe", pieces=7, wholes=5)),
    Edit(
        "weights of the same model",
        _weights,
        _cost("recipe", pieces=7, wholes=5),
    ),
    Edit(
        "option of the Coder",
        _option,
        _cost("recipe", pieces=7, wholes=5),
    ),
    Edit(
        "language of the repository",
        _language,
        _cost("language", *_BELOW, pieces=7, wholes=5, talker=12),
    ),
)


def as_table(rows: Sequence[tuple[str, Cost]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| edit | calls | Coder, pieces | Coder, wholes | Talker | from the ledger | reasons |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, cost in rows:
        figures = (cost.calls, cost.pieces, cost.wholes, cost.talker, cost.ledger)
        lines.append(f"| {name} | {' | '.join(map(str, figures))} | {', '.join(sorted(cost.reasons)) or '–'} |")
    return "\n".join(lines)
