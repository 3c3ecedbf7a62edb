"""What the shop sells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, overload


class Pricing(Protocol):
    """Anything that can price a product."""

    def price_of(self, product: Product, amount: int = 1) -> int:
        """Price in cents."""
        ...


@dataclass(frozen=True)
class Product:
    """One thing for sale."""

    sku: str
    cents: int
    tags: list[str] = field(default_factory=list)

    @property
    def is_free(self) -> bool:
        return self.cents == 0

    @classmethod
    def from_json(cls, text: str) -> Product:
        """Read a product.

        Raises KeyError when the text has no sku.
        """
        raw = json.loads(text)
        return cls(raw["sku"], raw["cents"])


class Catalog:
    """All products, by sku."""

    def __init__(self, folder: Path, pricing: Pricing | None = None) -> None:
        self._folder = folder
        self._pricing = pricing or FlatPricing()
        self._products: dict[str, Product] = {}

    def load(self) -> int:
        for path in sorted(self._folder.glob("*.json")):
            product = Product.from_json(path.read_text())
            self._products[product.sku] = product
        return len(self)

    @overload
    def find(self, sku: str) -> Product | None: ...

    @overload
    def find(self, sku: str, default: Product) -> Product: ...

    def find(self, sku, default=None):
        return self._products.get(sku, default)

    def total(self, *skus: str, discount: float = 0.0, **weights: int) -> int:
        def one(sku: str) -> int:
            return self._pricing.price_of(self._products[sku], weights.get(sku, 1))

        return int(sum(one(sku) for sku in skus) * (1 - discount))

    def __len__(self) -> int:
        return len(self._products)

    class Walker:
        """Walks over a catalog."""

        def __init__(self, catalog: Catalog) -> None:
            self.catalog = catalog

        def __iter__(self) -> Iterator[Product]:
            yield from self.catalog._products.values()


class FlatPricing:
    """Every product at its own price."""

    def price_of(self, product: Product, amount: int = 1) -> int:
        return product.cents * amount


async def refresh(catalog: Catalog, /, *, every_s: float = 60.0) -> None:
    catalog.load()


if json:

    def describe(product: Product) -> str:
        return product.sku

else:

    def describe(product: Product) -> str:
        return "?"
