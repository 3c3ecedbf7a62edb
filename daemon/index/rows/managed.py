"""Rows of the table: the languages of the virtual machines: Kotlin, Java, Scala, C#."""

from __future__ import annotations

from typing import Final

from daemon.index.row import Language, Naming, Step, names, words

KOTLIN: Final = Language(
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
        **names("simple_identifier", "type_identifier", "user_type"),
        "this_expression": Step("name"),
        "super_expression": Step("name"),
        "navigation_expression": Step("member"),
        "callable_reference": Step("member"),
        "call_expression": Step("call"),
        "as_expression": Step("call", 1),
        "postfix_expression": Step("through"),
        "parenthesized_expression": Step("through"),
    },
    modifiers=words(
        "public private protected internal open abstract final sealed data inner enum annotation value override "
        "lateinit const suspend inline infix operator tailrec external companion vararg noinline crossinline "
        "expect actual fun"
    ),
    unnamed={"companion_object": "Companion", "secondary_constructor": "constructor"},
)

JAVA: Final = Language(
    name="java",
    grammar="java",
    queries=("java.scm",),
    endings=(".java",),
    naming=Naming.JVM,
    comments=frozenset({"line_comment", "block_comment"}),
    doc_marks=("/**", "///"),
    strings=frozenset({"string_literal", "character_literal"}),
    steps={
        **names("identifier", "type_identifier", "this", "super", "scoped_type_identifier"),
        "field_access": Step("member", "object", "field"),
        "method_invocation": Step("invoke", "object", "name"),
        "method_reference": Step("member"),
        "object_creation_expression": Step("call", "type"),
        "generic_type": Step("through"),
        "parenthesized_expression": Step("through"),
        "cast_expression": Step("call", "type"),
    },
    modifiers=words(
        "public private protected static final abstract default synchronized native transient volatile strictfp "
        "sealed non-sealed"
    ),
    bare_stub="{};",
)

SCALA: Final = Language(
    name="scala",
    grammar="scala",
    queries=("scala.scm",),
    endings=(".scala", ".sc", ".sbt"),
    interpreters=("scala",),
    naming=Naming.JVM,
    comments=frozenset({"comment", "block_comment"}),
    doc_marks=("/**",),
    strings=frozenset({"string", "interpolated_string", "character_literal"}),
    blocks=frozenset({
        "compilation_unit", "template_body", "with_template_body", "enum_body", "block", "indented_block", "case_block",
        "indented_cases",
    }),
    hides_tokens=True,
    steps={
        **names("identifier", "type_identifier", "operator_identifier", "this", "super", "stable_type_identifier"),
        "field_expression": Step("member", "value", "field"),
        "call_expression": Step("call", "function"),
        "instance_expression": Step("call"),
        "generic_function": Step("through", "function"),
        "generic_type": Step("through", "type"),
        "parenthesized_expression": Step("through"),
    },
    modifiers=words(
        "private protected override abstract final sealed implicit lazy case inline open opaque transparent "
        "infix erased"
    ),
    constructors=frozenset({"this"}),
)  # fmt: skip

CSHARP: Final = Language(
    name="csharp",
    grammar="csharp",
    queries=("csharp.scm",),
    endings=(".cs", ".csx"),
    naming=Naming.SPACE,
    comments=frozenset({"comment"}),
    doc_marks=("///", "/**"),
    strings=frozenset({
        "string_literal", "verbatim_string_literal", "raw_string_literal", "interpolated_string_expression",
        "character_literal",
    }),
    hides_tokens=True,  # the text behind #region and #pragma
    steps={
        **names("identifier", "predefined_type", "this", "base", "this_expression", "base_expression"),
        "member_access_expression": Step("member", "expression", "name"),
        "conditional_access_expression": Step("member", "condition"),
        "qualified_name": Step("member", "qualifier", "name"),
        "alias_qualified_name": Step("through", "name"),
        "invocation_expression": Step("call", "function"),
        "object_creation_expression": Step("call", "type"),
        "as_expression": Step("call", "right"),
        "cast_expression": Step("call", "type"),
        "primary_constructor_base_type": Step("through", "type"),
        "generic_name": Step("through"),
        "await_expression": Step("through"),
        "parenthesized_expression": Step("through"),
        "postfix_unary_expression": Step("through"),
    },
    words={"base": "super"},
    modifiers=words(
        "public private protected internal static abstract sealed virtual override async partial readonly extern "
        "unsafe new const volatile required file ref"
    ),
    named_constructors=True,
    no_calls=words("nameof typeof default sizeof"),
    bare_stub="{};",
)  # fmt: skip
