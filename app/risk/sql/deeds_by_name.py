"""What the name of a function or procedure says that it does, where nothing else is known about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.code import is_known_procedure
from app.risk.sql.queries import unknown_functions
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_DESTROYS = word_set("drop purge truncate wipe destroy erase delete clean clear remove undo flush reset expunge nuke")
_STRONG = word_set("drop purge truncate wipe destroy erase delete nuke")
_WHOLES = word_set(
    "queue queues partition partitions table tables schema schemas database databases db shard shards topic topics "
    "stream streams index indexes collection collections bucket buckets chunk chunks backup backups "
    "history audit trail snapshot snapshots tenant hypertable archive log logs"
)
_ABOUT = word_set(
    "stats statistics cache constraint constraints column policy name job schedule subscription label tag"
)
_WORD = re.compile(r"[a-z]+|[0-9]+")


def said_by_name(name: str) -> str:
    """Return ``whole`` if a name in lower case says that everything of something is lost, ``some`` if it deletes.

    Otherwise, the result is empty.
    """
    words = _WORD.findall(name[:200])
    verbs = _DESTROYS & set(words)
    if not verbs or _ABOUT & set(words):
        return ""
    if _WHOLES & set(words):
        return "whole"
    # ``remove_accents`` and ``clean_name`` compute something.
    return "some" if _STRONG & set(words[:2]) else ""


@sql_rule("sql.function.destroys", RiskLevel.HIGH, "A function whose name says that it deletes something.", unread=True)
def destroys(statement: SqlStatement) -> Iterator[Hit]:
    for full in {*unknown_functions(statement), *_procedures(statement)}:
        name = full.rpartition(".")[2]
        said = said_by_name(name)
        if said:
            what = "everything of something" if said == "whole" else "something"
            level = RiskLevel.CRITICAL if said == "whole" else None
            yield Hit(f"The name of {name[:80]} says that it deletes {what}.", severity=level)


def _procedures(statement: SqlStatement) -> Iterator[str]:
    """Yield the procedures that a statement calls, and the routines of Oracle's packages."""
    if statement.procedure and not is_known_procedure(statement.procedure):
        yield statement.procedure
    for schema, name, _ in statement.calls():
        if schema.startswith(("dbms_", "utl_")):
            yield f"{schema}.{name}"
