"""One small source of our own per framework of the other languages, and exactly the roles that it should give."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.support.roles import roles

Sample = tuple[dict[str, str], dict[str, tuple[str, str | None]]]

SAMPLES: dict[str, Sample] = {
    "fastapi and pydantic": (
        {
            "app/routes.py": """
                from fastapi import APIRouter
                from pydantic import BaseModel
                router = APIRouter(prefix="/orders")

                class Order(BaseModel):
                    id: int

                class PaidOrder(Order):
                    paid: bool

                @router.get("/{id}", response_model=Order)
                async def one(id: int): ...

                @router.api_route(path="/all", methods=["GET", "POST"])
                async def every(): ...

                @cache.get(ttl)
                def cached(): ...

                def late(): ...

                router.add_api_route("/late", late, methods=["PUT"])
            """
        },
        {
            "app.routes.Order": ("data-class", "Pydantic"),
            "app.routes.PaidOrder": ("data-class", "Pydantic"),
            "app.routes.one": ("http-endpoint", "FastAPI: GET /{id}"),
            "app.routes.every": ("http-endpoint", "FastAPI: GET, POST /all"),
            "app.routes.late": ("http-endpoint", "FastAPI: PUT /late"),
        },
    ),
    "flask": (
        {
            "web.py": """
                import flask
                from flask.views import MethodView
                app = flask.Flask(__name__)

                @app.route("/x", methods=["POST"])
                def x(): ...

                def y(): ...

                class Z(MethodView):
                    def get(self): ...
                    def helper(self): ...

                app.add_url_rule("/y", view_func=y)
            """
        },
        {
            "web.x": ("http-endpoint", "Flask: POST /x"),
            "web.y": ("http-endpoint", "Flask: /y"),
            "web.Z": ("controller", "Flask"),
            "web.Z.get": ("http-endpoint", "Flask"),
        },
    ),
    "django": (
        {
            "shop/__init__.py": "",
            "shop/views.py": """
                from django.views import View
                def index(request): ...
                class Order(View):
                    def get(self, request): ...
            """,
            "shop/urls.py": """
                from django.urls import path
                from shop import views
                urlpatterns = [path("", views.index), path("o/<int:id>/", views.Order.as_view(), name="o")]
            """,
            "shop/migrations/0001_initial.py": """
                from django.db import migrations
                class Migration(migrations.Migration):
                    pass
            """,
            "shop/models.py": "from django.db import models\nclass Item(models.Model):\n    pass\n",
            "shop/management/commands/sweep.py": """
                from django.core.management.base import BaseCommand
                class Command(BaseCommand):
                    pass
            """,
        },
        {
            "shop.views.index": ("http-endpoint", "Django"),
            "shop.views.Order": ("controller", "Django: o/<int:id>/"),
            "shop.views.Order.get": ("http-endpoint", "Django"),
            "shop.migrations.0001_initial.Migration": ("migration", "Django"),
            "shop.models.Item": ("data-class", "Django model"),
            "shop.management.commands.sweep.Command": ("cli-command", "Django"),
        },
    ),
    "python jobs, tasks, commands, entry": (
        {
            "work.py": """
                import click
                from apscheduler.schedulers.background import BackgroundScheduler
                from celery import shared_task
                scheduler = BackgroundScheduler()

                def sweep(): ...

                @scheduler.scheduled_job("cron", hour=3)
                def nightly(): ...

                @shared_task
                def mail(): ...

                @click.command("run-it")
                def run(): ...

                def main():
                    scheduler.add_job(sweep, "interval", minutes=5)

                if __name__ == "__main__":
                    main()
            """
        },
        {
            "work.py": ("entry-point", None),
            "work.main": ("entry-point", None),
            "work.sweep": ("scheduled-job", 'APScheduler: sweep, "interval", minutes=5'),
            "work.nightly": ("scheduled-job", 'APScheduler: "cron", hour=3'),
            "work.mail": ("message-listener", "Celery"),
            "work.run": ("cli-command", "click: run-it"),
        },
    ),
    "pytest, unittest, alembic, dataclass": (
        {
            "tests/test_x.py": """
                import unittest
                import pytest
                @pytest.fixture
                def thing(): ...
                def test_it(thing): ...
                def helper(): ...
                class TestMore:
                    def test_more(self): ...
                class Base(unittest.TestCase):
                    def setUp(self): ...
                class Cases(Base):
                    def test_case(self): ...
                    def other(self): ...
            """,
            "db/versions/1_x.py": "from alembic import op\ndef upgrade(): ...\ndef downgrade(): ...\n",
            "app/versions.py": "def upgrade(): ...\n",
            "app/point.py": "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Point:\n    x: int\n",
        },
        {
            "tests/test_x.py": ("test-file", None),
            "tests.test_x.thing": ("test-fixture", "pytest"),
            "tests.test_x.test_it": ("test", "pytest"),
            "tests.test_x.TestMore": ("test-class", "pytest"),
            "tests.test_x.TestMore.test_more": ("test", "pytest"),
            "tests.test_x.Base": ("test-class", "unittest"),
            "tests.test_x.Base.setUp": ("test-fixture", "unittest"),
            "tests.test_x.Cases": ("test-class", "unittest"),
            "tests.test_x.Cases.test_case": ("test", "unittest"),
            "db/versions/1_x.py": ("migration", "Alembic"),
            "db.versions.1_x.upgrade": ("migration", "Alembic"),
            "db.versions.1_x.downgrade": ("migration", "Alembic"),
            "app.point.Point": ("data-class", "dataclass"),
        },
    ),
    "express, handlers in another file": (
        {
            "src/handlers.js": """
                function list(req, res) {}
                function create(req, res) {}
                function guard(req, res, next) {}
                module.exports = { list, create, guard };
            """,
            "src/routes.js": """
                const express = require('express');
                const h = require('./handlers');
                const cron = require('node-cron');
                const router = express.Router();
                router.get('/x', h.guard, h.list);
                router.route('/y').post(h.create);
                function mount(app) {
                    app.get('/z', (req, res) => res.send(''));
                }
                function sweep() {}
                cron.schedule('0 * * * *', sweep);
            """,
        },
        {
            "handlers.list": ("http-endpoint", "Express: GET /x"),
            "handlers.create": ("http-endpoint", "Express: POST /y"),
            "routes.mount": ("routes", "Express: GET /z"),
            "routes.sweep": ("scheduled-job", "node-cron: 0 * * * *"),
        },
    ),
    "nestjs": (
        {
            "src/orders.controller.ts": """
                import { Controller, Get, Post } from '@nestjs/common';
                import { Cron } from '@nestjs/schedule';
                import { EventPattern } from '@nestjs/microservices';
                @Controller('orders')
                export class Orders {
                  @Get(':id') one() {}
                  @Post() add() {}
                  @Cron('0 * * * *') hourly() {}
                  @EventPattern('paid') paid() {}
                  helper() {}
                }
            """,
            "src/orders.spec.ts": "describe('orders', () => { it('adds', () => {}); });\n",
        },
        {
            "orders.controller.Orders": ("controller", "NestJS: orders"),
            "orders.controller.Orders.one": ("http-endpoint", "NestJS: GET /orders/:id"),
            "orders.controller.Orders.add": ("http-endpoint", "NestJS: POST /orders"),
            "orders.controller.Orders.hourly": ("scheduled-job", "NestJS: '0 * * * *'"),
            "orders.controller.Orders.paid": ("message-listener", "NestJS: 'paid'"),
            "src/orders.spec.ts": ("test-file", "Jest, Vitest, Mocha: orders; adds"),
        },
    ),
    "go": (
        {
            "main.go": """
                package main
                import ("net/http"; "github.com/gin-gonic/gin")
                type Order struct { ID int `json:"id"` }
                type plain struct { id int }
                type Handlers struct{}
                func (h *Handlers) List(c *gin.Context) {}
                func create(c *gin.Context) {}
                func guard(c *gin.Context) {}
                func health(w http.ResponseWriter, r *http.Request) {}
                func routes(r *gin.Engine, h *Handlers) {
                    r.GET("/orders", guard, h.List)
                    r.POST("/orders", create)
                    r.GET("/inline", func(c *gin.Context) {})
                    http.HandleFunc("GET /health", health)
                }
                func main() {}
            """,
            "main_test.go": """
                package main
                import "testing"
                func TestList(t *testing.T) {}
                func Testify(t *testing.T) {}
                func BenchmarkList(b *testing.B) {}
            """,
        },
        {
            "main.Order": ("data-class", "struct tags"),
            "main.Handlers.List": ("http-endpoint", "Gin: GET /orders"),
            "main.create": ("http-endpoint", "Gin: POST /orders"),
            "main.health": ("http-endpoint", "net/http: GET /health"),
            "main.routes": ("routes", "Gin: GET /inline"),
            "main.main": ("entry-point", None),
            "main_test.go": ("test-file", None),
            "main.TestList": ("test", "Go testing"),
            "main.BenchmarkList": ("benchmark", "Go testing"),
        },
    ),
    "rust": (
        {
            "src/main.rs": """
                use axum::{routing::get, Router};
                use serde::Serialize;
                #[derive(Debug, Serialize)]
                struct Order { id: u32 }
                #[derive(Debug)]
                struct Plain;
                async fn list() {}
                async fn create() {}
                fn app() -> Router { Router::new().route("/orders", get(list).post(create)) }
                fn inline() -> Router { Router::new().route("/x", get(|| async { "x" })) }
                #[tokio::main]
                async fn main() {}
                #[cfg(test)]
                mod tests {
                    #[test]
                    fn adds() {}
                    fn helper() {}
                }
            """,
            "src/web.rs": """
                use actix_web::{get, web, App};
                #[get("/hello")]
                async fn hello() {}
                async fn index() {}
                fn app() { App::new().route("/", web::get().to(index)); }
            """,
        },
        {
            "Order": ("data-class", "serde"),
            "list": ("http-endpoint", "Axum: GET /orders"),
            "create": ("http-endpoint", "Axum: POST /orders"),
            "inline": ("routes", "Axum: GET /x"),
            "main": ("entry-point", None),
            "tests.adds": ("test", None),
            "web.hello": ("http-endpoint", "Actix, Rocket: GET /hello"),
            "web.index": ("http-endpoint", "Actix: GET /"),
        },
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_exactly_these_roles(name: str) -> None:
    files, expected = SAMPLES[name]
    found = roles({path: dedent(text).lstrip("\n") for path, text in files.items()})
    assert {fqn: tuple(role) for fqn, role in found.items()} == expected
