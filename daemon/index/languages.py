"""The languages we read: one row each, naming a grammar, its tag queries and what the grammar calls things.

A further language is a further row and a query file in ``queries/``, and a function in ``facts.py`` where its
parameter lists have a shape of their own. The captures that a query may use are listed in ``tags.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final, cast

from tree_sitter import Language as Grammar
from tree_sitter import Node as SyntaxNode
from tree_sitter import Query, QueryCursor
from tree_sitter_language_pack import SupportedLanguage, get_language

__all__ = [
    "LANGUAGES", "Language", "Naming", "Step", "SyntaxNode", "grammar_of", "language_of", "matches_of", "query_of",
    "row",
]  # fmt: skip

_QUERIES = Path(__file__).parent / "queries"
Selector = str | int  # the name of a field, or the position of a named child


class Naming(Enum):
    """How a language names the module that a file is; ``names.py`` has the rules."""

    PYTHON = "python"
    JVM = "jvm"
    GO = "go"
    RUST = "rust"
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Step:
    """How an expression node is written as a dotted name.

    ``name``: its text. ``member``: ``first`` and then ``.second``; ``path``: the same with ``::`` between.
    ``call``: ``first`` and then ``()``. ``invoke``: a call that names its receiver and its method itself.
    ``through``: whatever ``first`` is.
    """

    how: str
    first: Selector = 0
    second: Selector = -1


_NAME = Step("name")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """One row of the table. Sets of strings are kinds of nodes in the grammar unless said otherwise."""

    name: str  # as the store knows it: several rows may share it
    grammar: str  # in tree_sitter_language_pack; unique per row
    queries: tuple[str, ...]
    endings: tuple[str, ...]
    interpreters: tuple[str, ...] = ()  # programs in a ``#!`` line
    naming: Naming
    comments: frozenset[str]
    doc_marks: tuple[str, ...] = ()  # a comment is documentation when it starts with one of these
    doc_above: bool = False  # any comment right above a declaration is documentation
    strings: frozenset[str]  # taken byte by byte
    texts: frozenset[str] = frozenset()  # words in which only the kind of white space is free
    blocks: frozenset[str] = frozenset()  # their borders and the ends of their statements carry meaning
    groups: frozenset[str] = frozenset()  # nodes that only collect statements: a blank line may split them
    tuples: frozenset[str] = frozenset()  # where a comma after a single element carries meaning
    hides_tokens: bool = False  # the grammar leaves some signs out of its tree
    bodies: tuple[str, ...] = ("body",)  # field or kind of the child that a signature stops before
    values: Mapping[str, str] = field(default_factory=dict)  # declaration -> field with its function
    steps: Mapping[str, Step]
    modifiers: frozenset[str] = frozenset()  # words
    constructors: frozenset[str] = frozenset()  # names of methods that are constructors
    prefixes: Mapping[str, str] = field(default_factory=dict)  # kind -> word that a group has written once for all
    no_calls: frozenset[str] = frozenset()  # names that look called and are syntax
    unnamed: Mapping[str, str] = field(default_factory=dict)  # kind of an anonymous definition -> its name
    stub: str = "{} {{ ... }}"  # how a member with a body stands in the text of its owner
    bare_stub: str = "{}"  # the same for a member without a body

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Travel between processes by name: rows are the same everywhere."""
        return row, (self.grammar,)


def _names(*kinds: str) -> dict[str, Step]:
    return dict.fromkeys(kinds, _NAME)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SCRIPT_STEPS: Final = {
    **_names("identifier", "this", "super", "property_identifier", "private_property_identifier"),
    **_names("type_identifier"),
    "member_expression": Step("member", "object", "property"),
    "nested_identifier": Step("member", "object", "property"),
    "nested_type_identifier": Step("member", "module", "name"),
    "call_expression": Step("call", "function"),
    "new_expression": Step("call", "constructor"),
    "generic_type": Step("through", "name"),
    "parenthesized_expression": Step("through"),
    "await_expression": Step("through"),
    "non_null_expression": Step("through"),
}

_JAVASCRIPT: Final = Language(
    name="javascript",
    grammar="javascript",
    queries=("ecma.scm", "jsx.scm", "javascript.scm"),
    endings=(".js", ".jsx", ".mjs", ".cjs"),
    interpreters=("node", "nodejs"),
    naming=Naming.SCRIPT,
    comments=frozenset({"comment", "html_comment"}),
    doc_marks=("/**",),
    strings=frozenset({"string", "template_string", "regex"}),
    texts=frozenset({"jsx_text"}),
    blocks=frozenset({"program", "statement_block", "class_body", "switch_case", "switch_default"}),
    values={
        "variable_declarator": "value",
        "assignment_expression": "right",
        "pair": "value",
        "field_definition": "value",
        "public_field_definition": "value",
    },
    steps=_SCRIPT_STEPS,
    modifiers=_words("export default async static get set *"),
    no_calls=frozenset({"import", "require"}),
    constructors=frozenset({"constructor"}),
    unnamed={
        "class": "default",
        "function_expression": "default",
        "generator_function": "default",
        "arrow_function": "default",
    },
)


