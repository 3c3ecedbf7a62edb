"""How well the guards tell good answers from spoilt ones: detected %, false alarms %, by language.

    python benchmarks/quality.py [--show]

The good answers are those of benchmarks/corpus, written by hand in the asked form. Each is spoilt in one way at a time;
a spoilt answer counts as detected when any guard objects to it, a good one that any guard objects to is a false alarm.
Besides, languages are mixed (benchmarks/contamination.py): each good answer with each other language, in four ways that
must be detected and two that must not. The last line names the worst language over both tables.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import contamination
from daemon.bootstrap import App, prompts_of
from daemon.guard.base import Answer, Guard, judge
from daemon.guard.shape import tidy
from daemon.settings import Settings
from daemon.stages.coder import Coder
from db.types import Material, Neighbour, Param, Stage

CORPUS = Path(__file__).resolve().parent / "corpus"
LANGUAGES = ("en", "ru", "es")
HEADINGS = {
    "en": ("### 1. Summary", "### 2. How it works", "### 3. Context and dependencies"),
    "ru": ("### 1. Краткое описание", "### 2. Как это работает", "### 3. Контекст и зависимости"),
    "es": ("### 1. Resumen", "### 2. Cómo funciona", "### 3. Contexto y dependencias"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of code with its good answers: stage -> language -> text."""

    slug: str
    material: Material
    texts: Mapping[str, Mapping[str, str]]


def pieces() -> list[Piece]:
    """The corpus, in order."""
    return [_piece(folder) for folder in sorted(CORPUS.iterdir()) if (folder / "facts.yaml").exists()]


def _piece(folder: Path) -> Piece:
    facts: dict[str, Any] = yaml.safe_load((folder / "facts.yaml").read_text(encoding="utf-8"))
    source = next(folder.glob("code.*")).read_text(encoding="utf-8")
    texts = {
        stage: {language: (folder / f"{stage}.{language}.md").read_text(encoding="utf-8") for language in LANGUAGES}
        for stage in ("coder", "talker")
    }
    return Piece(folder.name, _material(facts, source), texts)


def _material(facts: Mapping[str, Any], source: str) -> Material:
    def neighbours(rows: Sequence[Mapping[str, Any]] | None) -> tuple[Neighbour, ...]:
        return tuple(
            Neighbour(
                fqn=row["fqn"], count=1, internal=False, resolved=True, signature=row.get("signature"),
                summary=row.get("summary"),
            )
            for row in rows or ()
        )  # fmt: skip

    return Material(
        chunk_id=0, repo="corpus", language="en", title=None, part=0, kind=facts["kind"], lang=facts["lang"],
        fqn=facts["fqn"], name=facts["name"], package=facts.get("package") or "", owner=facts.get("owner"),
        path=facts.get("path"), line_start=1, line_end=source.count("\n"), signature=facts.get("signature"),
        params=tuple(Param(**param) for param in facts.get("params") or ()), return_type=facts.get("return_type"),
        supertypes=tuple(facts.get("supertypes") or ()), annotations=tuple(facts.get("annotations") or ()),
        modifiers=tuple(facts.get("modifiers") or ()), doc_summary=facts.get("doc_summary"), doc_details=None,
        imports=tuple(facts.get("imports") or ()), source_code=source, source_hash="", strategy=None, audience=None,
        goal=None, quality_target=None, content_raw=None, content=None, idents=None,
        callees=neighbours(facts.get("callees")), callers=neighbours(facts.get("callers")),
    )  # fmt: skip


def answer(piece: Piece, stage: str, language: str, text: str) -> Answer:
    """The text as the stage would show it to the guards."""
    material = piece.material
    sections = HEADINGS[language] if stage == "coder" else ()
    coder = stage == "coder"
    return Answer(
        text=tidy(text, sections), language=language, sections=sections,
        source=material.source_code if coder else "",
        facts=Coder().facts(material) if coder else piece.texts["coder"][language],
        params=tuple(param.name.lstrip("*&") for param in material.params if param.name not in {"self", "cls"}),
        identifiers=frozenset({material.name, *(param.name for param in material.params)}),
    )  # fmt: skip


# --- how an answer is spoilt --------------------------------------------------------------------------------

