"""What a commit truly changed, judged without the product: by Python's own `ast`, else by the tokens of tree-sitter.

A piece is a function, a method, or a class (its head, its fields, the heads of its members), and a file in which none
of them stands. It is changed where its tokens are new: comments and layout count for nothing, doc comments do. A piece
that is only called otherwise, or stands elsewhere, is not changed, nor is one that was there before.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node, Parser
from tree_sitter_language_pack import get_language

GRAMMARS = {
    ".go": "go", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".tsx": "tsx", ".rs": "rust", ".java": "java", ".kt": "kotlin",
}  # fmt: skip
_FUNCTIONS = frozenset({
    "function_declaration", "generator_function_declaration", "method_declaration", "method_definition",
    "method_elem", "function_item", "function_signature_item", "constructor_declaration", "method_signature",
})  # fmt: skip
_CLASSES = frozenset({
    "class_declaration", "type_spec", "interface_declaration", "enum_declaration", "struct_item", "enum_item",
    "trait_item", "record_declaration", "object_declaration", "abstract_class_declaration",
})  # fmt: skip
_VALUES = frozenset({"function_expression", "arrow_function", "generator_function", "class"})
_NAMED = ("name", "left", "key", "property")
_COMMENT = re.compile(r"comment$")
_WHOLE = frozenset({"string", "template_string", "string_literal", "interpreted_string_literal", "raw_string_literal"})
_PLAIN_COMMENT = re.compile(r"^\s*(?:#|//|--|;).*$", re.MULTILINE)
_GAP = 2  # a blank line between a doc comment and what it is about
_SEPARATORS = frozenset({";", ","})


@dataclass(frozen=True, slots=True)
class Piece:
    """``tokens`` with the piece's own name in them; ``shape`` with a mark in its place."""

    kind: str  # function | class | file
    name: str
    tokens: str

    @property
    def shape(self) -> str:
        """The tokens without its own name."""
        own = self.name.rpartition(".")[2]
        return re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", "\0", self.tokens) if own else self.tokens


def pieces(path: str, source: bytes) -> list[Piece]:
    """The pieces of a file; it is one by itself where nothing else stands in it, and there is something."""
    text = source.decode("utf-8", "replace").replace("\r\n", "\n")
    ending = path[path.rfind(".") :] if "." in path else ""
    found: list[Piece] = []
    whole = ""
    if ending == ".py":
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return [Piece("file", path, " ".join(text.split()))]
        found = list(_python(tree, ""))
        whole = ast.dump(tree)
        empty = not tree.body
    elif ending in GRAMMARS:
        root = Parser(get_language(GRAMMARS[ending])).parse(source).root_node  # type: ignore[arg-type]
        found = list(_syntax(root, ""))
        whole = " ".join(_tokens(root, None))
        empty = not whole
    else:
        whole = " ".join(_PLAIN_COMMENT.sub("", text).split())
        empty = not whole
    return found or ([] if empty else [Piece("file", path, whole)])


def changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Piece]:
    """The pieces of ``after`` that are new or say something new; both hold the files that a commit touched, by path."""
    old = [piece for path, source in before.items() for piece in pieces(path, source)]
    new = [piece for path, source in after.items() for piece in pieces(path, source)]
    known = {(piece.kind, _last(piece), piece.tokens) for piece in old}
    there = {(piece.kind, _last(piece), piece.tokens) for piece in new}
    gone = {(piece.kind, piece.shape) for piece in old if (piece.kind, _last(piece), piece.tokens) not in there}
    return [
        piece
        for piece in new
        if (piece.kind, _last(piece), piece.tokens) not in known and (piece.kind, piece.shape) not in gone
    ]


def _last(piece: Piece) -> str:
    return "" if piece.kind == "file" else piece.name.rpartition(".")[2]


