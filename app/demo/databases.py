"""Proposals about databases: statements, reports, sets of indexes."""

from __future__ import annotations

from assent.contracts import OptimizationItem, Optimizations, Script, TableFacts

SHOP = "shop"


def _sql(title: str, content: str, environment: str, summary: str = "", **values: object) -> Script:
    given = {"language": "sql", "dialect": "postgres", "server_version": "16.4", "target": SHOP} | values
    return Script(title=title, content=content, environment=environment, summary=summary, **given)


def drop_archive() -> Script:
    """A critical one, for two teams."""
    return _sql(
        "Drop two order archives",
        "-- Both archives were exported to cold storage on 12 March.\n"
        "DROP TABLE order_archive_2017;\n"
        "DROP TABLE order_archive_2018;\n",
        "production",
        "The archives of 2017 and 2018 take 410 GB, and nothing has read them for 14 months.\n\n"
        "The export was checked: row counts and checksums of both tables match.",
        tables={
            "order_archive_2017": TableFacts(rows=182_400_000, bytes=190_000_000_000),
            "order_archive_2018": TableFacts(rows=214_900_000, bytes=220_000_000_000),
        },
    )


def forget_customers() -> Script:
    """A critical one: nothing limits what is deleted."""
    return _sql(
        "Delete all visitor tracking",
        "DELETE FROM visitor_events;\nDELETE FROM visitor_sessions;\n",
        "production",
        "The privacy review asks for the history before consent was recorded to be removed.",
        tables={"visitor_events": TableFacts(rows=94_000_000, bytes=31_000_000_000)},
    )


def widen_order_numbers() -> Script:
    """A change of a type, which rewrites a large table under a lock."""
    return _sql(
        "Widen the order number",
        "ALTER TABLE orders ALTER COLUMN order_no TYPE bigint;\n",
        "production",
        "To 64 bits: the sequence reaches the largest 32-bit number in about seven weeks.",
        tables={"orders": TableFacts(rows=41_200_000, bytes=9_800_000_000)},
    )


def add_constraint() -> Script:
    """A constraint that is checked while writers wait."""
    return _sql(
        "Require orders.customer_id",
        "ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL;\n",
        "production",
        "No order without a customer has been written since May; the importer of the old shop is switched off.",
        tables={"orders": TableFacts(rows=41_200_000, bytes=9_800_000_000)},
    )


def correct_prices() -> Script:
    """A change of few rows."""
    return _sql(
        "Correct 14 article prices",
        "UPDATE articles\n   SET price_cents = round(price_cents / 1.19)\n"
        " WHERE article_no BETWEEN 88210 AND 88223\n   AND price_list = 'wholesale';\n",
        "production",
        "The wholesale import of Monday wrote gross prices. The list is that of ticket 5512.",
    )


def weekly_report(week: int) -> Script:
    """A harmless query."""
    content = (
        "SELECT country, count(*) AS orders, sum(total_cents) / 100.0 AS revenue\n  FROM orders\n"
        " WHERE iso_week = :week\n GROUP BY country\n ORDER BY revenue DESC;\n"
    )
    return _sql(
        f"Revenue by country, week {week}",
        content.replace(":week", str(week)),
        "reporting",
        labels={"purpose": "report"},
    )


def sample_orders() -> Script:
    """A query outside of the reports."""
    return _sql(
        "Read 50 undelivered orders",
        "SELECT id, customer_id, ordered_at\n  FROM orders\n WHERE delivered_at IS NULL\n"
        "   AND ordered_at < date '2026-10-01'\n ORDER BY ordered_at\n LIMIT 50;\n",
        "staging",
        "To find out which of three carriers leaves the delivery date out.",
    )


def refresh_view(name: str) -> Script:
    """One of several alike, which a standing grant could take over."""
    return _sql(
        f"Refresh {name}",
        f"REFRESH MATERIALIZED VIEW CONCURRENTLY {name};\n",
        "reporting",
        "The nightly load is complete.",
    )


def analyze(table: str) -> Script:
    """One of several alike, for which a standing grant is proposed."""
    return _sql(f"Analyze {table} after the import", f"ANALYZE {table};\n", "staging")


def drop_log() -> Script:
    """A critical one that both teams approved; it waits for its change window."""
    return _sql(
        "Drop the log of the old request tracer",
        "DROP TABLE request_trace_log;\n",
        "production",
        "The tracer was removed in October.",
        tables={"request_trace_log": TableFacts(rows=801_000_000, bytes=96_000_000_000)},
    )


def statement(title: str, content: str) -> Script:
    """A short statement in production."""
    return _sql(title, content, "production")


def order_indexes() -> Optimizations:
    """A set that was approved in part."""
    return Optimizations(
        title="Create 3 indexes for the order list",
        environment="reporting",
        target="reporting",
        dialect="postgres",
        server_version="16.4",
        verb="create",
        noun="index",
        noun_plural="indexes",
        items=[
            _index("ix_orders_status", "orders", "status, ordered_on", "Orders by status", "11.0×", 11.0, "71 MB"),
            _index("ix_lines_article", "order_lines", "article_no", "Orders of an article", "6.7×", 6.7, "25 MB"),
            _index("ix_orders_day", "orders", "ordered_on", "Orders of a day", "1.1×", 1.1, "64 MB"),
        ],
    )


def _index(name: str, table: str, columns: str, why: str, benefit: str, factor: float, cost: str) -> OptimizationItem:
    return OptimizationItem(
        id=name,
        title=f"Index {table} by {columns}",
        rationale=why,
        benefit=benefit,
        benefit_factor=factor,
        cost=cost,
        statement=f"CREATE INDEX CONCURRENTLY {name} ON {table} ({columns});",
        rollback=f"DROP INDEX CONCURRENTLY {name};",
    )


def dashboard_indexes() -> Optimizations:
    """A set that can be approved in part."""
    return Optimizations(
        title="Create 4 dashboard indexes",
        environment="reporting",
        target="reporting",
        dialect="postgres",
        server_version="16.4",
        verb="create",
        noun="index",
        noun_plural="indexes",
        summary="The sales dashboard's slowest four queries read whole tables. Measured on yesterday's copy.",
        items=[
            _index(
                "ix_orders_country_day", "orders", "country, ordered_on", "Revenue by country", "18.4×", 18.4, "212 MB"
            ),
            _index("ix_orders_customer", "orders", "customer_id", "Orders of a customer", "9.1×", 9.1, "188 MB"),
            _index("ix_returns_reason", "returns", "reason", "Returns by reason", "3.2×", 3.2, "21 MB"),
            _index("ix_articles_supplier", "articles", "supplier_id", "Stock by supplier", "1.3×", 1.3, "6 MB"),
        ],
    )
