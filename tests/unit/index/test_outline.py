"""What becomes a node in each language, and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

OUTLINES = {
    ("python", "src/shop/catalog.py"): """
        FILE shop.catalog
        CLASS shop.catalog.Pricing
        METHOD shop.catalog.Pricing.price_of
        CLASS shop.catalog.Product
        METHOD shop.catalog.Product.is_free
        METHOD shop.catalog.Product.from_json
        CLASS shop.catalog.Catalog
        CONSTRUCTOR shop.catalog.Catalog.__init__
        METHOD shop.catalog.Catalog.load
        METHOD shop.catalog.Catalog.find
        METHOD shop.catalog.Catalog.find#1
        METHOD shop.catalog.Catalog.find#2
        METHOD shop.catalog.Catalog.total
        METHOD shop.catalog.Catalog.__len__
        CLASS shop.catalog.Catalog.Walker
        CONSTRUCTOR shop.catalog.Catalog.Walker.__init__
        METHOD shop.catalog.Catalog.Walker.__iter__
        CLASS shop.catalog.FlatPricing
        METHOD shop.catalog.FlatPricing.price_of
        FUNCTION shop.catalog.refresh
        FUNCTION shop.catalog.describe
        FUNCTION shop.catalog.describe#1
    """,
    ("kotlin", "src/main/kotlin/org/example/clinic/owner/OwnerController.kt"): """
        FILE org.example.clinic.owner.OwnerController.kt
        CLASS org.example.clinic.owner.OwnerController
        METHOD org.example.clinic.owner.OwnerController.find
        METHOD org.example.clinic.owner.OwnerController.update
        METHOD org.example.clinic.owner.OwnerController.check
        OBJECT org.example.clinic.owner.OwnerController.Companion
        METHOD org.example.clinic.owner.OwnerController.Companion.create
        INTERFACE org.example.clinic.owner.OwnerRepository
        METHOD org.example.clinic.owner.OwnerRepository.findByLastName
        METHOD org.example.clinic.owner.OwnerRepository.findById
        METHOD org.example.clinic.owner.OwnerRepository.save
        CLASS org.example.clinic.owner.Owner
        CONSTRUCTOR org.example.clinic.owner.Owner.constructor
        METHOD org.example.clinic.owner.Owner.rename
        METHOD org.example.clinic.owner.Owner.rename#1
        METHOD org.example.clinic.owner.Owner.compareTo
        CLASS org.example.clinic.owner.Owner.Note
        METHOD org.example.clinic.owner.Owner.Note.read
        CLASS org.example.clinic.owner.OwnerChange
        CLASS org.example.clinic.owner.OwnerDto
        OBJECT org.example.clinic.owner.OwnerMapper
        METHOD org.example.clinic.owner.OwnerMapper.toDto
        INTERFACE org.example.clinic.owner.Outcome
        CLASS org.example.clinic.owner.Outcome.Done
        OBJECT org.example.clinic.owner.Outcome.Missing
        ENUM org.example.clinic.owner.Level
        METHOD org.example.clinic.owner.Level.label
        INTERFACE org.example.clinic.owner.Check
        METHOD org.example.clinic.owner.Check.passes
        CLASS org.example.clinic.owner.CachedOwners
        METHOD org.example.clinic.owner.CachedOwners.findById
        OBJECT org.example.clinic.owner.CachedOwners.Limits
        METHOD org.example.clinic.owner.CachedOwners.Limits.biggest
        FUNCTION org.example.clinic.owner.toDto
        FUNCTION org.example.clinic.owner.newest
    """,
    ("java", "src/main/java/org/example/library/LendingService.java"): """
        FILE org.example.library.LendingService.java
        CLASS org.example.library.LendingService
        CONSTRUCTOR org.example.library.LendingService.LendingService
        CONSTRUCTOR org.example.library.LendingService.LendingService#1
        METHOD org.example.library.LendingService.lend
        METHOD org.example.library.LendingService.lend#1
        METHOD org.example.library.LendingService.sorted
        METHOD org.example.library.LendingService.close
        CLASS org.example.library.LendingService.Loan
        CONSTRUCTOR org.example.library.LendingService.Loan.Loan
        METHOD org.example.library.LendingService.Loan.of
        ENUM org.example.library.LendingService.State
        METHOD org.example.library.LendingService.State.isOut
        CLASS org.example.library.LendingService.InMemoryBooks
        METHOD org.example.library.LendingService.InMemoryBooks.byIsbn
    """,
    ("typescript", "src/orders/orders.service.ts"): """
        FILE orders.orders.service
        INTERFACE orders.orders.service.Gateway
        METHOD orders.orders.service.Gateway.pay
        METHOD orders.orders.service.Gateway.refund
        ENUM orders.orders.service.Status
        CLASS orders.orders.service.BaseService
        METHOD orders.orders.service.BaseService.load
        METHOD orders.orders.service.BaseService.log
        CLASS orders.orders.service.OrdersService
        CONSTRUCTOR orders.orders.service.OrdersService.constructor
        METHOD orders.orders.service.OrdersService.handle
        METHOD orders.orders.service.OrdersService.pay
        METHOD orders.orders.service.OrdersService.load
        METHOD orders.orders.service.OrdersService.size
        METHOD orders.orders.service.OrdersService.size#1
        METHOD orders.orders.service.OrdersService.create
        METHOD orders.orders.service.OrdersService.over
        METHOD orders.orders.service.OrdersService.close
        CLASS orders.orders.service.Order
        CONSTRUCTOR orders.orders.service.Order.constructor
        CLASS orders.orders.service.UserStore
        METHOD orders.orders.service.UserStore.byId
        FUNCTION orders.orders.service.checkout
        FUNCTION orders.orders.service.total
        OBJECT orders.orders.service.helpers
        METHOD orders.orders.service.helpers.double
        METHOD orders.orders.service.helpers.half
        FUNCTION orders.orders.service.Legacy.old
        CLASS orders.orders.service.Legacy.Tool
        FUNCTION orders.orders.service.external
    """,
    ("typescript", "src/ui/panel.tsx"): """
        FILE ui.panel
        FUNCTION ui.panel.Row
        FUNCTION ui.panel.Panel
    """,
    ("javascript", "lib/app.js"): """
        FILE lib.app
        FUNCTION lib.app.createApp
        FUNCTION lib.app.app.init
        FUNCTION lib.app.app.use
        FUNCTION lib.app.json
        FUNCTION lib.app.version
        FUNCTION lib.app.logger
        FUNCTION lib.app.lines
    """,
    ("javascript", "lib/router.js"): """
        FILE lib.router
        CLASS lib.router.Layer
        METHOD lib.router.Layer.handler
        CONSTRUCTOR lib.router.Layer.constructor
        METHOD lib.router.Layer.match
        METHOD lib.router.Layer.of
        METHOD lib.router.Layer.path
        METHOD lib.router.Layer.path#1
        METHOD lib.router.Layer.parts
        METHOD lib.router.Layer.['computed']
        FUNCTION lib.router.Router
        METHOD lib.router.Router.add
        METHOD lib.router.Router.find
        METHOD lib.router.Router.create
    """,
    ("javascript", "lib/util.js"): """
        FILE lib.util
        FUNCTION lib.util.mixin
        FUNCTION lib.util.merge
    """,
    ("javascript", "lib/anonymous.mjs"): """
        FILE lib.anonymous
        CLASS lib.anonymous.default
        METHOD lib.anonymous.default.run
        OBJECT lib.anonymous.handlers
        METHOD lib.anonymous.handlers.open
        METHOD lib.anonymous.handlers.close
    """,
    ("go", "internal/store/store.go"): """
        FILE internal.store.store.go
        CLASS internal.store.Alarm
        CLASS internal.store.Filter
        INTERFACE internal.store.Store
        METHOD internal.store.Store.Get
        CLASS internal.store.Memory
        CLASS internal.store.Locker
        CLASS internal.store.Pair
        FUNCTION internal.store.NewMemory
        METHOD internal.store.Memory.Get
        METHOD internal.store.Memory.Each
        METHOD internal.store.Locker.Lock
        METHOD internal.store.Locker.Unlock
        METHOD internal.store.Pair.Swap
        FUNCTION internal.store.drain
    """,
    ("rust", "src/cache/mod.rs"): """
        FILE cache
        CLASS cache.Cache
        CLASS cache.Pair
        ENUM cache.Lookup
        METHOD cache.Cache.new
        METHOD cache.Cache.put
        METHOD cache.Cache.describe
        METHOD cache.Cache.fmt
        METHOD cache.Pair.next
        METHOD cache.String.from
        FUNCTION cache.helper
        FUNCTION cache.tests.starts_empty
    """,
    ("rust", "src/policy.rs"): """
        FILE policy
        INTERFACE policy.Policy
        METHOD policy.Policy.victim
        METHOD policy.Policy.touch
        METHOD policy.Policy.note
        CLASS policy.Lru
        METHOD policy.Lru.victim
    """,
}


@pytest.mark.parametrize(("name", "path"), OUTLINES, ids=lambda value: value.rpartition("/")[2])
def test_outline(tree: Callable[[str], Any], name: str, path: str) -> None:
    file = tree(name).files[path]
    found = [f"{node.kind} {node.fqn}" + (f"#{node.ordinal}" if node.ordinal else "") for node in file.nodes]
    assert found == [line.strip() for line in OUTLINES[name, path].strip().splitlines()]
    assert file.syntax_errors == 0
    for node in file.nodes[1:]:
        assert node.fqn.endswith(f".{node.name}") or node.fqn == node.name
        if node.owner is not None:
            assert node.fqn == f"{node.owner}.{node.name}"