def _python(node: ast.AST, scope: str) -> Iterator[Piece]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Piece("function", f"{scope}{child.name}", _dump(child))
        elif isinstance(child, ast.ClassDef):
            yield Piece("class", f"{scope}{child.name}", _dump(_skeleton(child)))
            yield from _python(child, f"{scope}{child.name}.")
        elif isinstance(child, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _python(child, scope)


def _skeleton(node: ast.ClassDef) -> ast.ClassDef:
    """A class without what its members do."""
    bare = copy.copy(node)
    bare.body = [_head(one) for one in node.body]
    return bare


def _head(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node
    bare = copy.copy(node)
    bare.body, bare.decorator_list = [], []
    return bare


def _dump(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    """The tree without places; white space inside of docstrings counts for nothing."""
    doc = ast.get_docstring(node)
    text = ast.dump(node)
    return text if doc is None else text.replace(ast.dump(node.body[0]), f"doc {' '.join(doc.split())!r}", 1)


def _syntax(node: Node, scope: str) -> Iterator[Piece]:
    """Definitions outside of functions; what stands in a function belongs to it."""
    for child in node.children:
        named = _definition(child)
        if named is None:
            if child.type not in _VALUES:
                yield from _syntax(child, scope)
            continue
        kind, name, value = named
        doc = " ".join(_doc(child))
        yield Piece(kind, f"{scope}{name}", f"{doc}\1{' '.join(_tokens(child, kind))}")
        if kind == "class":
            yield from _syntax(value, f"{scope}{name}.")


def _definition(node: Node) -> tuple[str, str, Node] | None:
    """(kind, name, what holds its members) of what defines something."""
    if node.type in _FUNCTIONS or node.type in _CLASSES:
        name = node.child_by_field_name("name")
        if name is None:
            return None
        return ("function" if node.type in _FUNCTIONS else "class"), _text(name), node
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    if value is None:
        return None
    named = next((found for field in _NAMED if (found := node.child_by_field_name(field)) is not None), None)
    if named is None or (node.type == "pair" and node.parent is not None and not _in_definition(node)):
        return None
    if value.type in _VALUES:
        return ("class" if value.type == "class" else "function"), _text(named), value
    if value.type == "object" and node.type == "variable_declarator" and any(map(_is_method, value.named_children)):
        return "class", _text(named), value
    return None


def _in_definition(pair: Node) -> bool:
    """Whether the object that holds a pair is assigned to a name at the top."""
    holder = pair.parent.parent if pair.parent is not None else None
    return holder is not None and holder.type in {"variable_declarator", "assignment_expression"}


def _is_method(node: Node) -> bool:
    value = node.child_by_field_name("value")
    return node.type == "method_definition" or (node.type == "pair" and value is not None and value.type in _VALUES)


def _doc(node: Node) -> list[str]:
    """The words of the comments right above a definition, or above the statement that it is."""
    while node.parent is not None and node.parent.type in {
        "export_statement", "lexical_declaration", "variable_declaration", "expression_statement", "type_declaration",
        "assignment_expression",
    }:  # fmt: skip
        node = node.parent
    words: list[str] = []
    row, above = node.start_point[0], node.prev_sibling
    while above is not None and _COMMENT.search(above.type) and above.end_point[0] >= row - _GAP:
        text = _text(above)
        if text.startswith(("//", "/**")):
            words = [*re.findall(r"\w+", text), *words]
        row, above = above.start_point[0], above.prev_sibling
    return words


def _tokens(node: Node, kind: str | None) -> Iterator[str]:
    """The leaves of a piece; of what is defined in a class the head alone."""
    body = node.child_by_field_name("body") if kind == "member" else None
    for child in node.children:
        if body is not None and child.id == body.id:
            yield "..."
        elif _COMMENT.search(child.type):
            continue
        elif child.type in _WHOLE or not child.children:
            text = _text(child)
            if text.strip() and text not in _SEPARATORS:
                yield text
        elif kind == "class" and (named := _definition(child)) is not None:
            yield from _tokens(named[2] if named[2].type in _VALUES else child, "member")
        else:
            yield from _tokens(child, "class" if kind == "class" else None if kind != "member" else "member")


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def count(found: Iterable[Piece]) -> dict[str, int]:
    """How many of each kind."""
    kinds = [piece.kind for piece in found]
    return {kind: kinds.count(kind) for kind in ("function", "class", "file")}
