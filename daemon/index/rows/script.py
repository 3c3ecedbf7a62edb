"""Rows of the table: the languages of scripts and of the web: Python, JavaScript, TypeScript, PHP, Ruby."""

from __future__ import annotations

from typing import Final

from daemon.index.row import Language, Naming, Step, names, words

PYTHON: Final = Language(
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
        **names("identifier"),
        "attribute": Step("member", "object", "attribute"),
        "call": Step("call", "function"),
        "parenthesized_expression": Step("through"),
        "await": Step("through"),
    },
    modifiers=words("async"),
    constructors=frozenset({"__init__"}),
    no_calls=frozenset({"super"}),
    stub="{}: ...",
    bare_stub="{}: ...",
)

_SCRIPT_STEPS: Final = {
    **names("identifier", "this", "super", "property_identifier", "private_property_identifier"),
    **names("type_identifier"),
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

JAVASCRIPT: Final = Language(
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
    modifiers=words("export default async static get set *"),
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
        comments=JAVASCRIPT.comments,
        doc_marks=JAVASCRIPT.doc_marks,
        strings=JAVASCRIPT.strings,
        texts=JAVASCRIPT.texts,
        blocks=JAVASCRIPT.blocks | {"interface_body", "object_type"},
        values=JAVASCRIPT.values,
        steps={**_SCRIPT_STEPS, "as_expression": Step("call", 1), "type_assertion": Step("call", 0)},
        modifiers=JAVASCRIPT.modifiers | words("declare abstract public private protected readonly override accessor"),
        constructors=JAVASCRIPT.constructors,
        no_calls=JAVASCRIPT.no_calls,
        unnamed=JAVASCRIPT.unnamed,
    )


TYPESCRIPT: Final = _typescript("typescript", (".ts", ".mts", ".cts"))
TSX: Final = _typescript("tsx", (".tsx",))

PHP: Final = Language(
    name="php",
    grammar="php",
    queries=("php.scm",),
    endings=(".php", ".phtml", ".php5", ".php7", ".phps"),
    interpreters=("php",),
    naming=Naming.SPACE,
    comments=frozenset({"comment"}),
    doc_marks=("/**",),
    strings=frozenset({"string", "encapsed_string", "heredoc", "nowdoc"}),
    texts=frozenset({"text"}),
    hides_tokens=True,  # what is written between the names of primitive types
    steps={
        **names("name", "variable_name", "qualified_name", "relative_scope", "namespace_name"),
        "member_access_expression": Step("member", "object", "name"),
        "nullsafe_member_access_expression": Step("member", "object", "name"),
        "scoped_property_access_expression": Step("member", "scope", "name"),
        "member_call_expression": Step("invoke", "object", "name"),
        "nullsafe_member_call_expression": Step("invoke", "object", "name"),
        "scoped_call_expression": Step("invoke", "scope", "name"),
        "function_call_expression": Step("call", "function"),
        "object_creation_expression": Step("call"),
        "parenthesized_expression": Step("through"),
        "clone_expression": Step("through"),
    },
    words={"$this": "this", "parent": "super"},
    modifiers=words("public private protected static abstract final readonly"),
    constructors=frozenset({"__construct"}),
    no_calls=words("array isset empty list unset exit die"),
    bare_stub="{};",
)

RUBY: Final = Language(
    name="ruby",
    grammar="ruby",
    queries=("ruby.scm",),
    endings=(".rb", ".rake", ".gemspec", ".ru"),
    file_names=("Rakefile", "Gemfile", "Guardfile", "Capfile", "Vagrantfile"),
    interpreters=("ruby", "jruby", "rake"),
    naming=Naming.RUBY,
    comments=frozenset({"comment"}),
    doc_above=True,
    strings=words("string chained_string string_array symbol_array regex heredoc_body subshell"),
    blocks=frozenset({
        "program", "body_statement", "block_body", "then", "else", "do", "ensure", "begin", "parenthesized_statements",
    }),
    hides_tokens=True,
    steps={
        **names("identifier", "constant", "self", "super", "instance_variable", "class_variable", "global_variable"),
        **names("operator"),
        "scope_resolution": Step("path", "scope", "name"),
        "call": Step("invoke", "receiver", "method"),
        "parenthesized_statements": Step("through"),
    },
    bodies=("body", "block"),
    values={"assignment": "right"},
    constructors=frozenset({"initialize"}),
    no_calls=words(
        "require require_relative load include extend prepend attr_reader attr_writer attr_accessor private public "
        "protected module_function private_constant private_class_method raise lambda proc loop puts print p format "
        "block_given? binding"
    ),
    stub="{}; ...; end",
    bare_stub="{}; end",
)  # fmt: skip
