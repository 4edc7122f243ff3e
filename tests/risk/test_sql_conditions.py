"""What a WHERE lets through: every row is critical, nearly every row is high, some rows are medium, no row is low."""

import pytest

from app.risk.assess import assess_proposal

EVERY_ROW = [
    ("postgres", "true"),
    ("postgres", "1 = 1"),
    ("postgres", "id = id"),
    ("postgres", "o.id >= o.id"),
    ("postgres", "id IS NOT DISTINCT FROM id"),
    ("postgres", "id = 5 OR true"),
    ("postgres", "id = 5 OR 'a' = 'a'"),
    ("postgres", "NOT false"),
    ("postgres", "NOT (1 = 2)"),
    ("postgres", "status LIKE '%'"),
    ("postgres", "status ~ '.*'"),
    ("postgres", "status IS NULL OR status IS NOT NULL"),
    ("postgres", "status = 'a' OR status <> 'a'"),
    ("postgres", "status = 'a' OR NOT status = 'a'"),
    ("postgres", "coalesce(true, id = 5)"),
    ("postgres", "CASE WHEN 1 = 1 THEN true END"),
    ("postgres", "CASE WHEN id = 5 THEN true ELSE true END"),
    ("postgres", "ctid IS NOT NULL"),
    ("postgres", "id + 0 = id"),
    ("postgres", "name || '' = name"),
    ("postgres", "id - id = 0"),
    ("postgres", "id % 1 = 0"),
    ("postgres", "length(name) >= 0"),
    ("postgres", "id * id >= 0"),
    ("postgres", "id BETWEEN id AND id"),
    ("postgres", "id IN (id, 5)"),
    ("postgres", "id = ANY (ARRAY[id])"),
    ("postgres", "'t'::boolean"),
    ("postgres", "EXISTS (SELECT 1)"),
    ("postgres", "EXISTS (SELECT 1 FROM customers)"),
    ("postgres", "EXISTS (SELECT 1 FROM customers WHERE active)"),
    ("postgres", "EXISTS (SELECT 1 FROM customers c WHERE c.id = 5)"),
    ("postgres", "NOT EXISTS (SELECT 1 FROM customers WHERE active)"),
    ("postgres", "EXISTS (SELECT 1 FROM orders x WHERE x.id = o.id)"),
    ("postgres", "id IN (SELECT id FROM orders)"),
    ("postgres", "id = ANY (SELECT id FROM orders)"),
    ("postgres", "id IN (SELECT id FROM orders WHERE 1 = 1)"),
    ("postgres", "ctid IN (SELECT ctid FROM orders)"),
    ("postgres", "(SELECT count(*) FROM customers) > 0"),
    ("postgres", "random() < 0.5"),
    ("postgres", "current_user = 'app'"),
    ("postgres", "now() > '2000-01-01'"),
    ("sqlite", "rowid = rowid"),
    ("sqlite", "1"),
    ("mysql", "id <=> id"),
    ("mysql", "name REGEXP '.*'"),
    ("mysql", "'1'"),
    ("tsql", "1 = 1"),
    ("oracle", "1 = 1"),
    ("oracle", "rownum >= 1"),
    ("oracle", "rownum > 0"),
    ("sqlite", "rowid"),
    ("sqlite", "id"),
    ("sqlite", "oid > -1"),
    ("mysql", "'a' = 0"),
    ("mysql", "id AND 1"),
    ("postgres", "id > 5 OR id < 10"),
    ("postgres", "id <> 5 OR id <> 6"),
    ("postgres", "total >= 5 OR total < 6 OR closed"),
]
NEARLY_EVERY_ROW = [
    ("postgres", "id IS NOT NULL"),
    ("postgres", "NOT (id IS NULL)"),
    ("postgres", "order_id IS NOT NULL"),
    ("postgres", "id > 0"),
    ("postgres", "id >= 1"),
    ("postgres", "0 < id"),
    ("postgres", "id <> 0"),
    ("postgres", "NOT id = 5"),
    ("postgres", "id NOT IN (1, 2)"),
    ("postgres", "id < 2147483647"),
    ("postgres", "id BETWEEN 0 AND 999999999"),
    ("postgres", "created_at < now()"),
    ("postgres", "created_at > '1970-01-01'"),
    ("postgres", "total >= 0"),
    ("postgres", "(status = 'a') IS NOT NULL"),
    ("postgres", "customer_id IN (SELECT id FROM customers)"),
    ("postgres", "EXISTS (SELECT 1 FROM customers WHERE customer_id = number)"),
    ("postgres", "$1 = 1"),
    ("postgres", "currency IS NOT NULL"),
    ("postgres", "created_at IS NOT NULL"),
]
SOME_ROWS = [
    ("postgres", "id = 5"),
    ("postgres", "id = 5 AND 1 = 1"),
    ("postgres", "id = 5 AND id IS NOT NULL"),
    ("postgres", "id = $1"),
    ("postgres", "id IN (1, 2)"),
    ("postgres", "id > 4711"),
    ("postgres", "status LIKE 'a%'"),
    ("postgres", "status ~ '^a'"),
    ("postgres", "status IS NULL"),
    ("postgres", "deleted_at IS NOT NULL"),
    ("postgres", "expires_at < now()"),
    ("postgres", "created_at < now() - interval '90 days'"),
    ("postgres", "coalesce(status, 'new') = 'new'"),
    ("postgres", "EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id AND c.closed)"),
    ("postgres", "NOT EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id)"),
    ("postgres", "id IN (SELECT id FROM orders WHERE status = 'old')"),
    ("postgres", "ctid IN (SELECT ctid FROM orders LIMIT 100)"),
    ("postgres", "id IN (SELECT order_id FROM duplicates)"),
    ("postgres", "id = (SELECT max(id) FROM orders)"),
    ("postgres", "total > 100"),
    ("postgres", "CURRENT OF cursor_of_orders"),
    ("oracle", "rownum <= 10"),
    ("mysql", "id = 5 LIMIT 1"),
    ("mysql", "true LIMIT 10"),
    ("mysql", "archived"),
    ("sqlite", "id AND done"),
    ("postgres", "total > 10 OR total < 5"),
    ("postgres", "id <> 5 AND total <> 6"),
]
NO_ROW = [("postgres", "false"), ("postgres", "1 = 0"), ("postgres", "id <> id"), ("postgres", "id = 5 AND false")]
LEVELS = [
    (level, dialect, condition)
    for level, conditions in (
        ("critical", EVERY_ROW),
        ("high", NEARLY_EVERY_ROW),
        ("medium", SOME_ROWS),
        ("low", NO_ROW),
    )
    for dialect, condition in conditions
]


