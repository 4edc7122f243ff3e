"""Queries of PostgreSQL's catalog, for version 14 and later."""

from __future__ import annotations

from typing import Any

from workflows.database_maintenance.model import Scan, Schema

SEARCH_PATH = """
SELECT pg_catalog.current_schemas(true)::pg_catalog.text[], pg_catalog.current_setting('search_path')
"""

TABLES = """
SELECT c.oid::bigint, n.nspname, c.relname,
       n.nspname = (SELECT m.nspname FROM pg_class v JOIN pg_namespace m ON m.oid = v.relnamespace
                    WHERE v.relname = c.relname AND m.nspname = ANY(p.path)
                    ORDER BY array_position(p.path, m.nspname::text) LIMIT 1),
       CASE WHEN c.reltuples < 0 AND coalesce(s.n_live_tup, 0) = 0 THEN -1
            ELSE greatest(c.reltuples::bigint, s.n_live_tup) END,
       pg_table_size(c.oid),
       c.reltuples >= 0
FROM (SELECT %s::text[] AS path) AS p CROSS JOIN pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  AND NOT EXISTS (
    SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
"""

COLUMNS = """
SELECT attrelid::bigint, attname, format_type(atttypid, atttypmod)
FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum
"""

INDEXES = """
SELECT i.indrelid::bigint, c.relname, am.amname, i.indisunique, i.indisvalid AND i.indisready, pg_relation_size(c.oid),
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) AS k ORDER BY k),
       ARRAY(SELECT i.indoption[k - 1]::int FROM generate_series(1, i.indnkeyatts) AS k ORDER BY k),
       ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE o.opcname::text END
             FROM generate_series(1, i.indnkeyatts) AS k JOIN pg_opclass o ON o.oid = i.indclass[k - 1] ORDER BY k),
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true)
             FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS k ORDER BY k),
       pg_get_expr(i.indpred, i.indrelid, true)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
WHERE i.indislive
"""

RELATIONS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
"""

STATISTICS_VIEW = """
SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'pg_stat_statements' AND c.relkind IN ('v', 'r', 'm')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname LIMIT 1
"""

SLOW_STATEMENTS = """
SELECT s.queryid, s.query, s.calls, s.mean_exec_time
FROM {view} AS s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND s.calls > 0 AND s.mean_exec_time >= %(min_ms)s
  AND s.query ~* '^\\s*(/\\*.*?\\*/\\s*)*(select|with)\\y'
ORDER BY s.total_exec_time DESC LIMIT %(limit)s
"""

HIDDEN_STATEMENTS = """
SELECT count(*), quote_ident(current_user)
FROM {view} AS s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND s.query = '<insufficient privilege>'
"""

COLUMN_VALUES = """
SELECT s.most_common_vals::text::text[], s.histogram_bounds::text::text[]
FROM pg_stats s WHERE s.schemaname = %s AND s.tablename = %s AND s.attname = %s
"""

STALE = """
SELECT schemaname, relname,
       CASE WHEN analyzed IS NULL THEN 'never analyzed'
            WHEN n_mod_since_analyze > 0.1 * greatest(n_live_tup, 1) THEN
                 format('%%s rows changed since the last analysis', n_mod_since_analyze)
            ELSE format('last analyzed %%s days ago, changed since', age) END,
       age
FROM (SELECT *, extract(day FROM now() - analyzed)::int AS age
      FROM (SELECT *, greatest(last_analyze, last_autoanalyze) AS analyzed FROM pg_stat_user_tables) AS dated) AS aged
WHERE n_live_tup + n_mod_since_analyze > 0
  AND (analyzed IS NULL OR n_mod_since_analyze > 0.1 * greatest(n_live_tup, 1)
       OR (age >= %(days)s AND n_mod_since_analyze > 0))
ORDER BY n_mod_since_analyze DESC
"""


def estimated_scans(plan: dict[str, Any], schema: Schema) -> list[Scan]:
    """Return the scans of a plan that was not run; a sequential scan reads the whole table."""
    scans = []
    if plan["Node Type"] == "Seq Scan":
        name, place = plan["Relation Name"], plan.get("Schema", "")
        table = schema.find(name, place)
        rows = table.rows if table else 0
        scans.append(Scan(table=name, schema_name=place, kind="seq scan", read=rows, kept=plan["Plan Rows"]))
    elif plan["Node Type"] == "Sort":
        scans.append(Scan(table="", kind="sort", read=plan["Plan Rows"], kept=plan["Plan Rows"]))
    for child in plan.get("Plans", ()):
        scans += estimated_scans(child, schema)
    return scans
