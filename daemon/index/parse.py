"""One file's bytes -> ParsedFile: nodes, references and imports; pure, no I/O, never raises on content."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from pathlib import PurePosixPath

from tree_sitter import Parser, Query, QueryCursor, Tree

from daemon.index.facts import Source
from daemon.index.languages import Language, Naming, SyntaxNode, dialect_of, grammar_of
from daemon.index.marks import Marks
from daemon.index.mends import mended
from daemon.index.names import module_of
from daemon.index.outline import CLASS_LIKE, Found, innermost, outline_of
from daemon.index.params import params_of, receiver_of, return_type_of
from daemon.index.patience import Patience, TooSlowError
from daemon.index.references import Context, Imported, Uses, imported, uses_of
from daemon.index.tags import Tags, tags_of
from daemon.index.text import own_text, signature_of
from daemon.index.tokens import read_tokens, shape_hash, signature_hash, source_hash
from db.parsed import Import, ParsedFile, ParsedNode
from db.types import NodeKind, Param

_BOM = b"\xef\xbb\xbf"
_DIGEST = 16  # bytes
_PATIENCE_S = 5.0  # of CPU for one file; a megabyte of good source takes half a second
_GIVEN_UP = (
    "nested too deeply, or no source at all: to parse it would take too long, so its text is indexed and not the "
    "definitions in it"
)
_PORTION = 1 << 16  # bytes handed to the parser at a time
_MAX_WRITTEN = 500  # characters of a default value, a type or an annotation; longer ones say that they go on


def content_hash(content: bytes) -> str:
    """BLAKE2b of 128 bits over a file as it was read, in hexadecimal digits."""
    return blake2b(content, digest_size=_DIGEST).hexdigest()


def parse(
    path: str,
    source: bytes,
    language: Language,
    *,
    mtime_ns: int = 0,
    size: int | None = None,
    roots: Mapping[str, str] | None = None,
) -> ParsedFile:
    """Read one file. Syntax errors are counted and the rest is read all the same.

    ``path`` is POSIX and relative to the repository: names follow from it (``names.py``). ``size`` is what the
    file system says where ``source`` was transcoded. ``roots``: prefix of an import -> folder (``projects.py``).
    """
    data = _normal(source)
    language = dialect_of(language, path, data)
    clean = mended(data, language)
    breaks = [match.start() for match in re.finditer(b"\n", data)]
    text = Source(data, breaks, clean if clean is not data else b"")
    read = partial(_file, path, text, language, dict(roots or {}))
    try:
        file = read(_tree(clean, language))
    except TooSlowError:
        file = read(None)
    return replace(
        file,
        size=len(source) if size is None else size,
        mtime_ns=mtime_ns,
        content_hash=content_hash(source),
    )


def _file(path: str, text: Source, language: Language, roots: dict[str, str], tree: Tree | None) -> ParsedFile:
    """What the tree of one file says; without a tree the file is a single node of plain words.

    Raises TooSlowError.
    """
    data = text.data
    root = (tree or Parser(grammar_of(language)).parse(b"")).root_node
    tags = tags_of(root, language, text)
    module = module_of(path, language, *_declared(tags, text))
    imports = imported(tags, language, text, path, module, roots)
    aliases = {one.alias: one.target for one in imports.imports}
    outline = outline_of(root, tags, language, text, module, aliases)
    read_tokens(root, outline, language, text)
    if tree is None:
        outline.file.tokens += data.split()
    if language.layout:
        outline.file.tokens += _layout(data, [(one.start_byte, one.end_byte) for one in tags.comments])
    context = Context(
        language=language, source=text, module=module, roots=roots, outline=outline, holder=innermost(outline)
    )
    uses = uses_of(tags, context, imports)
    marks = Marks(outline, language, text, context.holder).all()
    nodes = tuple(
        replace(_node(one, context, uses, imports, path), marks=tuple(marks.get(id(one), ()))) for one in outline.nodes
    )
    return ParsedFile(
        path=path,
        lang=language.name,
        size=len(data),
        mtime_ns=0,
        content_hash="",
        line_count=_line_count(data),
        package=module.package,
        nodes=nodes,
        references=tuple(uses.references),
        imports=tuple(dict.fromkeys([*imports.imports, *_exported(nodes, language)])),
        syntax_errors=_syntax_errors(root, language),
        whole=None if tree is not None else _GIVEN_UP,
    )


def _declared(tags: Tags, source: Source) -> tuple[str | None, str | None]:
    """The package that the file says it is of, and the first of its namespaces."""
    space = next((source.line(tag.name) for tag in tags.namespaces if tag.name), None)
    return ".".join(source.line(node) for node in tags.packages) or None, space


def _layout(data: bytes, comments: Sequence[tuple[int, int]]) -> list[bytes]:
    """How far each line of code is indented, where that carries meaning and the grammar's blocks are not known."""
    blank = bytearray(data)
    for start, end in comments:
        blank[start:end] = b" " * (end - start)
    return [b"%d" % len(match[0]) for match in re.finditer(rb"^[ \t]*(?=\S)", blank, re.MULTILINE)]


