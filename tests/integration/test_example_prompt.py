"""docs/prompts.md shows what a model is asked; it is held to what the program says."""

from __future__ import annotations

import re
from pathlib import Path

from daemon.config import shared
from daemon.index.sync import sync
from daemon.prompts import Prompts
from daemon.settings import IndexSettings
from daemon.stages.coder import Coder
from db import gather as db_gather
from db.session import Database
from tests.support.builders import Connection, scalar

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^````text\n(.*?)\n````$", re.DOTALL | re.MULTILINE)


async def test_the_example_is_what_a_model_is_asked(db: Database, psql: Connection) -> None:
    await sync(db, ROOT / "tests" / "sources" / "kotlin", "clinic", IndexSettings())
    chunk = scalar(psql, "SELECT c.id FROM chunk c JOIN node n ON n.id = c.node_id WHERE n.name = 'update'")
    material = (await db_gather.look(db, [chunk], language="en"))[chunk]
    prompt = Prompts(shared("prompts")).stage("coder", "en")
    asked = prompt.ask(**Coder().fields(material, prompt.words))
    example, again = BLOCK.findall((ROOT / "docs" / "prompts.md").read_text(encoding="utf-8"))
    assert asked == example, "copy what `doctown show OwnerController.update --prompt coder` says into docs/prompts.md"
    assert prompt.ask_again("", {"grounding": "fetchOwner"}).strip() == again
