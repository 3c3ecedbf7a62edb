"""Carts."""

import os.path as osp
from . import catalog as wares
from .catalog import Catalog, FlatPricing, Product
from .rules import *


class Cart(list):
    """Products somebody wants."""

    limit: int = 100
    pricing: FlatPricing

    def __init__(self, catalog: Catalog):
        super().__init__()
        self.catalog = catalog
        self.pricing = FlatPricing()

    def add(self, sku: str) -> "Cart":
        """Put one product into the cart."""
        found = self.catalog.find(sku)
        check_limit(len(self), self.limit)
        self.append(found)
        return self

    def total(self) -> int:
        return sum(self.pricing.price_of(product) for product in self)

    def save(self, name: str) -> None:
        with open(osp.join("carts", name), "w") as file:
            file.write(self.render())

    def render(self) -> str:
        return ", ".join(wares.describe(product) for product in self)


def checkout(cart: Cart) -> int:
    cart.add("bag").add("receipt")
    fresh = Cart(cart.catalog)
    fresh.add("voucher")
    return cart.total() + helper()


def helper() -> int:
    return Product("x", 1).cents