def level_of(text, dialect="postgres", **facts):
    script = {"kind": "script", "language": "sql", "dialect": dialect, "content": text, **facts}
    assessed = assess_proposal(script)
    return assessed.level.value, assessed.findings


@pytest.mark.parametrize(("level", "dialect", "condition"), LEVELS)
def test_the_reach_of_a_condition(level, dialect, condition):
    alias = "" if dialect in ("mysql", "tsql") else " o"
    found, findings = level_of(f"DELETE FROM orders{alias} WHERE {condition}", dialect)
    assert found == level, findings


@pytest.mark.parametrize(
    ("level", "dialect", "text"),
    [
        ("critical", "postgres", "DELETE FROM orders USING customers"),
        ("critical", "postgres", "DELETE FROM orders USING customers WHERE customers.id = 5"),
        ("medium", "postgres", "DELETE FROM orders o USING customers c WHERE c.id = o.customer_id AND c.closed"),
        ("critical", "postgres", "UPDATE orders o SET a = c.b FROM customers c WHERE c.id = 5"),
        ("medium", "postgres", "UPDATE orders o SET a = c.b FROM customers c WHERE c.id = o.customer_id"),
        ("critical", "mysql", "UPDATE a, b SET a.x = b.x"),
        ("medium", "mysql", "UPDATE a JOIN b ON a.id = b.id SET a.x = b.x"),
        ("critical", "mysql", "UPDATE a LEFT JOIN b ON a.id = b.id SET a.x = b.x"),
        ("critical", "mysql", "DELETE a FROM a JOIN b"),
        ("medium", "mysql", "DELETE a FROM a JOIN b ON a.id = b.id WHERE b.closed = 1"),
        ("medium", "mysql", "UPDATE IGNORE a SET b = 1 WHERE c = 2"),
        ("medium", "mysql", "UPDATE a SET b = 1 ORDER BY c LIMIT 5"),
        ("medium", "tsql", "DELETE TOP (10) FROM dbo.orders"),
        ("medium", "tsql", "UPDATE TOP (10) dbo.orders SET a = 1"),
        ("critical", "tsql", "DELETE TOP (100) PERCENT FROM dbo.orders"),
        ("critical", "tsql", "UPDATE o SET a = 1 FROM dbo.orders o"),
        ("medium", "tsql", "UPDATE o SET a = 1 FROM dbo.orders o WHERE o.id = 5"),
        ("medium", "tsql", "DELETE o FROM dbo.orders o JOIN dbo.gone g ON g.id = o.id"),
        ("medium", "tsql", "WITH c AS (SELECT TOP 10 * FROM orders ORDER BY id) DELETE FROM c"),
        ("critical", "tsql", "WITH c AS (SELECT * FROM orders) DELETE FROM c"),
        ("medium", "sqlite", "UPDATE OR IGNORE orders SET a = 1 WHERE id = 5"),
        ("critical", "postgres", "MERGE INTO a USING b ON true WHEN MATCHED THEN UPDATE SET c = 1"),
        ("critical", "postgres", "MERGE INTO a USING b ON b.id = 5 WHEN MATCHED THEN DELETE"),
        ("medium", "postgres", "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET c = 1"),
    ],
)
def test_joins_and_limits(level, dialect, text):
    found, findings = level_of(text, dialect)
    assert found == level, findings