INVENTED = (("fetch_user", "CacheManager"), ("token_timeout", "OrderValidator"), ("loadProfile", "retry_queue"))
HAN = ("这个函数", "返回值", "数据库")
Spoil = Callable[[Piece, str, str, random.Random], str | None]


def invented(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """A sentence about two things that are not there."""
    first, second = chance.choice(INVENTED)
    said = {"en": f"It calls `{first}` and hands the result to `{second}`.",
            "ru": f"Затем вызывается `{first}`, а результат передаётся в `{second}`.",
            "es": f"Después llama a `{first}` y entrega el resultado a `{second}`."}[language]  # fmt: skip
    return _append(piece.texts[stage][language], said)


def swapped(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """The text of another piece."""
    if stage == "talker":
        return None
    others = [other for other in pieces_once() if other.slug.split("_")[0] != piece.slug.split("_")[0]]
    return chance.choice(others).texts[stage][language]


def renamed(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """One parameter under a name that it does not have."""
    text = piece.texts[stage][language]
    there = [param.name for param in piece.material.params if f"`{param.name}`" in text and len(param.name) > 2]
    if stage == "talker" or not there:
        return None
    name = chance.choice(there)
    other = f"{name}_value" if "_" in name or piece.material.lang == "python" else f"{name}Value"
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", other, text)


def dropped(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """One section left out."""
    if stage == "talker":
        return None
    text = piece.texts[stage][language]
    parts = re.split(r"(?m)^(?=### )", text)
    heads = [number for number, part in enumerate(parts) if part.startswith("### ")]
    gone = chance.choice(heads)
    return "".join(part for number, part in enumerate(parts) if number != gone)


def foreign(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """One sentence in another language."""
    other = chance.choice([one for one in LANGUAGES if one != language])
    found = re.split(r"(?<=[.!?])\s+", re.sub(r"`[^`]*`|#+ .*|```[\s\S]*?```", "", piece.texts["talker"][other]))
    return _append(piece.texts[stage][language], chance.choice([one for one in found if len(one.split()) >= 8]))


def han(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """A few Chinese letters."""
    return _append(piece.texts[stage][language], chance.choice(HAN))


def value(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """One number that is another one."""
    text = piece.texts[stage][language]
    prose = re.sub(r"```[\s\S]*?```|(?m:^### .*$|^\s*\d+[.)])", lambda match: "\0" * len(match.group()), text)
    found = [
        match for match in re.finditer(r"(?<![\w.,-])\d+(?:\.\d+)?(?![\w.,]*\d|\w)", prose) if len(match.group()) > 1
    ]
    if not found:
        return None
    chosen = chance.choice(found)
    wrong = str(int(float(chosen.group()) * 3) + 7)
    return text[: chosen.start()] + wrong + text[chosen.end() :]


def leaked(piece: Piece, stage: str, language: str, chance: random.Random) -> str | None:
    """Names from the code in the plain text."""
    if stage == "coder":
        return None
    names = re.findall(r"`(\w*[a-z][A-Z_]\w*)`", piece.texts["coder"][language])
    if len(set(names)) < 2:
        return None
    first, second = chance.sample(sorted(set(names)), 2)
    return _append(piece.texts[stage][language], f"{first} → {second}.")


MUTATIONS: tuple[Spoil, ...] = (swapped, invented, renamed, dropped, foreign, han, value, leaked)


def _append(text: str, said: str) -> str:
    """The sentence at the end of the first paragraph of prose."""
    parts = text.strip().split("\n\n")
    place = next(number for number, part in enumerate(parts) if not part.startswith(("#", "`", "-")) or number == 1)
    if parts[place].startswith("#"):
        place += 1
    parts[place] = f"{parts[place]} {said}"
    return "\n\n".join(parts)


_PIECES: list[Piece] = []


def pieces_once() -> list[Piece]:
    """The corpus, read once."""
    if not _PIECES:
        _PIECES.extend(pieces())
    return _PIECES


# --- the measure --------------------------------------------------------------------------------------------


def guards() -> dict[str, tuple[Guard, ...]]:
    """The guards of the default configuration, by stage."""
    settings = Settings()
    app = App(settings=settings, db=None, url="", prompts=prompts_of(settings))  # type: ignore[arg-type]
    return {stage.value: app.guards(stage) for stage in (Stage.CODER, Stage.TALKER)}


@dataclass(slots=True)
class Tally:
    """Counts of one language."""

    good: int = 0
    alarms: int = 0
    spoilt: Counter[str] = None  # type: ignore[assignment]
    found: Counter[str] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.spoilt, self.found = Counter(), Counter()


def run(show: Callable[[str], None] = lambda _: None) -> dict[str, Tally]:
    """Judge every good answer and every spoilt one; the same every time."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    by_stage = guards()
    for piece in pieces_once():
        for stage, language in _cells():
            tally = tallies[language]
            good = judge(by_stage[stage], answer(piece, stage, language, piece.texts[stage][language]))
            tally.good += 1
            if not good.ok:
                tally.alarms += 1
                show(f"false alarm: {piece.slug} {stage}.{language}: {dict(good.defects)}")
            for spoil in MUTATIONS:
                chance = random.Random(f"{piece.slug} {stage} {language} {spoil.__name__}")  # noqa: S311 - repeatable
                text = spoil(piece, stage, language, chance)
                if text is None:
                    continue
                tally.spoilt[spoil.__name__] += 1
                if judge(by_stage[stage], answer(piece, stage, language, text)).ok:
                    show(f"missed: {piece.slug} {stage}.{language} {spoil.__name__}")
                else:
                    tally.found[spoil.__name__] += 1
    return dict(tallies)


def mix(show: Callable[[str], None] = lambda _: None) -> dict[str, Tally]:
    """Judge answers in which languages are mixed; a harmless mix that is objected to is a false alarm."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    by_stage = guards()
    for piece in pieces_once():
        for stage, language in _cells():
            for other in contamination.others(language, LANGUAGES):
                _mix(piece, stage, language, other, tallies[language], by_stage[stage], show)
    return dict(tallies)


def _mix(
    piece: Piece, stage: str, language: str, other: str, tally: Tally, judges: Sequence[Guard],
    show: Callable[[str], None],
) -> None:  # fmt: skip
    for way in (*contamination.MIXES, *contamination.HARMLESS):
        name = way.__name__
        chance = random.Random(f"{piece.slug} {stage} {language} {other} {name}")  # noqa: S311 - repeatable
        text = way(piece.texts[stage], language, other, chance)
        if text is None:
            continue
        verdict = judge(judges, answer(piece, stage, language, text))
        if way in contamination.HARMLESS:
            tally.good += 1
            tally.alarms += not verdict.ok
        else:
            tally.spoilt[name] += 1
            tally.found[name] += not verdict.ok
        if verdict.ok != (way in contamination.HARMLESS):
            show(f"{'missed' if verdict.ok else 'false alarm'}: {piece.slug} {stage}.{language} {name} {other}: "
                 f"{dict(verdict.defects)}")  # fmt: skip


def _cells() -> Iterator[tuple[str, str]]:
    return ((stage, language) for stage in ("coder", "talker") for language in LANGUAGES)


def main() -> None:
    """Two tables, one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="name every false alarm and every miss")
    show: Callable[[str], None] = print if parser.parse_args().show else lambda _: None
    spoilt, mixed = run(show), mix(show)
    _table("spoilt by", [spoil.__name__ for spoil in MUTATIONS], spoilt)
    print()
    _table("mixed", [way.__name__ for way in contamination.MIXES], mixed)
    print()
    totals = [(spoilt[one], mixed[one]) for one in LANGUAGES]
    detected = min(
        sum(tally.found.total() for tally in both) / sum(tally.spoilt.total() for tally in both) for both in totals
    )
    alarms = max(sum(tally.alarms for tally in both) / sum(tally.good for tally in both) for both in totals)
    print(f"detected {detected * 100:.1f} % false alarms {alarms * 100:.1f} %")


def _table(title: str, names: Sequence[str], tallies: Mapping[str, Tally]) -> None:
    print(f"| {title} | " + " | ".join(LANGUAGES) + " |\n|---|" + "---:|" * len(LANGUAGES))
    for name in names:
        cells = [f"{tallies[one].found[name]} of {tallies[one].spoilt[name]}" for one in LANGUAGES]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("| false alarms | " + " | ".join(f"{tallies[one].alarms} of {tallies[one].good}" for one in LANGUAGES) + " |")


if __name__ == "__main__":
    main()
