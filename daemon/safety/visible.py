"""Makes visible what a reader of the code cannot see, and takes their power from the tokens of chat templates.

A comment may hold text that no editor shows (zero-width signs, tag characters) or shows in another order than the
model reads it (bidirectional controls); and ``<|im_start|>system`` in a string may be read as the start of a system
message by a server that looks for control tokens in the user's text. Both come out as plain, harmless signs: a model
that writes ``\\u202e`` in its answer tells the reader what is there.
"""

from __future__ import annotations

import re

# Zero-width and invisible signs, bidirectional controls, variation selectors in long rows, tag characters, fillers,
# and the controls below 0x20 that no source needs. A zero-width joiner between emoji or letters of Indic and Arabic
# scripts is lawful writing; in code it is rare enough to be shown too.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"
    "|[\ufe00-\ufe0f]{2,}"
)
# Control tokens of the chat templates in use: ChatML (Qwen, and many others), Llama 2 and 3, Mistral, Gemma, Phi,
# DeepSeek (with its full-width bars), fill-in-the-middle, tools, thinking. ``<s>`` alone is left: it is HTML as well.
_CONTROL = re.compile(
    "<(?P<bar>[|\uff5c])(?P<bars>[\\w\u2581 .:/-]{1,40})[|\uff5c]>"
    r"|<(?P<slash>/?)(?P<name>start_of_turn|end_of_turn|bos|eos|unk|pad|think|thinking|tool_call|tool_response"
    r"|fim_(?:prefix|middle|suffix|pad)|file_sep|repo_name|im_start|im_end|endoftext)>"
    r"|\[(?P<end>/?)(?P<inst>INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\]"
    r"|<<(?P<close>/?)(?P<sys>SYS)>>"
    r"|(?P<stop></s>)"
)


def visible(text: str) -> str:
    """The text with every invisible sign written as its escape, and control tokens broken by a backslash.

    A text that was made visible comes out as it was.
    """
    return _CONTROL.sub(_broken, _escaped(text))


def all_visible(text: str) -> bool:
    """Whether ``visible`` would leave a text as it is."""
    return INVISIBLE.search(text) is None and _CONTROL.search(text) is None


def hidden(text: str) -> list[str]:
    """The escapes of all invisible signs in a text."""
    return [_escape(sign) for match in INVISIBLE.finditer(text) for sign in match.group()]


def control_tokens(text: str) -> list[str]:
    """Control tokens of chat templates that stand in a text."""
    return [match.group() for match in _CONTROL.finditer(text)]


def _escaped(text: str) -> str:
    return INVISIBLE.sub(lambda match: "".join(_escape(sign) for sign in match.group()), text)


def _escape(sign: str) -> str:
    code = ord(sign)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the end of the first plane


def _broken(match: re.Match[str]) -> str:
    # <|im_start|> -> <\|im_start|>: still readable, and no tokenizer's special token.
    token = match.group()
    return f"{token[:2]}\\{token[2:]}" if token.startswith("<<") else f"{token[0]}\\{token[1:]}"
