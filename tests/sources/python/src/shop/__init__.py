"""A small shop: products, carts, prices."""

from .cart import Cart
from .catalog import Catalog, Product as Item

__all__ = ["Cart", "Catalog", "Item"]
