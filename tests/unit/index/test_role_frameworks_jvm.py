"""One small source of our own per framework of Java and Kotlin, and exactly the roles that it should give."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.support.roles import roles

Sample = tuple[dict[str, str], dict[str, tuple[str, str | None]]]


SAMPLES: dict[str, Sample] = {
    "spring mvc, kotlin": (
        {
            "shop/Orders.kt": """
                package shop
                import org.springframework.web.bind.annotation.*

                @RestController
                @RequestMapping("/orders")
                class Orders(val store: Store) {
                    @GetMapping("/{id}", produces = ["application/json"])
                    fun one(@PathVariable id: String) = store.one(id)

                    @RequestMapping(value = ["/all"], method = [RequestMethod.GET, RequestMethod.POST])
                    fun all() = store.all()

                    @PostMapping
                    fun add() = Unit

                    @DeleteMapping(PATH)
                    fun drop() = Unit

                    fun helper() = 1
                }
            """
        },
        {
            "shop.Orders": ("controller", "Spring MVC: /orders"),
            "shop.Orders.one": ("http-endpoint", "Spring MVC: GET /orders/{id}"),
            "shop.Orders.all": ("http-endpoint", "Spring MVC: GET, POST /orders/all"),
            "shop.Orders.add": ("http-endpoint", "Spring MVC: POST /orders"),
            "shop.Orders.drop": ("http-endpoint", "Spring MVC: DELETE"),
        },
    ),
    "feign declares what it calls, and is no endpoint": (
        {
            "shop/Bank.java": """
                package shop;
                import org.springframework.cloud.openfeign.FeignClient;
                import org.springframework.web.bind.annotation.GetMapping;
                @FeignClient(name = "bank")
                interface Bank {
                    @GetMapping("/balance")
                    String balance();
                }
            """
        },
        {
            "shop.Bank": ("http-client", "Feign"),
            "shop.Bank.balance": ("http-client", "Feign: GET /balance"),
        },
    ),
    "jax-rs": (
        {
            "shop/Api.java": """
                package shop;
                import jakarta.ws.rs.*;
                @Path("/v1")
                class Api {
                    @GET @Path("/ping") String ping() { return ""; }
                }
            """
        },
        {"shop.Api": ("controller", "JAX-RS: /v1"), "shop.Api.ping": ("http-endpoint", "JAX-RS: GET /v1/ping")},
    ),
    "spring jobs and listeners": (
        {
            "shop/Jobs.kt": """
                package shop
                import org.springframework.kafka.annotation.KafkaListener
                import org.springframework.scheduling.annotation.Scheduled
                import org.springframework.context.event.EventListener

                class Jobs {
                    @Scheduled(cron = "0 0 * * * *")
                    fun hourly() {}

                    @KafkaListener(topics = ["orders"])
                    fun taken(order: String) {}

                    @EventListener
                    fun started(event: Any) {}
                }
            """
        },
        {
            "shop.Jobs.hourly": ("scheduled-job", 'Spring: cron = "0 0 * * * *"'),
            "shop.Jobs.taken": ("message-listener", 'Kafka: topics = ["orders"]'),
            "shop.Jobs.started": ("event-listener", "Spring"),
        },
    ),
    "the same words without the imports say nothing": (
        {
            "shop/Fake.kt": """
                package shop
                annotation class Scheduled
                class Fake {
                    @Scheduled fun hourly() {}
                    @GetMapping("/x") fun x() {}
                    @Test fun y() {}
                }
            """,
            "fake.py": '@app.get("/x")\ndef x():\n    pass\n',
            "fake.js": 'const app = make();\nfunction list() {}\napp.get("/x", list);\n',
        },
        {},
    ),
    "ktor": (
        {
            "shop/Routes.kt": """
                package shop
                import io.ktor.server.routing.*
                fun Route.orders() {
                    route("/orders") {
                        get("/{id}") { call.respond("") }
                        post { call.respond("") }
                    }
                    get("/health", ::health)
                }
                suspend fun health() {}
            """
        },
        {
            "shop.orders": ("routes", "Ktor: GET /orders/{id}"),
            "shop.health": ("http-endpoint", "Ktor: GET /health"),
        },
    ),
    "quartz, flyway, entities, records": (
        {
            "shop/Sweep.java": """
                package shop;
                import org.quartz.Job;
                class Sweep implements Job { public void execute(Object context) {} }
            """,
            "shop/V1.java": """
                package shop;
                import org.flywaydb.core.api.migration.BaseJavaMigration;
                class V1 extends BaseJavaMigration { public void migrate(Object context) {} }
            """,
            "shop/Order.java": """
                package shop;
                import jakarta.persistence.Entity;
                @Entity class Order { }
            """,
            "shop/Point.java": "package shop;\nrecord Point(int x, int y) { }\n",
            "shop/Pair.kt": "package shop\ndata class Pair(val a: Int)\n",
        },
        {
            "shop.Sweep": ("scheduled-job", "Quartz"),
            "shop.Sweep.execute": ("scheduled-job", "Quartz"),
            "shop.V1": ("migration", "Flyway"),
            "shop.Order": ("data-class", "JPA entity"),
            "shop.Point": ("data-class", "Java record"),
            "shop.Pair": ("data-class", "Kotlin data class"),
        },
    ),
    "junit and kotest": (
        {
            "shop/OrdersTest.kt": """
                package shop
                import org.junit.jupiter.api.*
                class OrdersTest {
                    @BeforeEach fun setUp() {}
                    @Test fun charges() {}
                    fun helper() {}
                }
            """,
            "shop/Spec.kt": """
                package shop
                import io.kotest.core.spec.style.StringSpec
                class Spec : StringSpec({ "adds" { } })
            """,
        },
        {
            "shop/OrdersTest.kt": ("test-file", None),
            "shop/Spec.kt": ("test-file", None),
            "shop.OrdersTest": ("test-class", "JUnit"),
            "shop.OrdersTest.setUp": ("test-fixture", "JUnit"),
            "shop.OrdersTest.charges": ("test", "JUnit"),
            "shop.Spec": ("test-class", "Kotest"),
        },
    ),
    "spring boot": (
        {
            "shop/App.kt": """
                package shop
                import org.springframework.boot.autoconfigure.SpringBootApplication
                @SpringBootApplication
                class App
                fun main(args: Array<String>) {}
            """,
            "shop/Main.java": "package shop;\nclass Main { public static void main(String[] args) {} }\n",
        },
        {
            "shop.App": ("entry-point", "Spring Boot"),
            "shop.main": ("entry-point", None),
            "shop.Main.main": ("entry-point", None),
        },
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_exactly_these_roles(name: str) -> None:
    files, expected = SAMPLES[name]
    found = roles({path: dedent(text).lstrip("\n") for path, text in files.items()})
    assert {fqn: tuple(role) for fqn, role in found.items()} == expected