def _typescript(grammar: str, ending: tuple[str, ...]) -> Language:
    """The two grammars of TypeScript: they differ in how they read ``<T>x``."""
    return Language(
        name="typescript",
        grammar=grammar,
        queries=("ecma.scm", "typescript.scm", *(("jsx.scm",) if grammar == "tsx" else ())),
        endings=ending,
        interpreters=("ts-node", "tsx", "deno", "bun") if grammar == "typescript" else (),
        naming=Naming.SCRIPT,
        comments=_JAVASCRIPT.comments,
        doc_marks=_JAVASCRIPT.doc_marks,
        strings=_JAVASCRIPT.strings,
        texts=_JAVASCRIPT.texts,
        blocks=_JAVASCRIPT.blocks | {"interface_body", "object_type"},
        values=_JAVASCRIPT.values,
        steps={**_SCRIPT_STEPS, "as_expression": Step("call", 1), "type_assertion": Step("call", 0)},
        modifiers=_JAVASCRIPT.modifiers
        | _words("declare abstract public private protected readonly override accessor"),
        constructors=_JAVASCRIPT.constructors,
        no_calls=_JAVASCRIPT.no_calls,
        unnamed=_JAVASCRIPT.unnamed,
    )


LANGUAGES: Final = (
    Language(
        name="python",
        grammar="python",
        queries=("python.scm",),
        endings=(".py", ".pyw"),
        interpreters=("python", "python2", "python3", "pypy", "pypy3"),
        naming=Naming.PYTHON,
        comments=frozenset({"comment", "line_continuation"}),
        strings=frozenset({"string"}),
        blocks=frozenset({"module", "block"}),
        tuples=frozenset({"tuple", "tuple_pattern", "subscript", "type_parameter"}),
        steps={
            **_names("identifier"),
            "attribute": Step("member", "object", "attribute"),
            "call": Step("call", "function"),
            "parenthesized_expression": Step("through"),
            "await": Step("through"),
        },
        modifiers=_words("async"),
        constructors=frozenset({"__init__"}),
        no_calls=frozenset({"super"}),
        stub="{}: ...",
        bare_stub="{}: ...",
    ),
    Language(
        name="kotlin",
        grammar="kotlin",
        queries=("kotlin.scm",),
        endings=(".kt", ".kts"),
        naming=Naming.JVM,
        comments=frozenset({"line_comment", "multiline_comment"}),
        doc_marks=("/**",),
        strings=frozenset({"string_literal", "character_literal"}),
        blocks=frozenset({"source_file", "statements", "class_body", "enum_class_body"}),
        groups=frozenset({"import_list"}),
        hides_tokens=True,  # the question mark of a nullable type, and what mends.py takes out
        bodies=("class_body", "enum_class_body", "function_body", "{"),
        steps={
            **_names("simple_identifier", "type_identifier", "user_type"),
            "this_expression": Step("name"),
            "super_expression": Step("name"),
            "navigation_expression": Step("member"),
            "callable_reference": Step("member"),
            "call_expression": Step("call"),
            "as_expression": Step("call", 1),
            "postfix_expression": Step("through"),
            "parenthesized_expression": Step("through"),
        },
        modifiers=_words(
            "public private protected internal open abstract final sealed data inner enum annotation value override "
            "lateinit const suspend inline infix operator tailrec external companion vararg noinline crossinline "
            "expect actual fun"
        ),
        unnamed={"companion_object": "Companion", "secondary_constructor": "constructor"},
    ),
    Language(
        name="java",
        grammar="java",
        queries=("java.scm",),
        endings=(".java",),
        naming=Naming.JVM,
        comments=frozenset({"line_comment", "block_comment"}),
        doc_marks=("/**", "///"),
        strings=frozenset({"string_literal", "character_literal"}),
        steps={
            **_names("identifier", "type_identifier", "this", "super", "scoped_type_identifier"),
            "field_access": Step("member", "object", "field"),
            "method_invocation": Step("invoke", "object", "name"),
            "method_reference": Step("member"),
            "object_creation_expression": Step("call", "type"),
            "generic_type": Step("through"),
            "parenthesized_expression": Step("through"),
            "cast_expression": Step("call", "type"),
        },
        modifiers=_words(
            "public private protected static final abstract default synchronized native transient volatile strictfp "
            "sealed non-sealed"
        ),
        bare_stub="{};",
    ),
    _typescript("typescript", (".ts", ".mts", ".cts")),
    _typescript("tsx", (".tsx",)),
    _JAVASCRIPT,
    Language(
        name="go",
        grammar="go",
        queries=("go.scm",),
        endings=(".go",),
        naming=Naming.GO,
        comments=frozenset({"comment"}),
        doc_above=True,
        strings=frozenset({"interpreted_string_literal", "raw_string_literal", "rune_literal"}),
        blocks=frozenset({"source_file", "statement_list", "field_declaration_list", "interface_type"}),
        prefixes={"type_spec": "type "},
        steps={
            **_names("identifier", "field_identifier", "package_identifier", "type_identifier"),
            "selector_expression": Step("member", "operand", "field"),
            "qualified_type": Step("member", "package", "name"),
            "call_expression": Step("call", "function"),
            "composite_literal": Step("call", "type"),
            "type_assertion_expression": Step("call", "type"),
            "generic_type": Step("through", "type"),
            "type_instantiation_expression": Step("through", "type"),
            "pointer_type": Step("through"),
            "unary_expression": Step("through", "operand"),
            "parenthesized_expression": Step("through"),
        },
    ),
    Language(
        name="rust",
        grammar="rust",
        queries=("rust.scm",),
        endings=(".rs",),
        naming=Naming.RUST,
        comments=frozenset({"line_comment", "block_comment"}),
        doc_marks=("///", "//!", "/**", "/*!"),
        strings=frozenset({"string_literal", "raw_string_literal", "char_literal"}),
        tuples=frozenset({"tuple_expression", "tuple_type", "tuple_pattern"}),
        steps={
            **_names("identifier", "field_identifier", "type_identifier", "self", "super", "crate", "metavariable"),
            **_names("integer_literal"),
            "field_expression": Step("member", "value", "field"),
            "scoped_identifier": Step("path", "path", "name"),
            "scoped_type_identifier": Step("path", "path", "name"),
            "call_expression": Step("call", "function"),
            "struct_expression": Step("call", "name"),
            "generic_function": Step("through", "function"),
            "generic_type": Step("through", "type"),
            "await_expression": Step("through"),
            "try_expression": Step("through"),
            "reference_expression": Step("through", "value"),
            "parenthesized_expression": Step("through"),
        },
        modifiers=_words("pub async const unsafe extern default"),
        bare_stub="{};",
    ),
)

