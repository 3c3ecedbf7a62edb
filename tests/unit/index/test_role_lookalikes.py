"""What only looks like an endpoint, a job, a listener, a test, an entry point, data or a migration has no role."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.support.roles import roles

LOOKALIKES: dict[str, dict[str, str]] = {
    "spring: annotations of our own, calls of a client": {
        "shop/Orders.kt": """
            package shop
            import shop.web.GetMapping
            import shop.web.RestController
            @RestController
            class Orders(val http: RestClient) {
                @GetMapping("/x") fun x() {}
                fun call() = http.GET("/x") { }
            }
        """
    },
    "jax-rs: a path without a method": {
        "shop/Api.java": """
            package shop;
            import jakarta.ws.rs.Path;
            @Path("/v1")
            class Api { String ping() { return ""; } }
        """
    },
    "ktor: a client, and a map": {
        "shop/Client.kt": """
            package shop
            import io.ktor.client.*
            import io.ktor.client.request.*
            suspend fun load(client: HttpClient) = client.get("/orders") { header("a", "b") }
        """,
        "shop/Maps.kt": """
            package shop
            fun cached(cache: Cache) = cache.get("/orders") { load() }
        """,
    },
    "flask: what is no route of an application": {
        "web.py": """
            from flask import Flask, session
            app = Flask(__name__)

            @app.before_request
            def load(): ...

            @app.errorhandler(404)
            def missing(error): ...

            @cache.get(60)
            def cached(): return session.get("user")
        """
    },
    "fastapi: middleware, handlers, clients": {
        "api.py": """
            from fastapi import FastAPI
            from fastapi.testclient import TestClient
            app = FastAPI()

            @app.middleware("http")
            async def timed(request, call_next): ...

            @app.exception_handler(KeyError)
            async def missing(request, error): ...

            def call(client: TestClient): return client.get("/x")
        """
    },
    "django: paths that are no urls": {
        "tools.py": """
            from os import path
            def load(name): ...
            found = path.join("a", "b")
            other = path("a", load)
        """
    },
    "express: settings, caches, clients": {
        "a.js": """
            const express = require('express');
            const app = express();
            function load() {}
            app.get('env');
            axios.get('/x', load);
            cache.get('/x', load);
            app.use('/x', load);
        """
    },
    "nestjs: a class that is no controller": {
        "a.ts": """
            import { Get, Injectable } from '@nestjs/common';
            @Injectable()
            export class Client { @Get('/x') x() {} }
        """
    },
    "gin: clients and maps": {
        "a.go": """
            package shop
            import "github.com/gin-gonic/gin"
            func load(c *gin.Context) {}
            func call(client Client, m map[string]int) { client.GET("/x", nil); gin.Default().Use(load) }
        """
    },
    "axum: a map, and routes in words alone": {
        "src/lib.rs": """
            use axum::Router;
            fn load() {}
            fn call(map: &Map) { map.get("/x", load); get(load); }
        """
    },
    "actix: an attribute without a path": {
        "src/lib.rs": """
            use actix_web::App;
            #[get]
            fn name() {}
        """
    },
    "jobs and listeners: templates and annotations of our own": {
        "shop/Sends.kt": """
            package shop
            import org.springframework.kafka.core.KafkaTemplate
            import shop.jobs.Scheduled
            class Sends(val kafka: KafkaTemplate<String, String>) {
                @Scheduled fun hourly() { kafka.send("orders", "") }
                fun onMessage(message: String) {}
            }
        """,
        "jobs.py": """
            from shop.queue import task
            @task
            def mail(): ...
            def sweep(): ...
            scheduler.add_job(sweep)
        """,
        "mail.py": """
            import pika
            def got(): ...
            channel.basic_publish(exchange="", routing_key="mail", body=got)
        """,
    },
    "tests: names in files that are none": {
        "shop/checks.py": "def test_it(): ...\nclass TestBench:\n    def test_more(self): ...\n",
        "shop/Fake.java": "package shop;\nimport shop.Test;\nclass Fake { @Test void x() {} void testY() {} }\n",
        "helper.go": 'package shop\nimport "testing"\nfunc TestHelper(t *testing.T) {}\n',
        "shop_test.go": 'package shop\nimport "testing"\nfunc Testify(t *testing.T) {}\nfunc TestData(x string) {}\n',
        "src/lib.rs": "fn test_it() {}\n",
        "src/menu.js": "describe('menu', () => {});\n",
        "Texts.swift": "class Texts { func testable() {} }\n",
        "Texts.php": "<?php\nclass Texts { public function testAll() {} }\n",
    },
    "entry points: main that nothing starts": {
        "a.py": "def main(): ...\n",
        "b/A.kt": "package b\nclass A { fun main(args: Array<String>) {} }\nfun main(times: Int) {}\n",
        "b/B.java": "package b;\nclass B { void main(String[] args) {} static void main() {} }\n",
        "c/c.go": "package c\ntype T struct{}\nfunc (t T) main() {}\nfunc main(x int) {}\n",
        "src/deep/help.rs": "fn main() {}\n",
        "d.cs": "class D { void Main() {} }\n",
        "e.swift": "struct E { static func main() {} }\n",
        "f.scala": "object F { def main(times: Int) = () }\n",
    },
    "data: classes that do something": {
        "a.kt": "class A(val b: Int)\n",
        "a.go": "package a\ntype A struct { b int }\n",
        "a.py": "class A:\n    b: int = 0\nclass BaseModel: ...\nclass B(BaseModel): ...\n",
        "a.rs": "#[derive(Debug, Clone)]\nstruct A { b: u32 }\n",
        "a.ts": "class UserDto { name: string }\n",
        "a.swift": "struct A: Hashable { var b = 0 }\n",
    },
    "migrations: functions of that name elsewhere": {
        "app/versions.py": "from alembic import op\ndef upgrade(): ...\n",
        "db/versions/a.py": "def upgrade(): ...\n",
        "a.go": "package a\nfunc Migrate() {}\n",
        "sql/report.sql": "SELECT 1;\n",
    },
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_nothing_is_told(name: str) -> None:
    assert roles({path: dedent(text).lstrip("\n") for path, text in LOOKALIKES[name].items()}) == {}
