"""Assesses proposals: what is risky about them, line by line, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.domain.calls import is_made
from app.domain.risk import Assessment, Finding, assess
from app.risk.budget import Budget, sql_findings
from app.risk.rules import declare
from app.risk.text import fields_findings, strings_in, text_findings
from app.risk.tools import tool_findings
from assent.contracts import RiskLevel, calls_of

NO_ANALYSER = declare("script.no_analyser", RiskLevel.HIGH, "A script in a language that is not looked into.")
UNKNOWN = declare(
    "custom.unknown", RiskLevel.MEDIUM, "A proposal of no known kind; what it leads to is not known here."
)
MALFORMED = declare("proposal.malformed", RiskLevel.HIGH, "A proposal that is not what its kind says.")
FLOOR_UNKNOWN = declare(
    "proposal.floor_unknown", RiskLevel.HIGH, "A proposal demands a least risk that is no known level."
)

_SQL_LANGUAGES = frozenset(
    {"sql", "postgres", "postgresql", "plpgsql", "sqlite", "mysql", "mariadb", "tsql", "plsql", "pgsql"}
)
_PLACES_PER_RULE = 20


def assess_proposal(document: Any) -> Assessment:
    """The risk of a proposal.

    Args:
        document: the JSON of a proposal of `assent.contracts`, or any other JSON value.

    Never raises. What is not understood is never safe; the document's `risk_floor` is the least level.
    """
    floor = RiskLevel.SAFE
    found: list[Finding] = []
    if isinstance(document, Mapping):
        floor, complaint = _floor(document.get("risk_floor"))
        found += complaint
    return assess(_fewer([*found, *_findings(document)]), floor)


def _floor(value: Any) -> tuple[RiskLevel, list[Finding]]:
    if value is None:
        return RiskLevel.SAFE, []
    try:
        return RiskLevel(value), []
    except ValueError:
        return RiskLevel.HIGH, [
            FLOOR_UNKNOWN.finding("The least risk the proposal demands is no known level; high is taken.")
        ]


def _findings(document: Any) -> Iterator[Finding]:
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(kind, str) or kind not in _KINDS:
        yield from fields_findings(strings_in(document))
        yield UNKNOWN.finding("What would happen with this value is not known here.")
        return
    code = _CODE_FIELDS.get(kind)
    yield from fields_findings(strings_in({key: value for key, value in document.items() if key != code}))
    yield from _KINDS[kind](document)


def _script(document: Mapping[str, Any]) -> Iterator[Finding]:
    content = document.get("content")
    if not isinstance(content, str):
        yield MALFORMED.finding("A script without a text.")
        return
    yield from text_findings(content)
    yield from _code(content, document, Budget())


def _code(content: str, document: Mapping[str, Any], budget: Budget, default: str = "") -> Iterator[Finding]:
    language = str(document.get("language") or default).strip().lower()
    if language in _SQL_LANGUAGES:
        dialect = str(document.get("dialect") or ("" if language == "sql" else language))
        yield from sql_findings(content, dialect, _rows(document.get("tables")), budget)
    else:
        name = language[:40] or "an unnamed language"
        yield NO_ANALYSER.finding(f"Nothing in this script has been checked: there is no analyser for {name}.")


def _rows(tables: Any) -> dict[str, int]:
    rows: dict[str, int] = {}
    for name, facts in tables.items() if isinstance(tables, Mapping) else ():
        count = facts.get("rows") if isinstance(facts, Mapping) else None
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            plain = str(name).lower().replace('"', "").rsplit(".", 1)[-1]
            # Of two tables of one name in different schemas the larger one counts.
            rows[plain] = max(count, rows.get(plain, 0))
    return rows


def _optimizations(document: Mapping[str, Any]) -> Iterator[Finding]:
    items = document.get("items")
    if not isinstance(items, list) or not items:
        yield MALFORMED.finding("A set of changes without any.")
        return
    budget = Budget()
    for item in items:
        name = str(item.get("id", ""))[:100] if isinstance(item, Mapping) else ""
        for found in _item(item, document, budget):
            yield replace(found, item=name)


def _item(item: Any, document: Mapping[str, Any], budget: Budget) -> Iterator[Finding]:
    statement = item.get("statement") if isinstance(item, Mapping) else None
    if not isinstance(statement, str):
        yield MALFORMED.finding("A change without a statement.")
        return
    yield from text_findings(statement)
    yield from fields_findings(strings_in({key: value for key, value in item.items() if key != "statement"}))
    yield from _code(statement, document, budget, default="sql")
    rollback = item.get("rollback")
    if isinstance(rollback, str) and rollback.strip():
        for found in _code(rollback, document, budget, default="sql"):
            # Undoing a change is expected to lock and to drop what it made; losing data is not.
            if found.severity is RiskLevel.CRITICAL or found.rule in ("sql.unparsed", "sql.too_large"):
                yield replace(found, message=f"Should it be rolled back: {found.message}", line=None)


def _tool_call(document: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _call(document, Budget())


def _call(call: Mapping[str, Any], budget: Budget) -> Iterator[Finding]:
    tool = call.get("tool")
    if not isinstance(tool, str):
        yield MALFORMED.finding("A tool call without a tool.")
    elif is_made(dict(call)):
        # What reviewers leave out or answer themselves does nothing.
        yield from tool_findings(tool, call.get("args"), budget)


def _tool_calls(document: Mapping[str, Any]) -> Iterator[Finding]:
    calls = calls_of(document)
    if not calls:
        yield MALFORMED.finding("A set of calls without any.")
    budget = Budget()
    for call in calls:
        name = str(call.get("id", ""))[:100]
        for found in (*fields_findings(strings_in(call)), *_call(call, budget)):
            yield replace(found, item=f"{name}/{found.item}" if found.item else name)


def _question(document: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(document.get("question"), str):
        yield MALFORMED.finding("A question without a text.")


def _custom(document: Mapping[str, Any]) -> Iterator[Finding]:
    yield UNKNOWN.finding("What would happen with this value is not known here.")


_KINDS = {
    "script": _script,
    "optimizations": _optimizations,
    "tool_call": _tool_call,
    "tool_calls": _tool_calls,
    "question": _question,
    "custom": _custom,
}
_CODE_FIELDS = {"script": "content", "optimizations": "items", "tool_calls": "calls"}


def _fewer(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Each finding once, and of one rule in one text the first places only, with how many more there are."""
    seen: set[tuple[str, RiskLevel, str, int | None, str]] = set()
    counts: Counter[tuple[str, RiskLevel, str]] = Counter()
    last: dict[tuple[str, RiskLevel, str], Finding] = {}
    for found in findings:
        identity = (found.rule, found.severity, found.message, found.line, found.item)
        group = (found.rule, found.severity, found.item)
        if identity in seen:
            continue
        seen.add(identity)
        counts[group] += 1
        if counts[group] <= _PLACES_PER_RULE:
            yield found
        else:
            last[group] = found
    for group, found in last.items():
        more = counts[group] - _PLACES_PER_RULE
        yield replace(found, message=f"The same at {more:,} further places, the last one here. {found.message}")
