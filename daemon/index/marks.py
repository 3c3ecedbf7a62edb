"""By what roles are told beside declarations: calls that hand a function over together with a text, and a few others.

A call is kept when one of its arguments is a function, by name or written in place, and a text says what for: its
own first text, that of a call in its receiver (``route('/x').get(list)``), or that of the call it is an argument
of (``route("/x", get(list))``). Which of them mean something is for the table of roles to say when the graph is
linked: so the table may change without any file being read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from tree_sitter import Query, QueryCursor

from daemon.index.facts import Source, dotted, pick
from daemon.index.languages import Language, SyntaxNode, grammar_of
from daemon.index.outline import Found, Outline
from db.parsed import Mark

MAIN, TAG = "if __name__", "struct tag"  # names of marks that are no calls
_MAX_TEXT = 200  # characters of a text, or of what is written between the brackets
_MAX_NAMES = 4  # functions handed over by one call
_MAX_AROUND = 4  # calls round a call
_MAX_STEPS = 60  # calls and functions looked at round a call, and calls in its receiver
_MAX_MARKS = 200  # of one node
_FORMAT = re.compile(r"%[-+#]?[\d.]*[a-zA-Z]")
_CALLS = frozenset({"call", "call_expression", "method_invocation"})
_STRINGS = frozenset({
    "string", "string_literal", "template_string", "raw_string_literal", "interpreted_string_literal",
})  # fmt: skip
_INLINE = frozenset({
    "arrow_function", "function_expression", "generator_function", "func_literal", "closure_expression", "lambda",
    "lambda_literal", "lambda_expression", "annotated_lambda", "anonymous_function",
})  # fmt: skip
_NAMES = frozenset({
    "identifier", "attribute", "member_expression", "selector_expression", "scoped_identifier", "generic_function",
})  # fmt: skip
# A bare name is a value of whatever kind here; a function has a sign before it.
_REFERENCES: Mapping[str, str] = {"kotlin": "callable_reference", "java": "method_reference"}
_KEYWORDS = frozenset({
    "view_func", "func", "endpoint", "handler", "target", "callback", "view", "on_message_callback",
})  # fmt: skip
_TEXT_KEYWORDS = frozenset({"queue", "topic", "rule", "path"})
_MAKERS = (".as_view", ".bind")  # calls that give the function, or the class, they are called on


class _Outer(NamedTuple):
    """A call round another: ``direct`` where the inner one is an argument of it, and not in a function in it."""

    name: str
    text: str | None
    direct: bool


class _Open(NamedTuple):
    """A call, or a function written in place, that the sweep is inside of."""

    node: SyntaxNode
    is_call: bool
    inside_from: int  # where what is handed over begins


class Marks:
    """The marks of one file."""

    def __init__(self, outline: Outline, language: Language, source: Source, holder: Callable[[int], Found]) -> None:
        self._outline, self._language, self._source, self._holder = outline, language, source, holder

    def all(self) -> dict[int, list[Mark]]:
        """By the id of the Found value in whose own text they stand, in source order."""
        found: dict[int, list[Mark]] = {}
        for call, around in self._calls():
            mark = self._call(call, around)
            if mark is not None:
                marks = found.setdefault(id(self._holder(call.start_byte)), [])
                if len(marks) < _MAX_MARKS:
                    marks.append(mark)
        if self._language.name == "python":
            found.setdefault(id(self._outline.file), []).extend(self._guards())
        if self._language.name == "go":
            for one in self._outline.nodes:
                if one.node.type == "type_spec":
                    found.setdefault(id(one), []).extend(self._tags(one.node))
        return found

    def _calls(self) -> Iterator[tuple[SyntaxNode, list[_Open]]]:
        """Every call, and what it stands in, outermost first.

        One sweep from left to right: asking a node for its parent costs a walk down from the root.
        """
        query = _query(self._language)
        found = QueryCursor(query).captures(self._outline.file.node) if query is not None else {}
        brackets = [(node, True) for node in found.get("call", [])]
        brackets += [(node, False) for node in found.get("inline", [])]
        brackets.sort(key=lambda bracket: (bracket[0].start_byte, -bracket[0].end_byte))
        stack: list[_Open] = []
        for node, is_call in brackets:
            while stack and stack[-1].node.end_byte <= node.start_byte:
                stack.pop()
            if is_call:
                yield node, stack
            holder = _holder_of_arguments(node) if is_call else node
            stack.append(_Open(node, is_call, holder.start_byte if holder is not None else node.end_byte))

    def _call(self, call: SyntaxNode, inside: list[_Open]) -> Mark | None:
        names: list[str] = []
        arguments = list(_arguments(call))
        text: str | None = None
        has_inline = inline = False
        for argument in arguments:
            value = _value(argument)
            if value.type in _INLINE:
                has_inline = inline = True
                continue
            if text is None and value.type in _STRINGS and self._is_text(argument):
                text = self._text(value)
            name = self._function(value, argument)
            if name is not None:
                names.append(name)
                inline = False
        if not names and not has_inline:
            return None
        around = list(self._around(call, inside))
        if text is None:
            text = self._text_of_receiver(call)
        if text is None and around and around[0].direct:
            text = around[0].text
        callee = self._callee(call)
        if text is None or callee is None or (not has_inline and _FORMAT.search(text)):
            return None  # what is put into a text is a value: half of all such calls in Go
        written = [one for one in arguments if _value(one).type not in _INLINE]
        return Mark(
            name=callee,
            text=text,
            handlers=tuple(names[-_MAX_NAMES:]),
            inline=inline,
            arguments=_cut(", ".join(self._beginning(one) for one in written[:_MAX_NAMES])),
            around=tuple((outer.name, outer.text or "") for outer in around),
        )

    def _is_text(self, argument: SyntaxNode) -> bool:
        """Whether a text among the arguments says what the function is for: the first, or one of that name."""
        keyword = argument.child_by_field_name("name") if argument.type == "keyword_argument" else None
        return keyword is None or self._source.of(keyword) in _TEXT_KEYWORDS

    def _callee(self, call: SyntaxNode) -> str | None:
        called = call if call.type == "method_invocation" else pick(call, 0)
        return dotted(called, self._language, self._source) if called is not None else None

    def _function(self, value: SyntaxNode, argument: SyntaxNode) -> str | None:
        """The name of a function that is handed over; None for any other argument."""
        if value is not argument and argument.type == "keyword_argument":
            keyword = argument.child_by_field_name("name")
            if keyword is None or self._source.of(keyword) not in _KEYWORDS:
                return None
        if value.type in _CALLS:
            called = self._callee(value) or ""
            maker = next((maker for maker in _MAKERS if called.endswith(maker)), None)
            return called.removesuffix(maker) or None if maker else None
        reference = _REFERENCES.get(self._language.name)
        if reference is None:
            return dotted(value, self._language, self._source) if value.type in _NAMES else None
        if value.type != reference:
            return None
        written = self._source.line(value).replace(" ", "").replace("::", ".")
        return written.removeprefix("this.").removeprefix(".") or None

    def _text_of_receiver(self, call: SyntaxNode) -> str | None:
        """The text in ``route('/x')`` of ``route('/x').get(list).post(create)``."""
        at: SyntaxNode | None = call
        for _ in range(_MAX_STEPS):
            at = pick(at, 0) if at is not None else None
            if at is None:
                return None
            if at.type in _CALLS and (text := self._first_text(at)) is not None:
                return text
        return None

    def _around(self, call: SyntaxNode, inside: list[_Open]) -> Iterator[_Outer]:
        """The calls that have this one among their arguments, or in a function among them; innermost first."""
        found, direct = 0, True
        for outer in reversed(inside[-_MAX_STEPS:]):
            direct = direct and outer.is_call
            if not outer.is_call or call.start_byte < outer.inside_from:
                continue
            name = self._callee(outer.node)
            if name is not None:
                yield _Outer(name, self._first_text(outer.node), direct)
                found += 1
            if found == _MAX_AROUND:
                return

    def _first_text(self, call: SyntaxNode) -> str | None:
        values = (_value(argument) for argument in _arguments(call))
        return next((self._text(value) for value in values if value.type in _STRINGS), None)

    def _text(self, node: SyntaxNode) -> str:
        return _cut(unquoted(self._source.line(node)))

    def _beginning(self, node: SyntaxNode) -> str:
        """The text of a node in one line, cut where nobody reads on."""
        end = min(node.end_byte, node.start_byte + 4 * _MAX_TEXT)
        return " ".join(self._source.text(node.start_byte, end).split())

    def _guards(self) -> Iterator[Mark]:
        """``if __name__ == "__main__":`` at the top of a file, and the one function of the file that it calls."""
        for node in self._outline.file.node.named_children:
            condition = node.child_by_field_name("condition") if node.type == "if_statement" else None
            written = self._source.line(condition) if condition is not None else ""
            if not (written.startswith("__name__") and "__main__" in written and "==" in written):
                continue
            block = node.child_by_field_name("consequence")
            called = {name for name in self._plain_calls(block) if name in self._functions()} if block else set()
            yield Mark(name=MAIN, text="__main__", handlers=tuple(called) if len(called) == 1 else (), inline=True)

    def _functions(self) -> frozenset[str]:
        return frozenset(one.name for one in self._outline.nodes if one.owner is None)

    def _plain_calls(self, block: SyntaxNode) -> Iterator[str]:
        waiting = [block]
        while waiting:
            node = waiting.pop()
            called = node.child_by_field_name("function") if node.type == "call" else None
            if called is not None and called.type == "identifier":
                yield self._source.of(called)
            waiting += node.named_children

    def _tags(self, spec: SyntaxNode) -> Iterator[Mark]:
        """The keys of the tags of a struct's fields: ``json``, ``gorm``, each once."""
        struct = spec.child_by_field_name("type")
        fields = pick(struct, 0) if struct is not None and struct.type == "struct_type" else None
        keys: dict[str, None] = {}
        for field in fields.named_children if fields is not None else ():
            tag = field.child_by_field_name("tag")
            for part in unquoted(self._source.line(tag)).split() if tag is not None else ():
                key, colon, _ = part.partition(":")
                if colon and key.isidentifier():
                    keys[key] = None
        return (Mark(name=TAG, text=key, inline=True) for key in keys)


