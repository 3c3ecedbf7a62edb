"""Sources in other encodings than UTF-8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.index.encoding import to_utf8
from daemon.index.languages import language_of
from daemon.index.parse import parse

RUSSIAN = """# Складывает суммы заказов и считает скидку покупателя
def total(orders):
    \"\"\"Возвращает общую сумму заказов покупателя за месяц, с учётом скидок и доставки.\"\"\"
    return sum(orders)
"""
FRENCH = """// Ajoute les éléments à la mémoire déjà réservée, après vérification de la clé
function déposer(clé) { return "côté élève, très très français"; }
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1251"])
def test_russian(encoding: str) -> None:
    assert to_utf8(RUSSIAN.encode(encoding)).decode() == RUSSIAN


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
def test_french(encoding: str) -> None:
    assert to_utf8(FRENCH.encode(encoding)).decode() == FRENCH


@pytest.mark.parametrize("first", ["# -*- coding: latin-1 -*-", "#!/usr/bin/python\n# vim: set fileencoding=latin-1 :"])
def test_what_a_file_declares_is_believed(first: str) -> None:
    source = f"{first}\ndef grüße():\n    return 'ä'\n"
    assert to_utf8(source.encode("latin-1")).decode() == source
    python = language_of("a.py")
    assert python is not None
    parsed = parse("a.py", to_utf8(source.encode("latin-1")), python)
    assert (parsed.syntax_errors, [node.name for node in parsed.nodes if node.kind == "FUNCTION"]) == (0, ["grüße"])


@pytest.mark.parametrize("name", ["utf-8", "martian", "rot13", "hex"])
def test_a_wrong_declaration_is_not(name: str) -> None:
    source = f"# coding: {name}\n# Les éléments de la mémoire déjà réservée, côté élève\n"
    assert to_utf8(source.encode("latin-1")).decode() == source


@given(st.binary(max_size=300))
def test_nothing_is_refused(data: bytes) -> None:
    found = to_utf8(data)
    try:
        data.decode()
    except UnicodeDecodeError:
        if b"\0" not in data:
            found.decode()
    else:
        assert found == data or data[:2] in {b"\xff\xfe", b"\xfe\xff"}
