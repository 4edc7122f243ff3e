"""SQL as one of the languages that are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from app.risk.languages import language_named
from app.risk.reading import Reading
from app.risk.sql.script import Script
from app.risk.sql.statement import dialect_named

LONGEST = 400_000
"""The most characters in which the beginnings of statements are looked at."""


def read(text: str, reading: Reading) -> None:
    """Read SQL.

    Options: ``dialect``, ``server_version``, and ``rows``, the number of rows by table name in lower case.
    """
    if len(text) > LONGEST:
        # What is too large is not parsed anyway; even its beginnings would take too long.
        text = text[:LONGEST]
    rows = cast(Mapping[str, Any], reading.options.get("rows") or {})
    dialect, version = (str(reading.options.get(name) or "") for name in ("dialect", "server_version"))
    script = Script(text, dialect_named(dialect), rows, reading.budget, version)
    reading.take(script.findings())
    reading.touch(**script.touched)
    if script.doubtful:
        reading.doubt()
    if language_named("shell"):
        for command, line in script.shells:
            reading.read("shell", command, line, fixed=True, within="In the shell command: ")
