"""What SQL touches: tables and other objects, databases, files, and hosts, as far as the text names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.statement import SqlStatement

_FILE_RULES = word_set(
    "sql.copy.file sql.function.server_file sql.attach sql.vacuum.into sql.server sql.extension sql.backup.lost"
)
_HOST_RULES = word_set("sql.remote sql.function.remote sql.replication sql.copy.program")
_DATABASE_VERBS = frozenset({"CREATE", "DROP", "ALTER", "BACKUP", "RESTORE"})
_HOST = re.compile(
    r"\b(?:host(?:addr)?|server|data source|address)\s*=\s*([^\s;,')]+)|\w+://(?:[^/@\s]*@)?([^/:\s'\"?]+)",
    re.IGNORECASE,
)
_PATH = re.compile(r"[^\n]{0,300}?(?:[\\/][^\n]*|\.\w{1,10})")


def names_touched(statement: SqlStatement, rules: Iterable[str]) -> dict[str, set[str]]:
    """Return what a statement touches, by the fields of `Touches`.

    Args:
        statement: An outer or inner statement.
        rules: The rules that have findings for it, which say whether its texts are paths or hosts.
    """
    fired = set(rules)
    found: dict[str, set[str]] = {"objects": set(_objects(statement))}
    if statement.verb == "USE":
        found["databases"] = {statement.name_after(1)}
    elif statement.verb in _DATABASE_VERBS and statement.keys[1:2] == ["DATABASE"]:
        found["databases"] = {statement.name_after(2)}
    texts = [token.text.strip("NEe").strip("'\"") for token in statement.tokens if token.kind == "string"]
    if not fired.isdisjoint(_FILE_RULES):
        found["paths"] = {text for text in texts if len(text) <= 300 and _PATH.fullmatch(text)}
    if not fired.isdisjoint(_HOST_RULES):
        found["hosts"] = set(_hosts(statement, texts))
    return found


def _hosts(statement: SqlStatement, texts: list[str]) -> Iterator[str]:
    for text in texts:
        for match in _HOST.finditer(text[:2_000]):
            yield match[1] or match[2]
    for index, key in enumerate(statement.keys[:-1]):
        if key in ("HOST", "HOSTADDR") and statement.tokens[index + 1].kind == "string":
            yield statement.tokens[index + 1].text.strip("'")


def _objects(statement: SqlStatement) -> Iterator[str]:
    if statement.verb in ("CREATE", "ALTER", "DROP", "COMMENT") and statement.object_name:
        yield statement.object_name
    yield from statement.targets
    if statement.tree is not None:
        made = {table.alias_or_name for table in statement.tree.find_all(exp.CTE)}
        for table in statement.tree.find_all(exp.Table):
            if not isinstance(table.this, exp.Func) and (table.db or table.name not in made) and table.name:
                yield ".".join(part.name for part in table.parts)
