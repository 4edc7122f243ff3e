"""The languages that can be read. Their readers are imported on first use, because parsers take memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.risk.reading import Reading

Reader = Callable[[str, "Reading"], None]
"""Reads a text and adds what it finds to the reading. It may raise anything; see `Reading.read`."""

_MODULES = {
    "crontab": "app.risk.documents.crontab",
    "cypher": "app.risk.stores.cypher",
    "dockerfile": "app.risk.documents.dockerfile",
    "json": "app.risk.documents.terraform_plan",
    "mongo": "app.risk.stores.mongo",
    "redis": "app.risk.stores.redis",
    "shell": "app.risk.shell.reader",
    "python": "app.risk.python.reader",
    "powershell": "app.risk.powershell.reader",
    "sql": "app.risk.sql.reader",
    "yaml": "app.risk.documents.manifests",
}
"""Modules with a function ``read(text, reading)``."""
_NAMES = {
    "shell": "sh bash zsh ksh dash ash shellscript console terminal",
    "powershell": "pwsh ps1 posh powershell_core",
    "python": "py python3 python2 ipython jupyter",
    "crontab": "cron cronjob",
    "cypher": "neo4j",
    "dockerfile": "docker containerfile",
    "json": "terraform terraform_plan tfplan",
    "yaml": "yml kubernetes k8s github_actions gitlab_ci compose docker_compose helm",
    "mongo": "mongodb mongosh",
    "redis": "redis-cli redis_cli valkey",
    "sql": (
        "postgres postgresql plpgsql sqlite mysql mariadb tsql plsql pgsql mssql oracle bigquery snowflake redshift "
        "duckdb clickhouse cockroachdb sqlserver"
    ),
}
LIMITS_ITSELF = frozenset({"sql"})
"""Languages whose readers read what they can of a text that is too large."""
_ALIASES = {alias: name for name, aliases in _NAMES.items() for alias in aliases.split()}


def language_named(name: str) -> str:
    """Return our name of a language; empty if it cannot be read."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    plain = _ALIASES.get(plain, plain)
    return plain if plain in _MODULES else ""


@cache
def reader_of(language: str) -> Reader:
    """Return the reader of a language, by the name that `language_named` returns."""
    reader: Reader = import_module(_MODULES[language]).read
    return reader
