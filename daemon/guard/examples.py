"""Are the examples real? Every call that an answer shows stands in a place that was shown, or fits the signature.

A block of code that calls the piece is quoted from a place of the index, or built from what the signature says: with
parameters that are there and no more of them. A file that is named as a place of use is one that was shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.guard import prose
from daemon.guard.base import Answer, Usage, Verdict
from daemon.guard.mentions import names_in, normal_name
from daemon.sites import tokens_of

_DECLARES = re.compile(r"\b(?:def|fun|func|fn|function|class|interface|struct|enum|object|trait|record|impl)\s+$")
_CALL = r"(?<![\w$])(?:{names})\s*(?:<[^()\n;]{{0,80}}>\s*)?\("
_KEYWORD = re.compile(r"^(\w+)\s*(?:=(?![=>~])|:(?![:=]))\s*(?=\S)")
_REST = re.compile(r"^(?:\.\.\.|\u2026|\*|&)")  # an argument that stands for others
_QUOTES = "\"'`"
_OPENS, _CLOSES = "([{", ")]}"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Call:
    text: str
    arguments: tuple[str, ...]


class ExamplesGuard:
    """Judges the calls and places that an answer shows."""

    def check(self, answer: Answer) -> Verdict:
        """Figures: ``examples`` (calls shown), ``examples_quoted`` (of them, word for word from a place).

        No verdict where the answer need not show how something is used."""
        usage = answer.usage
        if usage is None:
            return Verdict(figures={})
        known = [tokens_of(code) for code in usage.shown]
        calls = [call for block in prose.blocks(answer.text) for call in _calls(block, usage.names)]
        quoted = [call for call in calls if any(_within(tokens_of(call.text), site) for site in known)]
        told = names_in((answer.source, answer.facts))
        wrong = [problem for call in calls if call not in quoted and (problem := _problem(call, usage, told))]
        places = _strange_places(answer, usage)
        defects = {}
        if wrong:
            defects["example"] = "; ".join(dict.fromkeys(wrong[:_SHOWN]))
        if places:
            defects["place"] = ", ".join(places[:_SHOWN])
        return Verdict(
            figures={"examples": len(calls), "examples_quoted": len(quoted)},
            defects=defects,
            score=0.7 ** (min(len(wrong), 3) + min(len(places), 3)),
        )


def _calls(code: str, names: Sequence[str]) -> Iterator[_Call]:
    """Every call of one of the names, declarations left out."""
    pattern = re.compile(_CALL.format(names="|".join(re.escape(name) for name in names)))
    for match in pattern.finditer(code):
        if _DECLARES.search(code[: match.start()]):
            continue
        arguments, end = _arguments(code, match.end())
        yield _Call(code[match.start() : end], tuple(arguments))


def _arguments(code: str, start: int) -> tuple[list[str], int]:
    """The arguments from behind an opening bracket on, and where the call ends."""
    found, depth, quote, begin, at = [], 0, "", start, start
    while at < len(code):
        sign = code[at]
        if quote:
            at += sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _OPENS:
            depth += 1
        elif sign in _CLOSES:
            if depth == 0:
                break
            depth -= 1
        elif sign == "," and depth == 0:
            found.append(code[begin:at])
            begin = at + 1
        at += 1
    found.append(code[begin:at])
    return [argument.strip() for argument in found if argument.strip()], min(at + 1, len(code))


def _problem(call: _Call, usage: Usage, told: frozenset[str]) -> str:
    """What is wrong with a call that no place shows; empty where it fits one of the signatures."""
    shown = " ".join(call.text.split())[:80]
    keywords = [match[1] for argument in call.arguments if (match := _KEYWORD.match(argument))]
    if not usage.signatures:
        # Nothing is known of the parameters: what is named must at least have been shown somewhere.
        strange = [name for name in keywords if normal_name(name) not in told]
        return f"`{shown}`: `{strange[0]}` is not known" if strange else ""
    keywords = [name for name in keywords if name not in usage.labels]
    problems = [_misfit(call, keywords, signature) for signature in usage.signatures]
    return f"`{shown}`: {problems[0]}" if all(problems) else ""


def _misfit(call: _Call, keywords: Sequence[str], signature: Sequence[str]) -> str:
    """Why a call does not fit one signature; ``keywords`` are the names of its named arguments."""
    plain = {normal_name(name) for name in signature}
    if not any(name.startswith("**") for name in signature):
        strange = [name for name in keywords if normal_name(name) not in plain]
        if strange:
            return f"there is no parameter `{strange[0]}`"
    takes_any = any(name.startswith(("*", "...")) and not name.startswith("**") for name in signature)
    rest = any(_REST.match(argument) for argument in call.arguments)
    named = [name for name in signature if not name.startswith("*")]
    plainly = [argument for argument in call.arguments if not _KEYWORD.match(argument)]
    if not takes_any and not rest and len(plainly) > len(named):
        return f"it takes {len(named)} arguments"
    return ""


def _within(call: tuple[str, ...], site: tuple[str, ...]) -> bool:
    return any(site[at : at + len(call)] == call for at in range(len(site) - len(call) + 1))


def _strange_places(answer: Answer, usage: Usage) -> list[str]:
    """Files that the answer names and nobody has shown, and lines of files: the places are shown without."""
    endings = sorted({path.rsplit(".", 1)[-1] for path in usage.paths if "." in path})
    if not endings:
        return []
    pattern = re.compile(
        rf"(?<![\w./@-])((?:[\w.@-]+/)*[\w@-][\w.@-]*\.(?:{'|'.join(map(re.escape, endings))}))(:\d+)?\b"
    )
    shown = f"{answer.source}\n{answer.facts}"
    strange: dict[str, None] = {}
    for path, line in pattern.findall(answer.text):
        there = path in shown or any(known == path or known.endswith(f"/{path}") for known in usage.paths)
        if not there or (line and f"{path}{line}" not in shown):
            strange[f"{path}{line}"] = None
    return list(strange)
