"""Bytes of a source in whatever encoding -> UTF-8: by its mark, by what it declares, by what it looks like."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

_MARKS = (
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# What Python, Ruby and editors read in the first two lines: PEP 263.
_DECLARED = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
_LOOKED_AT = 1 << 16  # bytes the guess is made from
# The encodings that sources have been kept in; among all there are, a few accents would look Baltic as well as French.
_LIKELY = ["cp1252", "cp1251", "koi8_r", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"]
_LAST_RESORT = "cp1252"


def to_utf8(data: bytes) -> bytes:
    """The same text in UTF-8. Nothing is refused: what no encoding explains becomes U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _recode(data, encoding)
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return data
    if b"\0" in data:
        return data  # no text, whatever it declares
    return _recode(data, _declared(data) or _guessed(data) or _LAST_RESORT)


def _declared(data: bytes) -> str:
    for line in data.split(b"\n", 2)[:2]:
        found = _DECLARED.search(line)
        if found:
            return _text_encoding(found[1].decode("ascii", errors="replace"))
    return ""


def _text_encoding(name: str) -> str:
    """The name if it is one of a text encoding that is not UTF-8, which the bytes have been tried as already."""
    try:
        codec = codecs.lookup(name)
    except LookupError:
        return ""
    return codec.name if getattr(codec, "_is_text_encoding", True) and codec.name != "utf-8" else ""


def _guessed(data: bytes) -> str:
    bad = _first_bad(data)
    start = max(0, bad - _LOOKED_AT // 2)
    best = from_bytes(data[start : start + _LOOKED_AT], cp_isolation=_LIKELY).best()
    return best.encoding if best is not None else ""


def _first_bad(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _recode(data: bytes, encoding: str) -> bytes:
    return data.decode(encoding, errors="replace").encode("utf-8", errors="replace")
