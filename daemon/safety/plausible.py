"""Does a value look like a secret, or like a name, a label, a placeholder? What lies at a name alone cannot tell."""

from __future__ import annotations

import math
import re
from collections import Counter

PLACEHOLDER = re.compile(r"<REDACTED:[a-z0-9-]+>")

_SHORTEST = 4
_SHORTEST_SURE = 8
_SURE_ENTROPY = 2.5  # bits a letter; words of a language have less at this length, keys of 8 signs and more have more
_FEW_SIGNS = 3  # "xxxx", "****", "000000"

# A value that is filled in elsewhere: ${VAR}, {{ var }}, %(x)s, {x}, <your key>, $VAR, $(cmd), :name, %s.
_FILLED_IN = re.compile(
    r"[$#]\{[\w.:?\-]+\}|\{\{[\s\w.|()\-]*\}\}|%\(\w+\)\w|\{\w*\}|^%\w$|^<[^<>]*>$|^\[.*\]$|^\$\w+$|^\$\(.*\)$|^:\w+$"
)
# Words that stand where a secret would: they show that there is one and hold none.
_STANDS_FOR = re.compile(
    r"(?:^|[^a-z])(?:your|my|the|some|example|sample|dummy|fake|placeholder|changeme|change|redacted|masked|none|null|nil"
    r"|undefined|true|false|todo|insert|enter|replace|here|xxx+|abc|foo|bar|baz|test|invalid|wrong|bad)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_KEYWORDS = re.compile(
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|credential|api.?key|auth|bearer|contrase|\u043f\u0430\u0440\u043e\u043b",
    re.IGNORECASE,
)
# Words joined by signs, without any digit: client_secret, X-Api-Key, auth.token.invalid, users/password/reset.
_NAME = re.compile(r"[^\W\d_]+(?:[_.:/\-]+[^\W\d_]+)*[_.:/\-]*")
# The same with a number at its end, which a parser's `token` may be and a password too: IDENTIFIER_2, X-Auth-Token-2.
_NUMBERED = re.compile(r"[^\W\d_]+(?:[_.:/\-]+[^\W\d_]+)*[_.:/\-]\d{1,3}")
_RULES = re.compile(r"[a-z_]+(?:\|[a-z_]+(?::\w+)?)+")  # required|min:8
_PATH = re.compile(
    r"(?:https?|file|wss?|classpath|urn):\S+|(?:\.{0,2}|~|[A-Za-z]:)?[/\\][\w.\\/\-]+|[\w\-/]+\.[a-z]{2,4}|[\w.\-]+:\d{2,5}"
)
_CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z_]\w*\[.*\]")
# Names with digits in them that stand where a secret could: SHA-256, HS512, AES/CBC/PKCS5Padding, utf-8, x509, rot13.
_ALGORITHM = re.compile(
    r"(?:sha|shake|md|hmac|aes|rsa|dsa|ecdsa|[hrep]s|ed|utf|iso|oauth|base|x|rot|pkcs|rfc|v|http|p|secp|cp|latin)"
    r"[\-_/]?\d{1,5}[a-z]{0,3}(?:[\-_/][a-z0-9]{1,14}){0,3}|(?:pbkdf2|bcrypt|scrypt|argon2)[\w\-]{0,20}"
    r"|aes[\-_/]\w{2,4}[\-_/]\w+",
    re.IGNORECASE,
)
_VISIBLE = re.compile(r"[!-~]+")


def is_secret_value(value: str) -> bool:
    """For names that hold nothing but passwords: any value that is not a label, a name, a placeholder or a path."""
    value = value.strip()
    if len(value) < _SHORTEST or _is_filled_in(value) or any(sign.isspace() for sign in value):
        return False
    if any(shape.fullmatch(value) for shape in (_NAME, _ALGORITHM, _PATH, _CALL, _RULES)):
        return False
    return _varied(value) and _VISIBLE.fullmatch(value) is not None


def is_strong_value(value: str) -> bool:
    """For names that may hold other things too (`token` of a parser, `key` of a map): long, mixed and without words."""
    value = value.strip()
    if len(value) < _SHORTEST_SURE or not is_secret_value(value) or _NUMBERED.fullmatch(value):
        return False
    digits = sum(sign.isdigit() for sign in value)
    letters = sum(sign.isalpha() for sign in value)
    return digits > 0 and (letters > 0 or digits == len(value)) and _entropy(value) >= _SURE_ENTROPY


def _is_filled_in(value: str) -> bool:
    if PLACEHOLDER.search(value) or _FILLED_IN.search(value):
        return True
    # "my-secret-123" stands for one; "my5ecr3tQ9x" does not: the word must stand alone and the rest be words as well.
    words = [word for word in re.split(r"[^A-Za-z]+", value) if word]
    return (
        bool(_STANDS_FOR.search(value))
        and all(len(word) == 1 or word.islower() or word.isupper() or word.istitle() for word in words)
        and (_mostly_words(value) or bool(_KEYWORDS.search(value)))
    )


def _mostly_words(value: str) -> bool:
    return sum(sign.isalpha() for sign in value) >= 0.7 * len(value)


def _varied(value: str) -> bool:
    return len(set(value)) > _FEW_SIGNS


def _entropy(value: str) -> float:
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