@cache
def _query(language: Language) -> Query | None:
    """Finds calls and functions written in place, by the words that this grammar has for them: one node a pattern."""
    grammar = grammar_of(language)
    kinds = [(kind, name) for kinds, name in ((_CALLS, "call"), (_INLINE, "inline")) for kind in sorted(kinds)]
    known = [(kind, name) for kind, name in kinds if grammar.id_for_node_kind(kind, True)]
    return Query(grammar, "\n".join(f"({kind}) @{name}" for kind, name in known)) if known else None


def _holder_of_arguments(call: SyntaxNode) -> SyntaxNode | None:
    """What holds the arguments of a call: its brackets, with the lambda behind them in Kotlin and Swift."""
    holder = call.child_by_field_name("arguments")
    if holder is not None:
        return holder
    suffix = pick(call, -1)
    return suffix if suffix is not None and suffix.type == "call_suffix" else None


def _arguments(call: SyntaxNode) -> Iterator[SyntaxNode]:
    """What stands between the brackets of a call, and the lambda behind them (Kotlin)."""
    holder = _holder_of_arguments(call)
    for child in holder.named_children if holder is not None else ():
        if child.type == "value_arguments":
            yield from child.named_children
        else:
            yield child


def _value(argument: SyntaxNode) -> SyntaxNode:
    """The expression of an argument: without its keyword, without the node that Kotlin puts round it."""
    if argument.type == "keyword_argument":
        return argument.child_by_field_name("value") or argument
    if argument.type == "value_argument" and argument.named_child_count == 1:
        return pick(argument, 0) or argument
    return argument


def unquoted(text: str) -> str:
    """A text of source code without what begins and ends it."""
    body = text.lstrip("rRbBfFuU#")
    body = body if body[:1] in {'"', "'", "`"} else text
    for quote in ('"""', "'''", '"', "'", "`"):
        if body.startswith(quote):
            return body.removeprefix(quote).rstrip("#").removesuffix(quote)
    return body


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + " …"