_BY_ENDING: Final = {ending: language for language in LANGUAGES for ending in language.endings}
_BY_INTERPRETER: Final = {program: language for language in LANGUAGES for program in language.interpreters}
_BY_GRAMMAR: Final = {language.grammar: language for language in LANGUAGES}
_SHEBANG: Final = re.compile(rb"#!\s*(?:\S*/)?env\s+(?:-\S+\s+)*(?:\S*/)?([\w.+-]+)|#!\s*(?:\S*/)?([\w.+-]+)")


def row(grammar: str) -> Language:
    """The row with this grammar; KeyError where there is none."""
    return _BY_GRAMMAR[grammar]


def language_of(path: str, first_bytes: bytes = b"") -> Language | None:
    """The language of a file by its ending, or by its ``#!`` line where the name has no ending at all."""
    ending = PurePosixPath(path).suffix
    if ending:
        return _BY_ENDING.get(ending) or _BY_ENDING.get(ending.lower())
    match = _SHEBANG.match(first_bytes)
    if match is None:
        return None
    program = (match[1] or match[2]).decode("ascii", errors="replace")
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(re.sub(r"[\d.]+$", "", program))


@cache
def grammar_of(language: Language) -> Grammar:
    """The compiled grammar, loaded on first use."""
    return get_language(cast(SupportedLanguage, language.grammar))


@cache
def query_of(language: Language) -> Query:
    """The tag query: all query files of the row, and its kinds of comments, compiled together on first use."""
    texts = [(_QUERIES / name).read_text(encoding="utf-8") for name in language.queries]
    texts += [f"({kind}) @comment" for kind in sorted(language.comments)]
    return Query(grammar_of(language), "\n".join(texts))


def matches_of(root: SyntaxNode, language: Language) -> list[tuple[int, dict[str, list[SyntaxNode]]]]:
    """What the tag query finds below a node: (number of the pattern, captured nodes by name), in source order."""
    return QueryCursor(query_of(language)).matches(root)
