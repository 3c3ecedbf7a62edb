"""Rows of the table: the languages that compile to machine code: Go, Rust, C, C++, Swift."""

from __future__ import annotations

import re
from typing import Final

from daemon.index.row import Language, Naming, Step, names, words

GO: Final = Language(
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
        **names("identifier", "field_identifier", "package_identifier", "type_identifier"),
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
)

RUST: Final = Language(
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
        **names("identifier", "field_identifier", "type_identifier", "self", "super", "crate", "metavariable"),
        **names("integer_literal"),
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
    modifiers=words("pub async const unsafe extern default"),
    bare_stub="{};",
)

# A header with any of these is C++, whatever its ending says.
_LOOKS_LIKE_CPP: Final = re.compile(
    rb"^[ \t]*(?:class|namespace|template|using|public:|private:|protected:|#[ \t]*include[ \t]*<\w+>)(?:[ \t<]|$)"
    rb"|\bstd::|\bconstexpr\b|\boperator[^\w\s]",
    re.MULTILINE,
)
_C_COMMENTS: Final = frozenset({"comment"})
_C_MODIFIERS: Final = words("static inline extern _Noreturn __inline")

CPP: Final = Language(
    name="cpp",
    grammar="cpp",
    queries=("c.scm", "cpp.scm"),
    endings=(
        ".cc",
        ".cpp",
        ".cxx",
        ".c++",
        ".C",
        ".hh",
        ".hpp",
        ".hxx",
        ".h++",
        ".ipp",
        ".inl",
        ".tpp",
        ".ixx",
        ".cppm",
    ),
    naming=Naming.SPACE,
    comments=_C_COMMENTS,
    doc_above=True,
    strings=frozenset({"string_literal", "raw_string_literal", "char_literal", "system_lib_string"}),
    hides_tokens=True,  # what mends.py takes out
    steps={
        **names("identifier", "field_identifier", "type_identifier", "namespace_identifier", "this"),
        **names("destructor_name", "operator_name", "primitive_type"),
        "field_expression": Step("member", "argument", "field"),
        "qualified_identifier": Step("path", "scope", "name"),
        "call_expression": Step("call", "function"),
        "new_expression": Step("call", "type"),
        "template_function": Step("through", "name"),
        "template_method": Step("through", "name"),
        "template_type": Step("through", "name"),
        "parenthesized_expression": Step("through"),
        "pointer_expression": Step("through", "argument"),
    },
    modifiers=_C_MODIFIERS | words("virtual explicit constexpr consteval constinit friend mutable thread_local"),
    named_constructors=True,
    no_calls=words(
        "static_cast dynamic_cast reinterpret_cast const_cast sizeof alignof decltype typeid defined va_arg offsetof"
    ),
    bare_stub="{};",
)

C: Final = Language(
    name="c",
    grammar="c",
    queries=("c.scm",),
    endings=(".c", ".h"),
    naming=Naming.SPACE,
    otherwise=("cpp", _LOOKS_LIKE_CPP),
    comments=_C_COMMENTS,
    doc_above=True,
    strings=frozenset({"string_literal", "char_literal", "system_lib_string"}),
    hides_tokens=True,
    steps={
        **names("identifier", "field_identifier", "type_identifier", "primitive_type"),
        "field_expression": Step("member", "argument", "field"),
        "call_expression": Step("call", "function"),
        "parenthesized_expression": Step("through"),
        "pointer_expression": Step("through", "argument"),
    },
    modifiers=_C_MODIFIERS,
    no_calls=words("sizeof defined va_arg va_start va_end offsetof alignof"),
    bare_stub="{};",
)

SWIFT: Final = Language(
    name="swift",
    grammar="swift",
    queries=("swift.scm",),
    endings=(".swift",),
    interpreters=("swift",),
    naming=Naming.SWIFT,
    comments=frozenset({"comment", "multiline_comment"}),
    doc_marks=("///", "/**"),
    strings=frozenset({"line_string_literal", "multi_line_string_literal", "raw_string_literal", "regex_literal"}),
    blocks=frozenset({"source_file", "statements", "class_body", "enum_class_body", "protocol_body"}),
    hides_tokens=True,
    steps={
        **names(
            "simple_identifier", "type_identifier", "user_type", "self_expression", "super_expression", "identifier"
        ),
        "navigation_expression": Step("member", "target"),
        "call_expression": Step("call"),
        "constructor_expression": Step("call", "constructed_type"),
        **dict.fromkeys(  # the grammar gives a + b.c() to the sum: what is called is a member of the last of it
            (
                "additive_expression",
                "multiplicative_expression",
                "comparison_expression",
                "equality_expression",
                "conjunction_expression",
                "disjunction_expression",
                "bitwise_operation",
                "infix_expression",
            ),
            Step("last", "rhs"),
        ),
        "nil_coalescing_expression": Step("last", "if_nil"),
        "range_expression": Step("last", "end"),
        "prefix_expression": Step("last", "target"),
        "try_expression": Step("through", "expr"),
        "await_expression": Step("through", "expr"),
        "postfix_expression": Step("through", "target"),
        "as_expression": Step("call", "type"),
        "tuple_expression": Step("through"),
    },
    modifiers=words(
        "public private internal fileprivate open package static class final override mutating nonmutating required "
        "convenience indirect nonisolated dynamic weak unowned lazy async prefix postfix infix distributed"
    ),
    constructors=frozenset({"init"}),
    indexed_calls=True,
    no_calls=words("fatalError precondition preconditionFailure assert assertionFailure print"),
)
