"""Risk assessment of proposals: findings in plain words, with their lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from app.domain.calls import is_made
from app.domain.reading_tools import NO_TOOLS, ReadingTools
from app.domain.risk import Assessment, Finding, assess, floor_of, is_level
from app.domain.text import plural
from app.risk.languages import language_named
from app.risk.plans import read_step
from app.risk.reading import Reading
from app.risk.resemblance import call_text, second_opinion
from app.risk.rules import declare
from app.risk.text import fields_findings, strings_in, text_findings
from app.risk.tools import is_ordinary, read_call
from assent.contracts import RiskLevel, calls_of

UNKNOWN = declare(
    "custom.unknown", RiskLevel.MEDIUM, "A proposal of an unknown kind; its effects are unknown.", unread=True
)
MALFORMED = declare(
    "proposal.malformed", RiskLevel.HIGH, "A proposal that does not have the form of its kind.", unread=True
)
FLOOR_UNKNOWN = declare(
    "proposal.floor_unknown",
    RiskLevel.HIGH,
    "A proposal sets a minimum risk that is not a known risk level.",
    unread=True,
)

_FINDINGS_PER_RULE = 20


def assess_proposal(document: Any, tools: ReadingTools = NO_TOOLS) -> Assessment:
    """Assess the risk of a proposal.

    Args:
        document: The JSON of a proposal as in `assent.contracts`, or any other JSON value.
        tools: The tools that the policy registers as reading. Nothing in the document can register one.

    Never raises. Anything that cannot be analyzed is never safe. The document's `risk_floor` is the minimum risk level.
    """
    reading = Reading(tools=tools)
    stated = document.get("risk_floor") if isinstance(document, Mapping) else None
    if stated is not None and not is_level(stated):
        words = "The proposal's minimum risk is not a known risk level, so high is used."
        reading.take([FLOOR_UNKNOWN.finding(words)])
    _read(document, reading)
    return assess(_fewer(reading.findings), floor_of(document), reading.understood, reading.touches)


def assess_unread(document: Any, finding: Finding) -> Assessment:
    """Assess a proposal that cannot be read, for the reason that the finding gives."""
    return assess([finding], floor_of(document))


def has_code(document: Any) -> bool:
    """Return True if a proposal may contain code, so that assessing it may take long."""
    return isinstance(document, Mapping) and document.get("kind") in (
        "script",
        "optimizations",
        "tool_call",
        "tool_calls",
        "plan",
    )


def _read(document: Any, reading: Reading) -> None:
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(kind, str) or kind not in _KINDS:
        reading.take(fields_findings(strings_in(document)))
        reading.add(UNKNOWN, "The effects of this value are unknown.")
        return
    code = _CODE_FIELDS.get(kind)
    reading.take(fields_findings(strings_in({key: value for key, value in document.items() if key != code})))
    _KINDS[kind](document, reading)


def _script(document: Mapping[str, Any], reading: Reading) -> None:
    content = document.get("content")
    if not isinstance(content, str):
        reading.add(MALFORMED, "The script has no text.")
        return
    with second_opinion(reading, content, is_known=partial(_writes_named_rows, content, document)):
        reading.take(text_findings(content))
        _read_code(content, document, reading)


def _read_code(content: str, document: Mapping[str, Any], reading: Reading, default: str = "") -> None:
    language, dialect = _language(document, default)
    rows = _rows(document.get("tables"))
    reading.read(language, content, dialect=dialect, rows=rows, server_version=document.get("server_version"))


def _language(document: Mapping[str, Any], default: str) -> tuple[str, str]:
    language = str(document.get("language") or default).strip().lower()
    return language, str(document.get("dialect") or ("" if language == "sql" else language))


def _writes_named_rows(content: str, document: Mapping[str, Any], default: str = "") -> bool:
    language, dialect = _language(document, default)
    if language_named(language) != "sql":
        return False
    # With the first SQL only, as its reader: not every process reads any.
    from app.risk.sql.named_rows import writes_named_rows
    from app.risk.sql.statement import dialect_named

    return writes_named_rows(content, dialect_named(dialect))


def _rows(tables: Any) -> dict[str, int]:
    rows: dict[str, int] = {}
    for name, facts in tables.items() if isinstance(tables, Mapping) else ():
        count = facts.get("rows") if isinstance(facts, Mapping) else None
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            plain = str(name).lower().replace('"', "").rsplit(".", 1)[-1]
            # If tables in different schemas have the same name, the largest one counts.
            rows[plain] = max(count, rows.get(plain, 0))
    return rows


def _optimizations(document: Mapping[str, Any], reading: Reading) -> None:
    items = document.get("items")
    if not isinstance(items, list) or not items:
        reading.add(MALFORMED, "The set of changes is empty.")
        return
    for item in items:
        with reading.at_item(str(item.get("id", ""))[:100] if isinstance(item, Mapping) else ""):
            _read_item(item, document, reading)


def _read_item(item: Any, document: Mapping[str, Any], reading: Reading) -> None:
    statement = item.get("statement") if isinstance(item, Mapping) else None
    if not isinstance(statement, str):
        reading.add(MALFORMED, "The change has no statement.")
        return
    known = partial(_writes_named_rows, statement, document, default="sql")
    with second_opinion(reading, statement, is_known=known):
        reading.take(text_findings(statement))
        reading.take(fields_findings(strings_in({key: value for key, value in item.items() if key != "statement"})))
        _read_code(statement, document, reading, default="sql")
    rollback = item.get("rollback")
    if isinstance(rollback, str) and rollback.strip():
        back = Reading(reading.budget)
        _read_code(rollback, document, back, default="sql")
        if not back.understood:
            reading.doubt()
        for found in back.findings:
            # A rollback is expected to take locks and to drop what the change created, but not to lose data.
            if found.severity is RiskLevel.CRITICAL or (found.unread and found.severity.rank >= RiskLevel.HIGH.rank):
                reading.take([replace(found, message=f"If it is rolled back: {found.message}", line=None)])


def _tool_call(call: Mapping[str, Any], reading: Reading, first: int | None = None) -> None:
    tool = call.get("tool")
    if not isinstance(tool, str):
        reading.add(MALFORMED, "The tool call names no tool.")
    elif is_made(dict(call)):
        # Tool calls that reviewers exclude or answer themselves have no effect.
        args = call.get("args")
        with second_opinion(reading, call_text(tool, args), is_ordinary(tool, args)):
            read_call(tool, args, reading, first)


def _tool_calls(document: Mapping[str, Any], reading: Reading) -> None:
    calls = calls_of(document)
    if not calls:
        reading.add(MALFORMED, "The set of tool calls is empty.")
    first = len(reading.findings)
    for call in calls:
        with reading.at_item(str(call.get("id", ""))[:100]):
            reading.take(fields_findings(strings_in(call)))
            _tool_call(call, reading, first)


def _plan(document: Mapping[str, Any], reading: Reading) -> None:
    steps = document.get("steps")
    if not isinstance(steps, list) or not steps:
        reading.add(MALFORMED, "The plan has no steps.")
        return
    first = len(reading.findings)
    for step in steps:
        with reading.at_item(str(step.get("id", ""))[:100] if isinstance(step, Mapping) else ""):
            if isinstance(step, Mapping):
                read_step(step, reading, first)
            else:
                reading.add(MALFORMED, "The step does not have the form of a step.")


def _question(document: Mapping[str, Any], reading: Reading) -> None:
    reading.doubt()
    if not isinstance(document.get("question"), str):
        reading.add(MALFORMED, "The question has no text.")


def _custom(document: Mapping[str, Any], reading: Reading) -> None:
    reading.add(UNKNOWN, "The effects of this value are unknown.")


_KINDS: dict[str, Callable[[Mapping[str, Any], Reading], None]] = {
    "script": _script,
    "optimizations": _optimizations,
    "tool_call": _tool_call,
    "tool_calls": _tool_calls,
    "plan": _plan,
    "question": _question,
    "custom": _custom,
}
_CODE_FIELDS = {"script": "content", "optimizations": "items", "tool_calls": "calls", "plan": "steps"}


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
