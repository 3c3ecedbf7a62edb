"""Where uses lead: every rule in every language it is for, and what must stay open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from db.types import EdgeKind

OWNER, VISIT = "org.example.clinic.owner", "org.example.clinic.visit"
LIBRARY, ORDERS = "org.example.library", "orders.orders.service"

RESOLVED = [
    # python
    ("python", "shop.cart.Cart.add", "self.catalog.find", "shop.catalog.Catalog.find", "typed"),
    ("python", "shop.cart.Cart.add", "check_limit", "shop.rules.check_limit", "import"),
    ("python", "shop.cart.Cart.total", "self.pricing.price_of", "shop.catalog.FlatPricing.price_of", "typed"),
    ("python", "shop.cart.Cart.save", "self.render", "shop.cart.Cart.render", "self"),
    ("python", "shop.cart.Cart.render", "wares.describe", "shop.catalog.describe", "import"),
    ("python", "shop.cart.checkout", "cart.add().add", "shop.cart.Cart.add", "returned"),
    ("python", "shop.cart.checkout", "fresh.add", "shop.cart.Cart.add", "typed"),
    ("python", "shop.cart.checkout", "Cart", "shop.cart.Cart.__init__", "local"),
    ("python", "shop.cart.helper", "Product", "shop.catalog.Product", "import"),
    ("python", "shop.catalog.Product.from_json", "cls", "shop.catalog.Product", "self"),
    ("python", "shop.catalog.Catalog.load", "Product.from_json", "shop.catalog.Product.from_json", "local"),
    ("python", "shop.catalog.Catalog.total", "self._pricing.price_of", "shop.catalog.Pricing.price_of", "typed"),
    ("python", "shop.catalog.refresh", "catalog.load", "shop.catalog.Catalog.load", "typed"),
    # kotlin: constructor injection, companions, extensions, delegation
    (
        "kotlin",
        f"{OWNER}.OwnerController.find",
        "owners.findByLastName",
        f"{OWNER}.OwnerRepository.findByLastName",
        "typed",
    ),
    ("kotlin", f"{OWNER}.OwnerController.find", "it.toDto", f"{OWNER}.toDto", "local"),
    ("kotlin", f"{OWNER}.OwnerController.update", "owners.save", f"{OWNER}.OwnerRepository.save", "typed"),
    ("kotlin", f"{OWNER}.OwnerController.update", "visits.planFor", f"{VISIT}.VisitService.planFor", "typed"),
    ("kotlin", f"{OWNER}.OwnerController.update", "owner.rename", f"{OWNER}.Owner.rename", "returned"),
    ("kotlin", f"{OWNER}.OwnerController.update", "convert", f"{OWNER}.OwnerMapper.toDto", "import"),
    ("kotlin", f"{OWNER}.OwnerController.update", "check", f"{OWNER}.OwnerController.check", "self"),
    ("kotlin", f"{OWNER}.toDto", "rename", f"{OWNER}.Owner.rename", "typed"),
    ("kotlin", f"{OWNER}.toDto", "OwnerMapper.toDto", f"{OWNER}.OwnerMapper.toDto", "local"),
    ("kotlin", f"{OWNER}.OwnerController.Companion.create", "OwnerController", f"{OWNER}.OwnerController", "local"),
    (
        "kotlin",
        f"{VISIT}.VisitService.planFor",
        "OwnerController.create",
        f"{OWNER}.OwnerController.Companion.create",
        "import",
    ),
    ("kotlin", f"{VISIT}.VisitService.planFor", "calendar.reserve", f"{VISIT}.Calendar.reserve", "typed"),
    ("kotlin", f"{OWNER}.CachedOwners.findById", "origin.findById", f"{OWNER}.OwnerRepository.findById", "typed"),
    # java: field and constructor injection, statics, inheritance, nested classes
    ("java", f"{LIBRARY}.LendingService.lend", "books.byIsbn", f"{LIBRARY}.BookRepository.byIsbn", "typed"),
    ("java", f"{LIBRARY}.LendingService.lend", "this.books.save", f"{LIBRARY}.BookRepository.save", "typed"),
    ("java", f"{LIBRARY}.LendingService.lend", "member.remember", f"{LIBRARY}.members.Member.remember", "typed"),
    ("java", f"{LIBRARY}.LendingService.lend", "audit", f"{LIBRARY}.AbstractService.audit", "inherited"),
    ("java", f"{LIBRARY}.LendingService.lend", "inDays", f"{LIBRARY}.Dates.inDays", "import"),
    ("java", f"{LIBRARY}.LendingService.lend", "Loan.of", f"{LIBRARY}.LendingService.Loan.of", "self"),
    ("java", f"{LIBRARY}.LendingService.lend", "lend", f"{LIBRARY}.LendingService.lend", "self"),
    ("java", f"{LIBRARY}.LendingService.Loan.Loan", "Dates.check", f"{LIBRARY}.Dates.check", "package"),
    (
        "java",
        f"{LIBRARY}.LendingService.LendingService",
        "super",
        f"{LIBRARY}.AbstractService.AbstractService",
        "inherited",
    ),
    ("java", f"{LIBRARY}.LendingService", "Notifier", f"{LIBRARY}.Notifier.Notifier", "package"),
    ("java", f"{LIBRARY}.members.Member.remember", "friend.remember", f"{LIBRARY}.members.Member.remember", "typed"),
    # typescript: parameter properties, aliases, default exports, namespaces, JSX
    ("typescript", f"{ORDERS}.OrdersService.pay", "this.gateway.pay", f"{ORDERS}.Gateway.pay", "typed"),
    ("typescript", f"{ORDERS}.OrdersService.pay", "this.users.byId", f"{ORDERS}.UserStore.byId", "typed"),
    ("typescript", f"{ORDERS}.OrdersService.pay", "this.log", f"{ORDERS}.BaseService.log", "inherited"),
    ("typescript", f"{ORDERS}.OrdersService.pay", "this.load", f"{ORDERS}.OrdersService.load", "self"),
    ("typescript", f"{ORDERS}.OrdersService.pay", "money.round", "users.money.round", "import"),
    ("typescript", f"{ORDERS}.OrdersService.pay", "defaultClock", "users.clock.default", "import"),
    ("typescript", f"{ORDERS}.OrdersService", "Watch", "users.clock.Clock", "import"),
    ("typescript", f"{ORDERS}.OrdersService.create", "OrdersService", f"{ORDERS}.OrdersService.constructor", "local"),
    ("typescript", f"{ORDERS}.OrdersService.handle", "this.pay", f"{ORDERS}.OrdersService.pay", "self"),
    ("typescript", f"{ORDERS}.Legacy.old", "helpers.double", f"{ORDERS}.helpers.double", "local"),
    ("typescript", f"{ORDERS}.total", "checkout", f"{ORDERS}.checkout", "local"),
    ("typescript", "users.clock.default", "Clock().now", "users.clock.Clock.now", "typed"),
    ("typescript", "ui.panel.Panel", "Row", "ui.panel.Row", "local"),
    # javascript: CommonJS, assigned functions, prototypes
    ("javascript", "lib.app.app.init", "join", "lib.util.merge", "import"),
    ("javascript", "lib.app.app.init", "Router", "lib.router.Router", "import"),
    ("javascript", "lib.app.app.init", "this.use", "lib.app.app.use", "self"),
    ("javascript", "lib.router.Router.add", "this.find", "lib.router.Router.find", "self"),
    ("javascript", "lib.router.Layer.of", "Layer", "lib.router.Layer.constructor", "local"),
    ("javascript", "lib.util.merge", "module.exports.mixin", "lib.util.mixin", "local"),
    # go: packages, receivers, embedding, results
    ("go", "cmd.clock.main", "store.NewMemory", "internal.store.NewMemory", "import"),
    ("go", "cmd.clock.main", "s.Get", "internal.store.Memory.Get", "returned"),
    ("go", "cmd.clock.main", "s.Tick", "internal.clock.Ticker.Tick", "returned"),
    ("go", "cmd.clock.run", "s.Get", "internal.store.Store.Get", "typed"),
    ("go", "internal.store.Memory.Get", "m.clock.Now", "internal.clock.Clock.Now", "typed"),
    ("go", "internal.store.Memory.Get", "m.Lock", "internal.store.Locker.Lock", "typed"),
    ("go", "internal.store.Memory.Get", "m.next.Get", "internal.store.Store.Get", "typed"),
    ("go", "internal.store.drain", "fallback.Each", "internal.store.Memory.Each", "returned"),
    # rust: paths, re-exports, own crate by name, smart pointers, macros
    ("rust", "cache.Cache.put", "Entry.fresh", "cache.entry.Entry.fresh", "import"),
    ("rust", "cache.Cache.put", "entry.weigh", "cache.entry.Entry.weigh", "returned"),
    ("rust", "cache.Cache.put", "self.root.weigh", "cache.entry.Entry.weigh", "typed"),
    ("rust", "cache.Cache.put", "self.describe", "cache.Cache.describe", "self"),
    ("rust", "cache.Cache.put", "crate.version", "version", "package"),
    ("rust", "cache.Cache.put", "Lookup.Hit", "cache.Lookup", "local"),
    ("rust", "cache.entry.Entry.blank", "Self.fresh", "cache.entry.Entry.fresh", "self"),
    ("rust", "cache.tests.starts_empty", "Cache.new", "cache.Cache.new", "local"),
    ("rust", "cache.tests.starts_empty", "cache.describe", "cache.Cache.describe", "returned"),
    ("rust", "tests.outside.reaches_in", "Entry.blank().weigh", "cache.entry.Entry.weigh", "returned"),
    ("rust", "tests.outside.reaches_in", "crate.version", "version", "package"),
    ("rust", "policy.Policy.touch", "self.note", "policy.Policy.note", "self"),
]

OPEN = [
    ("python", "shop.cart.Cart.add", "self.append"),  # of list
    ("python", "shop.cart.Cart.save", "osp.join"),
    ("python", "shop.cart.Cart.save", "file.write"),
    ("python", "shop.cart.Cart.render", ".join"),
    ("python", "shop.catalog.Catalog.total", "one"),  # nested
    ("python", "shop.catalog.Catalog.find", "self._products.get"),
    ("kotlin", f"{OWNER}.OwnerController.find", "owners.findByLastName().map"),
    ("kotlin", f"{OWNER}.OwnerController.check", "require"),
    ("kotlin", f"{OWNER}.Owner.compareTo", "name.compareTo"),  # of String, not our own compareTo
    ("java", f"{LIBRARY}.LendingService.lend", "books.byIsbn().orElseThrow"),
    ("java", f"{LIBRARY}.LendingService.sorted", "left.compareTo"),
    ("java", f"{LIBRARY}.LendingService.InMemoryBooks.byIsbn", "Optional.empty"),
    ("java", f"{LIBRARY}.AbstractService.audit", "System.out.println"),
    ("typescript", f"{ORDERS}.OrdersService.load", "this.items.find"),
    ("typescript", f"{ORDERS}.total", "orders.reduce"),
    ("typescript", f"{ORDERS}.BaseService.log", "console.log"),
    ("javascript", "lib.router.Layer.match", "this.normal"),
    ("javascript", "lib.app.logger", "next"),
    ("go", "internal.store.drain", "log.Info"),
    ("go", "internal.store.drain", "queue.Len"),
    ("go", "internal.clock.Clock.Now", "c.now"),  # a field that holds a function
    ("rust", "cache.entry.Entry.weigh", "self.value.len"),
    ("rust", "cache.Cache.put", "Ok"),
    ("rust", "cache.Cache.describe", "show"),
]


@pytest.mark.parametrize(("name", "fqn", "target", "expected", "how"), RESOLVED)
def test_resolved(tree: Callable[[str], Any], name: str, fqn: str, target: str, expected: str, how: str) -> None:
    assert tree(name).leads_to(fqn, target) == (expected, how)


@pytest.mark.parametrize(("name", "fqn", "target"), OPEN)
def test_open(tree: Callable[[str], Any], name: str, fqn: str, target: str) -> None:
    assert tree(name).leads_to(fqn, target) is None


@pytest.mark.parametrize(
    ("name", "fqn", "kind", "target", "expected"),
    [
        ("python", "shop", "IMPORTS", "shop.cart.Cart", "shop.cart.Cart"),
        ("python", "shop.cart", "IMPORTS", "shop.rules", "shop.rules"),
        ("python", "shop.cart", "IMPORTS", "os.path", None),
        (
            "kotlin",
            f"{OWNER}.OwnerController.kt",
            "IMPORTS",
            f"{OWNER}.OwnerMapper.toDto",
            f"{OWNER}.OwnerMapper.toDto",
        ),
        ("kotlin", f"{OWNER}.OwnerController.kt", "IMPORTS", "java.time.LocalDate", None),
        ("kotlin", f"{OWNER}.Outcome.Done", "IMPLEMENTS", "Outcome", f"{OWNER}.Outcome"),
        ("kotlin", f"{OWNER}.CachedOwners", "IMPLEMENTS", "OwnerRepository", f"{OWNER}.OwnerRepository"),
        ("java", f"{LIBRARY}.LendingService", "INHERITS", "AbstractService", f"{LIBRARY}.AbstractService"),
        ("java", f"{LIBRARY}.LendingService", "IMPLEMENTS", "AutoCloseable", None),
        ("typescript", ORDERS, "IMPORTS", "users.User", "users.User"),
        ("typescript", "users", "IMPORTS", "users.clock.default", "users.clock.default"),
        ("typescript", f"{ORDERS}.OrdersService", "INHERITS", "BaseService", f"{ORDERS}.BaseService"),
        ("javascript", "lib.anonymous", "IMPORTS", "lib.app.default", "lib.app.createApp"),
        ("javascript", "lib.app", "IMPORTS", "lib.router", "lib.router"),
        ("go", "internal.store.Memory", "INHERITS", "clock.Ticker", "internal.clock.Ticker"),
        ("go", "internal.store.Store", "INHERITS", "fmt.Stringer", None),
        ("rust", "lib", "IMPORTS", "cache.entry.Entry", "cache.entry.Entry"),
        ("rust", "tests.outside", "IMPORTS", "Entry", "cache.entry.Entry"),
        ("rust", "policy.Lru", "IMPLEMENTS", "Policy", "policy.Policy"),
    ],
)
def test_supertypes_and_imports(
    tree: Callable[[str], Any], name: str, fqn: str, kind: str, target: str, expected: str | None
) -> None:
    found = tree(name).leads_to(fqn, target, EdgeKind(kind))
    assert (found[0] if found else None) == expected
