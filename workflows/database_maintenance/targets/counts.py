"""Compares a backup's content with its source."""

from __future__ import annotations


def compare(original: dict[str, int], restored: dict[str, int]) -> str:
    """Return the first difference between the row counts of two databases, in words; empty: none."""
    for table, rows in original.items():
        if table not in restored:
            return f"table {table} is missing"
        if restored[table] != rows:
            return f"table {table} has {restored[table]:,} rows, not {rows:,}"
    return ""
