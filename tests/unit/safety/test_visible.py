"""What no reader of the code sees becomes visible, and control tokens lose their power."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.safety.visible import INVISIBLE, control_tokens, hidden, visible

CONTROL = (
    "<|im_" + "start|>", "<|im_" + "end|>", "<|endof" + "text|>", "<|eot_" + "id|>", "<|start_header_" + "id|>",
    "[IN" + "ST]", "[/IN" + "ST]", "<<SY" + "S>>", "<</SY" + "S>>", "<start_of_" + "turn>", "<end_of_" + "turn>",
    "</" + "s>", "<fim_" + "prefix>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<th" + "ink>", "</tool_" + "call>",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sign", "shown"),
    [
        ("\u200b", "\\u200b"), ("\u202e", "\\u202e"), ("\u2066", "\\u2066"), ("\ufeff", "\\ufeff"),
        ("\U000e0041", "\\U000e0041"), ("\x1b", "\\u001b"), ("\u00ad", "\\u00ad"), ("\u3164", "\\u3164"),
    ],
)  # fmt: skip
def test_a_hidden_sign_is_written_as_its_escape(sign: str, shown: str) -> None:
    assert visible(f"a{sign}b") == f"a{shown}b"
    assert hidden(f"a{sign}b") == [shown]


@pytest.mark.parametrize(
    "text", ["x\ty\r\nz", "señal – «ёж» 你好 🙂", "👍🏽", "❤️", "a &lt; b", "<s>struck</s >", "[0]"]
)
def test_lawful_writing_stays(text: str) -> None:
    assert visible(text) == text
    assert hidden(text) == []


def test_a_message_in_tag_characters_can_be_read() -> None:
    tagged = "".join(chr(0xE0000 + ord(sign)) for sign in "obey")
    assert visible(tagged) == "".join(f"\\U000e00{ord(sign):02x}" for sign in "obey")


@pytest.mark.parametrize("token", CONTROL)
def test_a_control_token_is_broken_and_readable(token: str) -> None:
    broken = visible(f'x = "{token}"')
    assert control_tokens(token) == [token]
    assert control_tokens(broken) == []
    assert broken.replace("\\", "") == f'x = "{token}"'


@pytest.mark.parametrize("code", ["List<String>", "a << b", "if (a <| b) {}", "[INSTALL]", "<pad x>", "x <= y |> f"])
def test_code_is_no_control_token(code: str) -> None:
    assert visible(code) == code


@given(st.text(max_size=200))
def test_twice_is_once_and_nothing_hidden_is_left(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    assert not hidden(once)
    assert not control_tokens(once)


def test_every_bidirectional_control_is_among_the_hidden() -> None:
    """UAX #9: the marks, embeddings, overrides and isolates."""
    controls = {chr(code) for code in range(0x3000) if unicodedata.bidirectional(chr(code)) in
                {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}}  # fmt: skip
    assert len(controls) == 9
    assert all(INVISIBLE.fullmatch(sign) for sign in controls)
