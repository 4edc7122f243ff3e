"""A generated shop with skewed data, missing indexes, and a slow workload, to try the workflow on.

The data is generated from a seed, so samples of the same size are identical. Most columns that the workload searches
have no index; foreign keys have none either, as is common.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from workflows.database_maintenance.targets.sqlite import path_of

VERSION = 1
SAMPLE_WORKLOAD = "shop-workload.json"
"""Name of the demo's workload file in the operator's directory."""
_FIRST_DAY = datetime(2023, 1, 1)  # noqa: DTZ001 - times of the sample have no zone
_DAYS = 730
_COUNTRIES = ("DE", "FR", "NL", "PL", "AT", "IT", "SE")
_CHANNELS = ("web", "app", "phone")
_TABLES = ("shipments", "order_lines", "orders", "products", "customers", "shop_sample")


class SampleError(Exception):
    """The database has other tables, so nothing was created there."""


@dataclass(frozen=True)
class Sizes:
    """Rows per table for a number of orders."""

    orders: int

    @property
    def customers(self) -> int:
        """A tenth of the orders."""
        return max(100, self.orders // 10)

    @property
    def products(self) -> int:
        """At least 200."""
        return max(200, self.orders // 150)

    @property
    def lines(self) -> int:
        """Two per order."""
        return self.orders * 2


_SCHEMA = """
CREATE TABLE customers (
    id integer PRIMARY KEY, email text NOT NULL, name text NOT NULL, country text NOT NULL,
    joined_at timestamp NOT NULL);
CREATE TABLE products (
    id integer PRIMARY KEY, sku text NOT NULL, name text NOT NULL, category text NOT NULL,
    price_cents integer NOT NULL);
CREATE TABLE orders (
    id integer PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, channel text NOT NULL, coupon text,
    total_cents integer NOT NULL, created_at timestamp NOT NULL, note text NOT NULL);
CREATE TABLE order_lines (
    id integer PRIMARY KEY, order_id integer NOT NULL, product_id integer NOT NULL, quantity integer NOT NULL,
    price_cents integer NOT NULL);
CREATE TABLE shipments (
    id integer PRIMARY KEY, order_id integer NOT NULL, tracking_code text NOT NULL, shipped_at timestamp NOT NULL);
CREATE INDEX orders_created_at ON orders (created_at);
"""
_MARKER = "CREATE TABLE shop_sample (version integer NOT NULL, orders integer NOT NULL, seed integer NOT NULL)"


def create_sample(address: str, *, orders: int = 300_000, seed: int = 7) -> None:
    """Fill an empty database with the shop, which takes a few seconds.

    A complete sample of this size and seed stays unchanged, with all changes since; one of another size or seed is
    replaced. A sample is either complete or missing: PostgreSQL fills it in one transaction, and SQLite in a file that
    then replaces the given one.

    Args:
        address: ``postgresql://…`` of an existing database, or ``sqlite:///path``.
        orders: Rows of the orders table; the sizes of other tables depend on it.
        seed: Seed of the data, 0 to 2³¹.

    Raises:
        SampleError: the database has other tables; they are not changed.
    """
    if address.startswith("sqlite:///"):
        _create_sqlite(path_of(address), Sizes(orders), seed)
    else:
        with psycopg.connect(address) as connection:
            _create_postgres(connection, Sizes(orders), seed)


def sample_workload(path: str | Path, *, orders: int = 300_000) -> Path:
    """Write the slow workload of a sample with this many orders as a JSON file, and return its path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"queries": workload_queries(orders)}, indent=2) + "\n", encoding="utf-8")
    return target


