"""Names of tables, for messages and comparisons."""

from __future__ import annotations

from typing import Any

from sqlglot import exp


def written_names(node: Any) -> list[str]:
    """Return the tables that a write affects, each once as in the text and without its alias."""
    tables = [
        table for table in (node.args.get("tables") or []) if isinstance(table, exp.Table) and table.name != "TOP"
    ]
    if not tables:
        return [name_of(node)]
    sources = {source.alias_or_name: name for source in node.find_all(exp.Table) if (name := _full_name(source))}
    return [sources.get(table.name, _full_name(table)) for table in tables]


def _full_name(table: exp.Table) -> str:
    return ".".join(_sign_of(part) + part.name for part in table.parts)


def _sign_of(part: Any) -> str:
    return "@" if isinstance(part, exp.Parameter) else "#" if part.args.get("temporary") else ""


def name_of(node: exp.Expression) -> str:
    """Return the table that a write affects."""
    target: Any = node.this
    if isinstance(target, exp.Schema):
        target = target.this
    if isinstance(target, exp.Table):
        return shortened(_full_name(target))
    return "the table"


def shortened(name: str) -> str:
    """Return a name that is short enough for a sentence."""
    return name if len(name) <= 80 else name[:77] + "…"
