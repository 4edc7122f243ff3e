"""Reads the plans of PostgreSQL's EXPLAIN (FORMAT JSON) and SQLite's EXPLAIN QUERY PLAN."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from workflows.database_maintenance.model import Measurement, Scan

_BUFFERS = ("Shared Hit Blocks", "Shared Read Blocks", "Local Hit Blocks", "Local Read Blocks")
_SQLITE_INDEX = re.compile(r"USING (?:COVERING )?INDEX (.+?)(?: \(.*\))?(?: LEFT-JOIN)?$")
_SQLITE_SCAN = re.compile(r"^SCAN (?:TABLE )?(.+?)(?: USING .*)?(?: LEFT-JOIN)?$")
_SQLITE_RANGE = re.compile(r"^SEARCH (?:TABLE )?(.+?) USING .*\([^=]*\)(?: LEFT-JOIN)?$")
"""A search limited only by a range; SQLite does not say how much of the table it reads, so all is assumed."""
_SQLITE_AUTOMATIC = re.compile(r"^SEARCH (?:TABLE )?(.+?) USING AUTOMATIC")


def read_postgres(document: list[dict[str, Any]]) -> Measurement:
    """Return the measurement in the output of EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)."""
    root = document[0]
    plan = root["Plan"]
    scans = [scan for node in _nodes(plan) if (scan := _scan(node)) is not None]
    indexes = sorted({node["Index Name"] for node in _nodes(plan) if "Index Name" in node})
    return Measurement(
        ms=root.get("Execution Time", 0.0),
        buffers=sum(plan.get(name, 0) for name in _BUFFERS),
        scans=scans,
        indexes=indexes,
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _scan(node: dict[str, Any]) -> Scan | None:
    loops = max(1, node.get("Actual Loops", 1))
    kept = round(node.get("Actual Rows", 0) * loops)
    if node["Node Type"] in ("Sort", "Incremental Sort"):
        read = round(
            sum(child.get("Actual Rows", 0) * max(1, child.get("Actual Loops", 1)) for child in node.get("Plans", ()))
        )
        return Scan(table="", kind="sort", read=read, kept=kept)
    if "Relation Name" not in node:
        return None
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return Scan(
        table=node["Relation Name"],
        schema_name=node.get("Schema", ""),
        kind=node["Node Type"].lower(),
        read=kept + round(removed * loops),
        kept=kept,
    )


def read_sqlite(details: Sequence[str], aliases: dict[str, str], rows: dict[str, int], ms: float) -> Measurement:
    """Return the measurement for EXPLAIN QUERY PLAN.

    SQLite counts nothing, so that a scan reads a whole table, and how many rows it keeps is not known.

    Args:
        aliases: the tables of the query by the names that it gives them; all in lowercase.
        rows: the sizes of the tables, by their names in lowercase.
    """
    scans, indexes = [], set()
    largest = 0
    for detail in details:
        named = _SQLITE_INDEX.search(detail)
        if named:
            indexes.add(named[1])
        read = next((m for p in (_SQLITE_AUTOMATIC, _SQLITE_RANGE, _SQLITE_SCAN) if (m := p.match(detail))), None)
        if read:
            table = aliases.get(read[1].lower(), read[1].lower())
            largest = max(largest, rows.get(table, 0))
            scans.append(Scan(table=table, kind="scan", read=rows.get(table, 0), kept=None))
        elif "USE TEMP B-TREE FOR" in detail:
            scans.append(Scan(table="", kind="sort", read=max(largest, 1000), kept=None))
    return Measurement(ms=ms, scans=scans, indexes=sorted(indexes))
