"""The door between the store and every model: material in, the same without secrets and without hidden signs out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, cast

from daemon.safety.redact import Redaction, Redactor, without
from daemon.safety.visible import all_visible, visible
from daemon.settings import SafetySettings
from db.types import Material, Param, TextDraft

T = TypeVar("T")

_VERSION = 1  # of the rules in this package: a higher one looks over all texts again

# Names that the index needs as they are, and figures; everything else of a material is text that a model may see.
_LEFT = frozenset(
    {"repo", "language", "kind", "lang", "source_hash", "vectors", "idents", "inside", "outside", "users"}
)


@dataclass(frozen=True, slots=True)
class Safe:
    """Material that may be shown, and how many secrets of each kind were taken out of it."""

    material: Material
    redacted: Mapping[str, int]


class Safety:
    """Redacts materials and drafts by the settings; pure."""

    def __init__(self, settings: SafetySettings) -> None:
        self._redactor = Redactor(settings.allow) if settings.redact else None
        self._settings = settings

    @property
    def fingerprint(self) -> str:
        """Changes with the settings and the rules, so that texts which were made under others are looked at again.

        It is part of a text's recipe and not of its key. So every text becomes due once, at the lowest priority, and is
        served from the ledger without a call, unless something in its material was redacted or is redacted otherwise
        now: that changes the key (see ``material``).
        """
        stated = repr((_VERSION, self._settings.redact, sorted(self._settings.allow)))
        return hashlib.blake2b(stated.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def material(self, material: Material) -> Safe:
        """The material as a model may see it.

        Where the source came out differently its hash becomes that of what is shown. Thus a text written from the
        secret is never recalled for the redacted source, nor the other way round, and a rotated password costs no call.
        """
        texts = _texts(material)
        each = _texts_in(texts)
        sieve = _Sieve(self._redactor, each)
        if not sieve.holds_any and all_visible("\n".join(each)):
            return Safe(material, {})

        def clean(text: str) -> str:
            return visible(sieve.clean(text))

        shown = replace(material, **{name: cast(Any, _cleaned(value, clean)) for name, value in texts.items()})
        if shown.source_code != material.source_code:
            digest = hashlib.blake2b(shown.source_code.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
            shown = replace(shown, source_hash=f"shown:{digest}")
        elif shown == material:
            shown = material
        return Safe(shown, dict(sorted(sieve.found.items())))

    def draft(self, draft: TextDraft, redacted: Mapping[str, int]) -> TextDraft:
        """The draft as it may be saved: a model may repeat a secret from elsewhere, or make one up.

        ``redacted`` are the counts of its material; both go into the figures of the text.
        """
        sieve = _Sieve(self._redactor, (draft.text,))
        text = sieve.clean(draft.text)
        found = dict(sorted(sieve.found.items()))
        counted = {"redacted", "redacted_answer"}
        # Figures quote the answer: names that are not there, addresses, the words of an order.
        quality = {key: _cleaned(value, sieve.clean) for key, value in draft.quality.items() if key not in counted}
        if redacted:
            quality["redacted"] = dict(redacted)
        if found:
            quality["redacted_answer"] = found
        return draft if text == draft.text and quality == draft.quality else replace(draft, text=text, quality=quality)


def without_secrets(value: T) -> T:
    """A text, or a value with texts in it, for what is kept beside the answers: search words and fact sheets.

    No setting leads here: they can be read in plain SQL and are copied on from there. What was no secret after all
    costs the search one word; the index keeps the source as it is.
    """
    sieve = _Sieve(_ALWAYS, _texts_in(value))
    return cast(T, _cleaned(value, sieve.clean)) if sieve.holds_any else value


_ALWAYS = Redactor()


class _Sieve:
    """The secrets of one value, however deep its texts lie: what a signature tells is looked for in its doc comment."""

    def __init__(self, redactor: Redactor | None, texts: Collection[str]) -> None:
        self._redactor = redactor
        self._looked_at = texts
        self._seen: dict[str, Redaction] = {}  # those of them that hold something
        self._values: dict[str, str] = {}
        self.found: Counter[str] = Counter()  # in all that was cleaned
        if redactor is not None:
            for text in redactor.dirty(texts):
                self._seen[text] = done = redactor.look(text)
                self._values.update(done.values)

    @property
    def holds_any(self) -> bool:
        """Whether there is anything to be cleaned."""
        return bool(self._seen)

    def clean(self, text: str) -> str:
        """The text without secrets, counted."""
        if self._redactor is None:
            return text
        done = self._seen.get(text)
        if done is None:
            done = Redaction(text, {}) if text in self._looked_at else self._redactor.look(text)
        clean, more = without(done.text, self._values)
        self.found.update(done.found)
        self.found.update(more)
        return clean


def _texts(material: Material) -> dict[str, Any]:
    return {name: getattr(material, name) for name in Material.__dataclass_fields__ if name not in _LEFT}


def _texts_in(value: object) -> dict[str, None]:
    """Every text that ``_cleaned`` would clean, however deep, each once, in order."""
    found: dict[str, None] = {}
    _collect(value, found)
    return found


def _collect(value: object, found: dict[str, None]) -> None:
    if isinstance(value, str):
        found[value] = None
    elif isinstance(value, tuple | list):
        for entry in value:
            _collect(entry, found)
    elif isinstance(value, Mapping):
        for entry in value.values():
            _collect(entry, found)
    elif value is not None and is_dataclass(value) and not isinstance(value, type):
        for name in _fields_of(type(value)):
            _collect(getattr(value, name), found)
        if isinstance(value, Param) and value.default:
            found[_assigned(value)] = None


@cache
def _fields_of(kind: type[Any]) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind) if part.init)


def _cleaned(value: object, clean: Callable[[str], str]) -> object:
    """The value with all its texts cleaned, however deep; figures stay, and what is clean is the same object."""
    if isinstance(value, str):
        cleaned = clean(value)
        return value if cleaned == value else cleaned
    if isinstance(value, tuple | list):
        return type(value)(_cleaned(entry, clean) for entry in value)
    if isinstance(value, Mapping):
        return {key: _cleaned(entry, clean) for key, entry in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        before = {name: getattr(value, name) for name in _fields_of(type(value))}
        after = {name: _cleaned(part, clean) for name, part in before.items()}
        if isinstance(value, Param) and value.default and after["default"] is value.default:
            after["default"] = _default(value, clean)
        changed = {name: part for name, part in after.items() if part != before[name]}
        return replace(value, **changed) if changed else value
    return value


def _default(param: Param, clean: Callable[[str], str]) -> str:
    return clean(_assigned(param)).removeprefix(f"{param.name} = ")


def _assigned(param: Param) -> str:
    # A default is a value without its name: `password="..."` says more than `"..."` alone.
    return f"{param.name} = {param.default}"
