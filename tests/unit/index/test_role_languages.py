"""Roles in C, C++, C#, PHP, Ruby, Scala, Swift and SQL, of brokers, and of what stands at the top of a file."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.support.roles import roles

Sample = tuple[dict[str, str], dict[str, tuple[str, str | None]]]

SAMPLES: dict[str, Sample] = {
    "c and c++": (
        {
            "main.c": "int helper(void) { return 1; }\nint main(int argc, char **argv) { return helper(); }\n",
            "cart_test.cc": """
                #include <gtest/gtest.h>
                class CartTest : public ::testing::Test {
                  void SetUp() override { x(); }
                  void help() { y(); }
                };
                TEST_F(CartTest, Adds) { help(); }
                TEST(Money, Parses) { help(); }
                BOOST_AUTO_TEST_CASE(sums) { help(); }
                void TestHelper() { help(); }
            """,
        },
        {
            "main": ("entry-point", None),
            "cart_test.cc": ("test-file", None),
            "CartTest": ("test-class", "GoogleTest"),
            "CartTest.SetUp": ("test-fixture", "GoogleTest"),
            "CartTest.Adds": ("test", "GoogleTest"),
            "Money.Parses": ("test", "GoogleTest"),
            "sums": ("test", "Boost.Test"),
        },
    ),
    "asp.net, xunit, nunit, ef core": (
        {
            "Shop/OrdersController.cs": """
                using Microsoft.AspNetCore.Mvc;
                namespace Shop;
                [ApiController, Route("api/orders")]
                public class OrdersController : ControllerBase
                {
                    [HttpGet("{id}")] public Order One(int id) => null;
                    [HttpPost, Authorize] public Order Add(Order order) => order;
                    public Order Helper() => null;
                }
                public record Order(int Id);
            """,
            "Shop/Program.cs": "namespace Shop;\nclass Program { static void Main(string[] args) { } }\n",
            "Shop/Tests.cs": """
                using Xunit;
                namespace Shop;
                public class OrderTests
                {
                    [Fact] public void Adds() { }
                    [Theory, InlineData(1)] public void Counts(int n) { }
                    void Helper() { }
                }
            """,
            "Shop/MoreTests.cs": """
                using NUnit.Framework;
                namespace Shop;
                class MoreTests
                {
                    [SetUp] public void Start() { }
                    [Test] public void Sums() { }
                }
            """,
            "Shop/First.cs": """
                using Microsoft.EntityFrameworkCore.Migrations;
                namespace Shop;
                public partial class First : Migration { protected override void Up(MigrationBuilder b) { } }
            """,
        },
        {
            "Shop.OrdersController": ("controller", "ASP.NET Core: api/orders"),
            "Shop.OrdersController.One": ("http-endpoint", "ASP.NET Core: GET /api/orders/{id}"),
            "Shop.OrdersController.Add": ("http-endpoint", "ASP.NET Core: POST /api/orders"),
            "Shop.Order": ("data-class", "C# record"),
            "Shop/Program.cs": ("entry-point", None),
            "Shop.Program.Main": ("entry-point", None),
            "Shop/Tests.cs": ("test-file", None),
            "Shop.OrderTests": ("test-class", None),
            "Shop.OrderTests.Adds": ("test", "xUnit"),
            "Shop.OrderTests.Counts": ("test", "xUnit"),
            "Shop/MoreTests.cs": ("test-file", None),
            "Shop.MoreTests": ("test-class", None),
            "Shop.MoreTests.Start": ("test-fixture", "NUnit"),
            "Shop.MoreTests.Sums": ("test", "NUnit"),
            "Shop.First": ("migration", "EF Core"),
        },
    ),
    "symfony, phpunit, laravel": (
        {
            "src/OrderController.php": """
                <?php
                namespace Shop;
                use Symfony\\Component\\Routing\\Attribute\\Route;
                #[Route('/orders')]
                class OrderController
                {
                    #[Route('/{id}', name: 'one', methods: ['GET', 'HEAD'])]
                    public function one(int $id) {}
                    public function helper() {}
                }
            """,
            "tests/OrderTest.php": """
                <?php
                namespace Shop\\Tests;
                use PHPUnit\\Framework\\TestCase;
                final class OrderTest extends TestCase
                {
                    protected function setUp(): void {}
                    public function testAdds() {}
                    private function helper() {}
                }
            """,
            "src/Order.php": """
                <?php
                namespace Shop;
                use Illuminate\\Database\\Eloquent\\Model;
                class Order extends Model {}
            """,
            "database/migrations/2024_create_orders.php": """
                <?php
                use Illuminate\\Database\\Migrations\\Migration;
                return new class extends Migration { public function up() {} };
            """,
        },
        {
            "Shop.OrderController": ("controller", "Symfony: /orders"),
            "Shop.OrderController.one": ("http-endpoint", "Symfony: GET, HEAD /orders/{id}"),
            "tests/OrderTest.php": ("test-file", None),
            "Shop.Tests.OrderTest": ("test-class", "PHPUnit"),
            "Shop.Tests.OrderTest.setUp": ("test-fixture", "PHPUnit"),
            "Shop.Tests.OrderTest.testAdds": ("test", "PHPUnit"),
            "Shop.Order": ("data-class", "Eloquent"),
            "database/migrations/2024_create_orders.php": ("migration", "Laravel"),
        },
    ),
    "rails": (
        {
            "app/models/order.rb": "class Order < ApplicationRecord\n  def total = 1\nend\n",
            "app/jobs/mail_job.rb": "class MailJob < ApplicationJob\n  def perform = 1\nend\n",
            "app/workers/sweep.rb": "class Sweep\n  include Sidekiq::Job\n  def perform = 1\nend\n",
            "db/migrate/1_a.rb": "class CreateOrders < ActiveRecord::Migration[7.1]\n  def change = 1\nend\n",
            "lib/line.rb": "Line = Struct.new(:sku) do\n  def total = 1\nend\n",
            "test/order_test.rb": """
                require 'minitest/autorun'
                class OrderTest < Minitest::Test
                  def setup; end
                  def test_total; end
                  def helper; end
                end
            """,
            "spec/order_spec.rb": "RSpec.describe Order do\n  it('adds') { }\nend\n",
        },
        {
            "Order": ("data-class", "Active Record"),
            "MailJob": ("message-listener", "Active Job"),
            "Sweep": ("message-listener", "Sidekiq"),
            "CreateOrders": ("migration", "Active Record"),
            "Line": ("data-class", "Ruby struct"),
            "test/order_test.rb": ("test-file", None),
            "OrderTest": ("test-class", "Minitest"),
            "OrderTest.setup": ("test-fixture", "Minitest"),
            "OrderTest.test_total": ("test", "Minitest"),
            "spec/order_spec.rb": ("test-file", "RSpec"),
        },
    ),
    "scala": (
        {
            "shop/App.scala": """
                package shop
                object Tool extends App { println("x") }
                object Main { def main(args: Array[String]): Unit = () }
                @main def run(path: String): Unit = ()
                case class Order(id: Int)
                class Plain(id: Int)
            """,
            "shop/OrderSpec.scala": """
                package shop
                import org.scalatest.funsuite.AnyFunSuite
                class OrderSpec extends AnyFunSuite { test("adds") { } }
            """,
        },
        {
            "shop.Tool": ("entry-point", None),
            "shop.Main.main": ("entry-point", None),
            "shop.run": ("entry-point", None),
            "shop.Order": ("data-class", "Scala case class"),
            "shop/OrderSpec.scala": ("test-file", None),
            "shop.OrderSpec": ("test-class", "ScalaTest"),
        },
    ),
    "swift": (
        {
            "Sources/Shop/Shop.swift": """
                @main
                struct Tool { static func main() {} }
                struct Order: Codable { var id = 0 }
            """,
            "Tests/ShopTests/OrderTests.swift": """
                import XCTest
                final class OrderTests: XCTestCase {
                    override func setUp() {}
                    func testAdds() {}
                    func helper() {}
                }
            """,
            "Tests/ShopTests/MoreTests.swift": """
                import Testing
                struct MoreTests { @Test("sums") func sums() {} }
            """,
        },
        {
            "Shop.Tool": ("entry-point", None),
            "Shop.Order": ("data-class", "Codable"),
            "Tests/ShopTests/OrderTests.swift": ("test-file", None),
            "ShopTests.OrderTests": ("test-class", "XCTest"),
            "ShopTests.OrderTests.setUp": ("test-fixture", "XCTest"),
            "ShopTests.OrderTests.testAdds": ("test", "XCTest"),
            "Tests/ShopTests/MoreTests.swift": ("test-file", None),
            "ShopTests.MoreTests": ("test-class", "Swift Testing"),
            "ShopTests.MoreTests.sums": ("test", "Swift Testing: sums"),
        },
    ),
    "sql migrations": (
        {
            "src/main/resources/db/migration/V1__orders.sql": "CREATE TABLE orders (id int);\n",
            "migrations/0001_init.up.sql": "CREATE TABLE orders (id int);\n",
        },
        {
            "src/main/resources/db/migration/V1__orders.sql": ("migration", "Flyway"),
            "migrations/0001_init.up.sql": ("migration", None),
        },
    ),
    "brokers": (
        {
            "shop/Listens.java": """
                package shop;
                import org.springframework.amqp.rabbit.annotation.RabbitListener;
                class Listens {
                    @RabbitListener(queues = "orders") void taken(String order) {}
                    void helper() {}
                }
            """,
            "got.py": """
                import pika
                def got(channel, method, properties, body): ...
                def start(channel):
                    channel.basic_consume(queue="mail", on_message_callback=got)
            """,
            "proj/tasks.py": "from .celery import app\n@app.task\ndef add(): ...\n",
            "old.py": "from celery import task\n@task()\ndef add(): ...\n",
            "beat.py": """
                from celery import Celery
                app = Celery("shop")
                @app.task(bind=True)
                def mail(self): ...
                @app.on_after_configure.connect
                def setup(sender, **kwargs): ...
            """,
        },
        {
            "shop.Listens.taken": ("message-listener", 'RabbitMQ: queues = "orders"'),
            "got.got": ("message-listener", "Pika: mail"),
            "proj.tasks.add": ("message-listener", "Celery"),
            "old.add": ("message-listener", "Celery"),
            "beat.mail": ("message-listener", "Celery: bind=True"),
            "beat.setup": ("schedules", "Celery beat"),
        },
    ),
    "routes at the top of a file": (
        {
            "app.js": """
                const express = require('express');
                const app = express();
                app.get('/', (req, res) => res.send('x'));
                app.post('/orders', (req, res) => res.send('x'));
            """,
            "cmd/shop/main.go": "package main\nfunc main() {}\n",
            "store.go": 'package store\nimport "gorm.io/gorm"\nfunc Migrate(db *gorm.DB) {}\n',
        },
        {
            "app.js": ("routes", "Express: GET /; POST /orders"),
            "cmd.shop.main": ("entry-point", None),
            "store.Migrate": ("migration", "gorm"),
        },
    ),
    "rust, attributes with a path": (
        {
            "src/lib.rs": """
                #[tokio::test]
                async fn waits() {}
                #[actix_web::test]
                async fn answers() {}
                #[test_case(1)]
                fn counts(n: u32) {}
            """
        },
        {"waits": ("test", None), "answers": ("test", None), "counts": ("test", None)},
    ),
    "click, its settings are no name": (
        {
            "a.py": """
                import click
                @click.command(context_settings={"allow_extra_args": True})
                def run(): ...
                @click.command(name="walk")
                def walk(): ...
            """
        },
        {"a.run": ("cli-command", "click"), "a.walk": ("cli-command", "click: walk")},
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_exactly_these_roles(name: str) -> None:
    files, expected = SAMPLES[name]
    found = roles({path: dedent(text).lstrip("\n") for path, text in files.items()})
    assert {fqn: tuple(role) for fqn, role in found.items()} == expected
