"""SQL as one of the languages that are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from app.risk.reading import Reading
from app.risk.sql.script import sql_findings


def read(text: str, reading: Reading) -> None:
    """Read SQL.

    Options: ``dialect``, ``server_version``, and ``rows``, the number of rows by table name in lower case.
    """
    rows = cast(Mapping[str, Any], reading.options.get("rows") or {})
    dialect, version = (str(reading.options.get(name) or "") for name in ("dialect", "server_version"))
    reading.take(sql_findings(text, dialect, rows, reading.budget, version))
    reading.doubt()
