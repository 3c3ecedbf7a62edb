"""A written type names at most one class whose members a receiver has."""

from __future__ import annotations

import pytest

from daemon.index.typenames import type_name


@pytest.mark.parametrize(
    ("written", "lang", "expected"),
    [
        ("Store", "java", "Store"),
        ("*Store", "go", "Store"),
        ("*store.Store", "go", "store.Store"),
        ("(*Store, error)", "go", "Store"),
        ("(s *Store, err error)", "go", "Store"),
        ("[]Store", "go", None),
        ("map[string]*Store", "go", None),
        ("chan Store", "go", None),
        ("...Option", "go", None),
        ("func(a *A) B", "go", None),
        ("Store?", "kotlin", "Store"),
        ("(Int) -> Unit", "kotlin", None),
        ("vararg Store", "kotlin", None),
        ("List<Store>", "kotlin", "List"),
        ("Store | None", "python", "Store"),
        ("None | Store", "python", "Store"),
        ("A | B", "python", None),
        ('"Store"', "python", "Store"),
        ("Optional[Store]", "python", "Store"),
        ("Annotated[Store, Depends(get)]", "python", "Store"),
        ("type[Store]", "python", "Store"),
        ("list[Store]", "python", "list"),
        ("models.Store", "python", "models.Store"),
        ("Store | null | undefined", "typescript", "Store"),
        ("Promise<Store>", "typescript", "Store"),
        ("Promise<Store[]>", "typescript", None),
        ("Store[]", "typescript", None),
        ("() => Store", "typescript", None),
        ("&'a mut Store", "rust", "Store"),
        ("Arc<Store>", "rust", "Store"),
        ("Arc<Mutex<Option<Store>>>", "rust", "Store"),
        ("Optional<Store>", "java", "Optional"),
        ("std::sync::Arc<Store>", "rust", "Store"),
        ("Box<dyn Policy + Send>", "rust", "Policy"),
        ("Result<Self, Error>", "rust", "Self"),
        ("crate::cache::Entry", "rust", "crate.cache.Entry"),
        ("impl Fn(u32) -> u32", "rust", None),
        ("String...", "java", None),
        ("make()", "go", "make()"),
        ("self.repo.find()", "python", "self.repo.find()"),
        ("", "python", None),
        ("<<<", "python", None),
    ],
)
def test_type_name(written: str, lang: str, expected: str | None) -> None:
    assert type_name(written, lang) == expected