def _tree(data: bytes, language: Language) -> Tree:
    """The syntax tree. Raises TooSlowError where the parser is lost in a file that is no source at all.

    Its way out of an error can cost the square of the length (an open comment ten thousand times), and so can
    brackets ten thousand deep in some grammars (Scala).
    """
    view = memoryview(data)  # no copies: a lost parser asks for the same bytes again and again
    try:
        return Parser(grammar_of(language)).parse(
            lambda offset, _: view[offset : offset + _PORTION],
            progress_callback=Patience(_PATIENCE_S),
        )
    except ValueError:
        raise TooSlowError from None


def _normal(source: bytes) -> bytes:
    """Without a byte order mark, with ``\\n`` at the end of lines, and with a space for every NUL."""
    data = source.removeprefix(_BOM)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.replace(b"\0", b" ")


def _line_count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


@cache
def _faults(language: Language) -> Query:
    return Query(grammar_of(language), "(ERROR) @fault (MISSING) @fault")


def _syntax_errors(root: SyntaxNode, language: Language) -> int:
    if not root.has_error:
        return 0
    return len(QueryCursor(_faults(language)).captures(root).get("fault", []))


def _node(one: Found, context: Context, uses: Uses, imports: Imported, path: str) -> ParsedNode:
    language, source = context.language, context.source
    is_file = one.kind is NodeKind.FILE
    kind = one.kind or NodeKind.FILE
    supertypes = tuple(uses.supertypes.get(id(one), ()))
    callable_ = not is_file and kind not in CLASS_LIKE
    has_params = not is_file and (callable_ or kind is not NodeKind.INTERFACE)
    extra = [held] if callable_ and (held := receiver_of(one.function, source)) else []
    companions = [member for member in one.members if member.node.type == "companion_object"]
    extra += [_companion(member) for member in companions if kind in CLASS_LIKE]
    return ParsedNode(
        kind=kind,
        fqn=one.fqn,
        name=PurePosixPath(path).name if is_file else one.name,
        lang=language.name,
        package=context.module.package,
        owner=one.owner,
        ordinal=one.ordinal,
        line_start=1 if is_file else source.line_at(one.start),
        line_end=max(_line_count(source.data), 1) if is_file else source.line_at(one.end - 1),
        signature=one.fqn if is_file else signature_of(one, language, source),
        source_code=own_text(one, language, source),
        source_hash=source_hash(one),
        signature_hash=signature_hash(one, supertypes),
        shape_hash=shape_hash(one),
        params=tuple(_short(param) for param in params_of(one.function, language, source)) if has_params else (),
        return_type=_cut(return_type_of(one.function, language, source)) if callable_ else None,
        supertypes=supertypes,
        annotations=tuple(_cut(source.line(node)) or "" for node in one.annotations),
        modifiers=_modifiers(one, context),
        doc_summary=one.doc.summary,
        doc_details=one.doc.details,
        imports=tuple(imports.written) if is_file else (),
        fields=tuple(_short(held) for held in (*extra, *uses.fields.get(id(one), {}).values())),
    )


def _companion(one: Found) -> Param:
    """A companion under a name of its own: its members are called on the class all the same."""
    return Param(name="Companion", type=one.name)


def _modifiers(one: Found, context: Context) -> tuple[str, ...]:
    """The modifiers before the name, as written; ``pub(crate)`` is one."""
    found: list[str] = []
    depth = 0
    for start, end in one.head_spans:
        if start >= one.name_at:
            break
        word = context.source.text(start, end)
        if word == "(" and found and found[-1] == "pub":
            depth, found[-1] = 1, "pub("
        elif depth:
            found[-1] += word
            depth += (word == "(") - (word == ")")
        elif word in context.language.modifiers and not _is_keyword(word, one):
            found.append(word)
    return tuple(found)


def _is_keyword(word: str, one: Found) -> bool:
    """``fun`` of a function and ``class`` of a class say what it is; ``fun interface`` and ``class func`` say more."""
    return word == ("class" if one.kind in CLASS_LIKE else "fun")


def _exported(nodes: tuple[ParsedNode, ...], language: Language) -> list[Import]:
    """``default`` of a module that exports a declaration of its own under that name."""
    if language.naming is not Naming.SCRIPT:
        return []
    return [
        Import(alias="default", target=node.fqn)
        for node in nodes
        if node.owner is None and {"export", "default"} <= set(node.modifiers) and node.name != "default"
    ]


def _short(param: Param) -> Param:
    return Param(name=_cut(param.name) or "", type=_cut(param.type), default=_cut(param.default))


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _MAX_WRITTEN:
        return text
    return text[:_MAX_WRITTEN] + " …"