# ruff: noqa: S608 - all texts below are made of this module's own numbers
def workload_queries(orders: int = 300_000) -> list[dict[str, Any]]:
    """The queries of the workload, with names and weights; the last one is slow by nature, and no index helps it."""
    sizes = Sizes(orders)
    customer, order, product = max(1, sizes.customers // 500), orders // 2, sizes.products * 3 // 4
    return [
        {
            "name": "orders of a customer",
            "weight": 50,
            "sql": "SELECT id, status, total_cents, created_at FROM orders "
            f"WHERE customer_id = {customer} ORDER BY created_at DESC LIMIT 20",
        },
        {
            "name": "lines of an order",
            "weight": 40,
            "sql": "SELECT l.quantity, l.price_cents, p.name FROM orders o JOIN order_lines l ON l.order_id = o.id "
            f"JOIN products p ON p.id = l.product_id WHERE o.id = {order}",
        },
        {
            "name": "customer by address",
            "weight": 30,
            "sql": f"SELECT id, name, country FROM customers WHERE lower(email) = 'customer{customer}@example.com'",
        },
        {
            "name": "shipment by tracking code",
            "weight": 25,
            "sql": f"SELECT order_id, shipped_at FROM shipments WHERE tracking_code = '{_tracking(order)}'",
        },
        {
            "name": "recent pending orders",
            "weight": 20,
            "sql": "SELECT id, customer_id, total_cents FROM orders "
            "WHERE status = 'pending' AND created_at >= '2024-06-01' ORDER BY created_at LIMIT 100",
        },
        {
            "name": "orders by customer's address",
            "weight": 10,
            "sql": "SELECT o.id, o.total_cents FROM customers c JOIN orders o ON o.customer_id = c.id "
            f"WHERE lower(c.email) = 'customer{customer + 1}@example.com' AND o.status <> 'canceled'",
        },
        {
            "name": "sales of a product",
            "weight": 5,
            "sql": f"SELECT sum(quantity), sum(price_cents) FROM order_lines WHERE product_id = {product}",
        },
        {
            "name": "uses of a coupon",
            "weight": 3,
            "sql": "SELECT count(*), sum(total_cents) FROM orders WHERE coupon = 'SPRING-7'",
        },
        {
            "name": "revenue by channel",
            "weight": 5,
            "sql": "SELECT channel, count(*), sum(total_cents) FROM orders GROUP BY channel ORDER BY channel",
        },
    ]


def _tracking(order: int) -> str:
    """Return the tracking code of an order's shipment, as `_POSTGRES_FILL` creates it."""
    return f"TRK{order * 7919 % 1_000_000_007:010d}"


_POSTGRES_FILL = """
INSERT INTO customers SELECT i, 'Customer' || i || '@Example.com', 'Customer ' || i,
    (ARRAY['DE','FR','NL','PL','AT','IT','SE'])[1 + floor(7 * power(random(), 3))::int],
    timestamp '2023-01-01' - random() * interval '1000 days'
  FROM generate_series(1, {customers}) AS i;
INSERT INTO products SELECT i, 'SKU-' || i, 'Product ' || i, 'category ' || (i * i) % 40,
    100 + floor(power(random(), 2) * 50000)::int FROM generate_series(1, {products}) AS i;
INSERT INTO orders SELECT i, 1 + floor({customers} * power(random(), 2.5))::int,
    CASE WHEN r < 0.93 THEN 'delivered' WHEN r < 0.96 THEN 'canceled' WHEN r < 0.99 THEN 'shipped' ELSE 'pending' END,
    (ARRAY['web','app','phone'])[1 + floor(3 * power(random(), 2))::int],
    CASE WHEN random() < 0.03 THEN 'SPRING-' || floor(random() * 200)::int END,
    500 + floor(power(random(), 3) * 100000)::int,
    timestamp '2023-01-01' + sqrt(random()) * interval '730 days',
    repeat('note ', 4 + floor(random() * 8)::int)
  FROM (SELECT i, random() AS r FROM generate_series(1, {orders}) AS i) AS drawn;
INSERT INTO order_lines SELECT i, 1 + floor({orders} * random())::int, 1 + floor({products} * power(random(), 3))::int,
    1 + floor(5 * power(random(), 3))::int, 100 + floor(power(random(), 2) * 50000)::int
  FROM generate_series(1, {lines}) AS i;
INSERT INTO shipments SELECT id, id, 'TRK' || lpad((id::bigint * 7919 % 1000000007)::text, 10, '0'),
    created_at + interval '2 days' FROM orders;
"""


def _create_postgres(connection: psycopg.Connection[Any], sizes: Sizes, seed: int) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('assent.shop_sample', 0))")
    present = {
        row[0]
        for row in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(%s)",
            (list(_TABLES),),
        ).fetchall()
    }
    if "shop_sample" in present:
        marker = connection.execute("SELECT version, orders, seed FROM shop_sample").fetchone()
        if marker == (VERSION, sizes.orders, seed):
            return
        connection.execute("DROP TABLE IF EXISTS " + ", ".join(_TABLES))
    elif present:
        raise SampleError(f"The database already has other tables: {', '.join(sorted(present))}.")
    connection.execute(_SCHEMA)
    # setseed takes -1 to 1; random() then returns the same sequence of numbers in this session.
    connection.execute("SELECT setseed(%s)", (seed % 2**31 / 2**31,))
    connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    counts = {"customers": sizes.customers, "products": sizes.products, "orders": sizes.orders, "lines": sizes.lines}
    connection.execute(_POSTGRES_FILL.format(**counts))
    connection.execute(_MARKER)
    connection.execute("INSERT INTO shop_sample VALUES (%s, %s, %s)", (VERSION, sizes.orders, seed))


