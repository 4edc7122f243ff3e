"""Risk assessment of proposals: findings in plain words, with their lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.domain.calls import is_made
from app.domain.risk import Assessment, Finding, assess
from app.domain.text import plural
from app.risk.budget import Budget, sql_findings
from app.risk.rules import declare
from app.risk.text import fields_findings, strings_in, text_findings
from app.risk.tools import tool_findings
from assent.contracts import RiskLevel, calls_of

NO_ANALYSER = declare("script.no_analyser", RiskLevel.HIGH, "A script in a language that cannot be analyzed.")
UNKNOWN = declare("custom.unknown", RiskLevel.MEDIUM, "A proposal of an unknown kind; its effects are unknown.")
MALFORMED = declare("proposal.malformed", RiskLevel.HIGH, "A proposal that does not have the form of its kind.")
FLOOR_UNKNOWN = declare(
    "proposal.floor_unknown", RiskLevel.HIGH, "A proposal sets a minimum risk that is not a known risk level."
)

_SQL_LANGUAGES = frozenset(
    {"sql", "postgres", "postgresql", "plpgsql", "sqlite", "mysql", "mariadb", "tsql", "plsql", "pgsql"}
)
_FINDINGS_PER_RULE = 20


def assess_proposal(document: Any) -> Assessment:
    """Assess the risk of a proposal.

    Args:
        document: The JSON of a proposal as in `assent.contracts`, or any other JSON value.

    Never raises. Anything that cannot be analyzed is never safe. The document's `risk_floor` is the minimum risk level.
    """
    floor = RiskLevel.SAFE
    found: list[Finding] = []
    if isinstance(document, Mapping):
        floor, problems = _floor(document.get("risk_floor"))
        found += problems
    return assess(_fewer([*found, *_findings(document)]), floor)


def _floor(value: Any) -> tuple[RiskLevel, list[Finding]]:
    if value is None:
        return RiskLevel.SAFE, []
    try:
        return RiskLevel(value), []
    except ValueError:
        return RiskLevel.HIGH, [
            FLOOR_UNKNOWN.finding("The proposal's minimum risk is not a known risk level, so high is used.")
        ]


def _findings(document: Any) -> Iterator[Finding]:
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(kind, str) or kind not in _KINDS:
        yield from fields_findings(strings_in(document))
        yield UNKNOWN.finding("The effects of this value are unknown.")
        return
    code = _CODE_FIELDS.get(kind)
    yield from fields_findings(strings_in({key: value for key, value in document.items() if key != code}))
    yield from _KINDS[kind](document)


def _script(document: Mapping[str, Any]) -> Iterator[Finding]:
    content = document.get("content")
    if not isinstance(content, str):
        yield MALFORMED.finding("The script has no text.")
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
        yield NO_ANALYSER.finding(f"This script has not been checked, because {name} cannot be analyzed.")


def _rows(tables: Any) -> dict[str, int]:
    rows: dict[str, int] = {}
    for name, facts in tables.items() if isinstance(tables, Mapping) else ():
        count = facts.get("rows") if isinstance(facts, Mapping) else None
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            plain = str(name).lower().replace('"', "").rsplit(".", 1)[-1]
            # If tables in different schemas have the same name, the largest one counts.
            rows[plain] = max(count, rows.get(plain, 0))
    return rows


def _optimizations(document: Mapping[str, Any]) -> Iterator[Finding]:
    items = document.get("items")
    if not isinstance(items, list) or not items:
        yield MALFORMED.finding("The set of changes is empty.")
        return
    budget = Budget()
    for item in items:
        name = str(item.get("id", ""))[:100] if isinstance(item, Mapping) else ""
        for found in _item(item, document, budget):
            yield replace(found, item=name)


def _item(item: Any, document: Mapping[str, Any], budget: Budget) -> Iterator[Finding]:
    statement = item.get("statement") if isinstance(item, Mapping) else None
    if not isinstance(statement, str):
        yield MALFORMED.finding("The change has no statement.")
        return
    yield from text_findings(statement)
    yield from fields_findings(strings_in({key: value for key, value in item.items() if key != "statement"}))
    yield from _code(statement, document, budget, default="sql")
    rollback = item.get("rollback")
    if isinstance(rollback, str) and rollback.strip():
        for found in _code(rollback, document, budget, default="sql"):
            # A rollback is expected to take locks and to drop what the change created, but not to lose data.
            if found.severity is RiskLevel.CRITICAL or found.rule in ("sql.unparsed", "sql.too_large"):
                yield replace(found, message=f"If it is rolled back: {found.message}", line=None)


def _tool_call(document: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _call(document, Budget())


def _call(call: Mapping[str, Any], budget: Budget) -> Iterator[Finding]:
    tool = call.get("tool")
    if not isinstance(tool, str):
        yield MALFORMED.finding("The tool call names no tool.")
    elif is_made(dict(call)):
        # Tool calls that reviewers exclude or answer themselves have no effect.
        yield from tool_findings(tool, call.get("args"), budget)


def _tool_calls(document: Mapping[str, Any]) -> Iterator[Finding]:
    calls = calls_of(document)
    if not calls:
        yield MALFORMED.finding("The set of tool calls is empty.")
    budget = Budget()
    for call in calls:
        name = str(call.get("id", ""))[:100]
        for found in (*fields_findings(strings_in(call)), *_call(call, budget)):
            yield replace(found, item=f"{name}/{found.item}" if found.item else name)


def _question(document: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(document.get("question"), str):
        yield MALFORMED.finding("The question has no text.")


def _custom(document: Mapping[str, Any]) -> Iterator[Finding]:
    yield UNKNOWN.finding("The effects of this value are unknown.")


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
    """Drop duplicates, and keep only the first findings of a rule in one text, with the number of the others."""
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
        if counts[group] <= _FINDINGS_PER_RULE:
            yield found
        else:
            last[group] = found
    for group, found in last.items():
        more = counts[group] - _FINDINGS_PER_RULE
        yield replace(
            found, message=f"The same applies in {plural(more, 'more place')}, the last of them here. {found.message}"
        )
