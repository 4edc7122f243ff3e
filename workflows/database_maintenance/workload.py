"""The queries to examine, from a workload text or file, or from the target's own statement statistics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from workflows.database_maintenance.files import OutsideError, inside
from workflows.database_maintenance.model import Query, Skipped
from workflows.database_maintenance.sqltext import is_read_only, parse_one, split_statements

MAX_BYTES = 5_000_000
_SUFFIXES = {".json", ".sql"}
_SQL = re.compile(r"[\n;]|\A(?:(?:select|with|values)\b|--)", re.IGNORECASE)
_NOTE = re.compile(r"--\s*(name|weight)\s*:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


class WorkloadError(ValueError):
    """The workload cannot be used; the message never contains parts of a file."""


def load_workload(workload: str, dialect: str) -> tuple[list[Query], list[Skipped]]:
    """Return the queries of a workload, and those left out, with the reasons.

    Args:
        workload: name of a .json or .sql file in the operator's directory, or the text itself. JSON: a list of
            strings, or of objects with ``sql`` and optionally ``name`` and ``weight`` (or ``calls``), or an object with
            such a list as ``queries``. SQL: statements, each optionally after ``-- name: …`` and ``-- weight: …``.

    Raises:
        WorkloadError: it is missing, outside the directory, too large, or cannot be read.
    """
    text, suffix = _text_of(workload)
    entries = _from_json(text) if suffix == ".json" else _from_sql(text, dialect)
    queries, skipped = [], []
    for number, (name, sql, weight) in enumerate(entries, start=1):
        label = name or f"query {number}"
        reason = unusable(sql, dialect)
        if reason:
            skipped.append(Skipped(name=label, reason=reason))
        else:
            queries.append(Query(id=f"q{number}", name=label, sql=sql.strip().rstrip(";"), weight=weight))
    return queries, skipped


def unusable(sql: str, dialect: str) -> str:
    """Return why a query cannot be measured; empty if it can."""
    try:
        tree = parse_one(sql, dialect)
    except ValueError as error:
        return str(error)
    return "" if is_read_only(tree) else "it may change data, so it is not run"


def file_named(workload: str) -> Path | None:
    """Return the file that a workload names; None if it is the text itself, or empty.

    Raises:
        WorkloadError: the file is not in the operator's directory, or has the wrong ending.
    """
    stripped = workload.strip()
    if not stripped or stripped[0] in "[{" or _SQL.search(stripped):
        return None
    try:
        path = inside(stripped)
    except OutsideError as error:
        raise WorkloadError(f"The workload file {error}") from error
    if path.suffix.lower() not in _SUFFIXES:
        raise WorkloadError("The name of a workload file must end in .json or .sql.")
    return path


def _text_of(workload: str) -> tuple[str, str]:
    path = file_named(workload)
    if path is not None:
        return _read(path), path.suffix.lower()
    stripped = workload.strip()
    if not stripped:
        raise WorkloadError("There is no workload.")
    return stripped, ".json" if stripped[0] in "[{" else ".sql"


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise WorkloadError(f"There is no workload file {path.name} in the worker's maintenance directory.")
        if path.stat().st_size > MAX_BYTES:
            raise WorkloadError(f"The workload file is larger than {MAX_BYTES:,} bytes.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkloadError(f"The workload file {path.name} cannot be read ({type(error).__name__}).") from error


def _from_json(text: str) -> list[tuple[str, str, float]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WorkloadError("The workload is not valid JSON.") from error
    if isinstance(document, dict):
        document = document.get("queries")
    if not isinstance(document, list):
        raise WorkloadError("A JSON workload must be a list of queries, or an object with the list as 'queries'.")
    return [_entry(entry, number) for number, entry in enumerate(document, start=1)]


def _entry(value: Any, number: int) -> tuple[str, str, float]:
    if isinstance(value, str):
        return "", value, 1.0
    sql = value.get("sql") or value.get("query") if isinstance(value, dict) else None
    if not isinstance(sql, str):
        raise WorkloadError(f"Entry {number} of the workload has no text under 'sql'.")
    return str(value.get("name") or "")[:200], sql, _weight(value.get("weight", value.get("calls", 1)), number)


def _weight(value: Any, number: int) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = -1.0
    if not 0 < weight < 1e15:
        raise WorkloadError(f"The weight of entry {number} of the workload is not a positive number.")
    return weight


def _from_sql(text: str, dialect: str) -> list[tuple[str, str, float]]:
    try:
        statements = split_statements(text, dialect)
    except ValueError as error:
        raise WorkloadError("The workload cannot be parsed as SQL.") from error
    entries = []
    for number, statement in enumerate(statements, start=1):
        notes = {key.lower(): value for key, value in _NOTE.findall(statement)}
        sql = _NOTE.sub("", statement).strip()
        entries.append((notes.get("name", ""), sql, _weight(notes.get("weight", 1), number)))
    return entries