def _create_sqlite(path: Path, sizes: Sizes, seed: int) -> None:
    if path.exists() and path.stat().st_size:
        with closing(sqlite3.connect(path)) as existing:
            tables = {row[0] for row in existing.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "shop_sample" in tables:
                marker = existing.execute("SELECT version, orders, seed FROM shop_sample").fetchone()
                if marker == (VERSION, sizes.orders, seed):
                    return
            elif tables:
                raise SampleError(f"{path.name} already has other tables: {', '.join(sorted(tables))}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    made = Path(name)
    try:
        with closing(sqlite3.connect(made)) as connection:
            _fill_sqlite(connection, sizes, seed)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def _fill_sqlite(connection: sqlite3.Connection, sizes: Sizes, seed: int) -> None:
    connection.executescript(_SCHEMA + _MARKER)
    dice = random.Random(seed)  # noqa: S311 - sample data
    for table, width, rows in (
        ("customers", 5, _customers(dice, sizes)),
        ("products", 5, _products(dice, sizes)),
        ("orders", 8, _orders(dice, sizes)),
        ("order_lines", 5, _lines(dice, sizes)),
    ):
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)
    connection.execute(
        "INSERT INTO shipments SELECT id, id, printf('TRK%010d', id * 7919 % 1000000007), "
        "datetime(created_at, '+2 days') FROM orders"
    )
    connection.execute("INSERT INTO shop_sample VALUES (?, ?, ?)", (VERSION, sizes.orders, seed))
    connection.commit()


def _moment(days: float) -> str:
    return (_FIRST_DAY + timedelta(days=days)).isoformat(sep=" ", timespec="seconds")


def _customers(dice: random.Random, sizes: Sizes) -> Iterator[tuple[Any, ...]]:
    for i in range(1, sizes.customers + 1):
        country = _COUNTRIES[int(7 * dice.random() ** 3)]
        yield i, f"Customer{i}@Example.com", f"Customer {i}", country, _moment(-1000 * dice.random())


def _products(dice: random.Random, sizes: Sizes) -> Iterator[tuple[Any, ...]]:
    for i in range(1, sizes.products + 1):
        yield i, f"SKU-{i}", f"Product {i}", f"category {i * i % 40}", 100 + int(dice.random() ** 2 * 50_000)


def _orders(dice: random.Random, sizes: Sizes) -> Iterator[tuple[Any, ...]]:
    for i in range(1, sizes.orders + 1):
        r = dice.random()
        status = "delivered" if r < 0.93 else "canceled" if r < 0.96 else "shipped" if r < 0.99 else "pending"
        yield (
            i,
            1 + int(sizes.customers * dice.random() ** 2.5),
            status,
            _CHANNELS[int(3 * dice.random() ** 2)],
            f"SPRING-{int(dice.random() * 200)}" if dice.random() < 0.03 else None,
            500 + int(dice.random() ** 3 * 100_000),
            _moment(_DAYS * dice.random() ** 0.5),
            "note " * (4 + int(dice.random() * 8)),
        )


def _lines(dice: random.Random, sizes: Sizes) -> Iterator[tuple[Any, ...]]:
    for i in range(1, sizes.lines + 1):
        yield (
            i,
            1 + int(sizes.orders * dice.random()),
            1 + int(sizes.products * dice.random() ** 3),
            1 + int(5 * dice.random() ** 3),
            100 + int(dice.random() ** 2 * 50_000),
        )
