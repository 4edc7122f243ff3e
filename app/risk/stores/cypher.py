"""What Cypher, the language of graph databases, would do."""

from __future__ import annotations

import re

from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

_LANGUAGE = "cypher"
WRITES = declare(
    "cypher.writes",
    MEDIUM,
    "Creates or changes nodes or relationships.",
    "CREATE (n:Tag {name: 'a'})",
    "MATCH (n:Tag) RETURN n",
    language=_LANGUAGE,
)
WRITES_ALL = declare(
    "cypher.writes_all",
    HIGH,
    "Changes all nodes, or all of a kind.",
    "MATCH (n:Person) SET n.seen = true",
    "MATCH (n:Person {id: 1}) SET n.seen = true",
    language=_LANGUAGE,
)
DELETES = declare(
    "cypher.deletes",
    MEDIUM,
    "Deletes nodes or relationships.",
    "MATCH (n:Person {id: 1}) DETACH DELETE n",
    "MATCH (n:Person {id: 1}) RETURN n",
    language=_LANGUAGE,
)
DELETES_ALL = declare(
    "cypher.deletes_all",
    CRITICAL,
    "Deletes all nodes, or all of a kind.",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n:Person {id: 1}) DETACH DELETE n",
    language=_LANGUAGE,
)
SCHEMA = declare(
    "cypher.schema",
    MEDIUM,
    "Changes indexes, constraints, or databases.",
    "CREATE INDEX p FOR (n:Person) ON (n.id)",
    "SHOW INDEXES",
    language=_LANGUAGE,
)
ACCESS = declare(
    "cypher.access",
    HIGH,
    "Changes users, roles, or permissions.",
    "CREATE USER x SET PASSWORD 'y'",
    "SHOW USERS",
    language=_LANGUAGE,
)
OUTSIDE = declare(
    "cypher.outside",
    HIGH,
    "Reads or writes files or addresses, or runs procedures that can.",
    "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
    "MATCH (n) RETURN count(n)",
    language=_LANGUAGE,
)
PROCEDURE = declare(
    "cypher.procedure",
    MEDIUM,
    "Calls a procedure whose effects are not known.",
    "CALL my.procedure()",
    "CALL db.labels()",
    language=_LANGUAGE,
    unread=True,
)

_NOISE = re.compile(
    r"'(?:[^'\\]++|\\.)*+(?:'|(?P<open>))|\"(?:[^\"\\]++|\\.)*+(?:\"|(?P<open2>))|//[^\n]*+"
    r"|/\*(?:[^*]++|\*(?!/))*+(?:\*/|(?P<open3>))|(?P<name>`[^`]*+`?)",
    re.DOTALL,
)
_READ_CALLS = re.compile(
    r"(?:db\.(?:labels|relationshiptypes|propertykeys|schema\..*|indexes|indexdetails|constraints|info|ping"
    r"|awaitindexes?|resampleindex"
    r"|index\.fulltext\.query.*|index\.vector\.query.*|stats\.retrieve.*)|dbms\.(?:components|info|listconfig"
    r"|showcurrentuser|procedures"
    r"|functions|listqueries|listconnections|listtransactions|database\.state|cluster\.(?:overview|role|routing.*))"
    r"|apoc\.(?:help|meta\..*|coll\..*|path\..*|text\..*|date\..*|convert\..*|stats\..*|version|search\..*"
    r"|neighbors\..*|algo\..*)"
    r"|gds\..*\.stream|gds\.(?:list|version|graph\.list|graph\.exists))",
    re.IGNORECASE,
)
_OUTSIDE_CALLS = re.compile(
    r"apoc\.(?:load|export|import|trigger|custom|systemdb|cypher|periodic|nlp|es|mongo|bolt|uuid|ttl|log"
    r"|util\.sleep|refactor|merge|nodes"
    r"|create|atomic|lock|schema\.assert).*|dbms\..*|db\.create.*|n10s\..*|gds\..*\.(?:write|mutate|export)",
    re.IGNORECASE,
)
_MOST = 500


def _without_text(found: re.Match[str]) -> str:
    """Return what takes the place of a text or a comment; one that has no end, and a name, are kept without quotes."""
    whole = found[0]
    if any(found[name] is not None for name in ("open", "open2", "open3", "name")):
        return re.sub(r"['\"`]", " ", whole)
    return re.sub(r"[^\n]", " ", whole) if whole[:1] == "/" else "''" + "\n" * whole.count("\n")


def read(text: str, reading: Reading) -> None:
    """Read Cypher statements, separated by semicolons."""
    plain = _NOISE.sub(_without_text, text)
    line = 1
    for statement in plain.split(";"):
        reading.budget.step()
        if statement.strip():
            _statement(
                statement.strip(), reading, line + statement[: len(statement) - len(statement.lstrip())].count("\n")
            )
        line += statement.count("\n")
    _nested(text, reading)


def _statement(text: str, reading: Reading, line: int) -> None:
    upper = re.sub(r"\s+", " ", text[:20_000]).upper()
    if re.match(r"(?::|EXPLAIN\b|SHOW\b|USE \w+ ?$)", upper):
        if upper.startswith(":SOURCE"):
            reading.add(OUTSIDE, "This runs statements from a file.", line)
        return
    if re.match(
        r"(?:CREATE|ALTER|DROP|RENAME)(?: OR REPLACE)? (?:USER|ROLE)\b|GRANT\b|DENY\b|REVOKE\b|ALTER CURRENT USER",
        upper,
    ):
        reading.add(ACCESS, "This changes users, roles, or permissions.", line)
        return
    if found := re.match(
        r"(CREATE|DROP|ALTER|START|STOP)(?: OR REPLACE)?(?: \w+)? (DATABASE|CONSTRAINT|INDEX|ALIAS|COMPOSITE)\b", upper
    ):
        gone = found[1] in ("DROP", "STOP") or "OR REPLACE" in upper
        level = CRITICAL if gone and found[2] == "DATABASE" else HIGH if gone else MEDIUM
        reading.add(
            SCHEMA, f"This changes the database's structure: {found[1].lower()} {found[2].lower()}.", line, level
        )
        return
    _writes(upper, reading, line)
    if "LOAD CSV" in upper:
        reading.add(OUTSIDE, "This loads a file or an address into the database.", line)
    for call in re.findall(r"\bCALL\s+([\w.]+)", text[:20_000])[:_MOST]:
        if _READ_CALLS.fullmatch(call):
            continue
        if _OUTSIDE_CALLS.fullmatch(call):
            reading.add(
                OUTSIDE, f"The procedure {call[:60]} reaches files, other machines, or the server itself.", line
            )
        else:
            reading.add(PROCEDURE, f"What the procedure {call[:60]} does is not known.", line)
    first = upper.split(" ", 1)[0].split("(")[0]
    if first not in (
        "MATCH",
        "OPTIONAL",
        "CREATE",
        "MERGE",
        "WITH",
        "UNWIND",
        "RETURN",
        "CALL",
        "LOAD",
        "FOREACH",
        "PROFILE",
        "USE",
        "FINISH",
        "USING",
        "CYPHER",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "INSERT",
        "DELETE",
        "DETACH",
        "LET",
        "FILTER",
    ):
        reading.add(PROCEDURE, "This is not a known statement, so its effects are unknown.", line)


def _writes(upper: str, reading: Reading, line: int) -> None:
    narrow = _narrow(upper)
    if re.search(r"\bDELETE\b", upper):
        if narrow is None:
            reading.add(
                DELETES_ALL, "This deletes all nodes or relationships, or all of a kind. It cannot be undone.", line
            )
        else:
            reading.add(DELETES, "This deletes nodes or relationships that it looks up.", line, narrow)
    elif re.search(r"\b(?:SET|REMOVE)\b", upper) and "MATCH" in upper and narrow is None and "ON CREATE" not in upper:
        reading.add(WRITES_ALL, "This changes all nodes or relationships, or all of a kind.", line)
    elif re.search(r"\b(?:CREATE|MERGE|SET|REMOVE|FOREACH|INSERT)\b", upper):
        reading.add(WRITES, "This creates or changes nodes or relationships.", line)


def _narrow(upper: str) -> RiskLevel | None:
    """Return how bad it is to delete what the statement looks up; None if it looks up everything of a kind."""
    matched = re.search(r"\bMATCH\b(.*?)(?:\b(?:DETACH|DELETE|SET|REMOVE|RETURN|CREATE|MERGE)\b|$)", upper, re.DOTALL)
    if matched is None:
        return HIGH
    pattern, _, where = matched[1].partition("WHERE")
    if re.search(r"\{[^}]*\w+\s*:", pattern):
        return MEDIUM
    if where.strip() and not re.fullmatch(
        r"\s*(?:TRUE|1\s*=\s*1|NOT FALSE|[\w.]+ IS NOT NULL|(?:ID|ELEMENTID)\(\w+\) ?(?:>=?|<>) ?-?\d+)\s*", where
    ):
        return MEDIUM if re.search(r"\b(?:ID|UUID|\w+\.\w*ID)\b ?\)?\s*=|ELEMENTID\(\w+\)\s*=", where) else HIGH
    return None


def _nested(text: str, reading: Reading) -> None:
    """Read the statements that procedures such as ``apoc.cypher.run`` are given as text."""
    for found in list(re.finditer(r"apoc\.(?:cypher|periodic|trigger)\.[\w.]+\s*\(", text[:100_000], re.IGNORECASE))[
        :20
    ]:
        for inner in re.findall(r"'([^'\\]{8,2000})'|\"([^\"\\]{8,2000})\"", text[found.end() : found.end() + 5000])[
            :4
        ]:
            statement = inner[0] or inner[1]
            if re.search(r"\b(?:MATCH|CREATE|DELETE|MERGE|DROP)\b", statement, re.IGNORECASE):
                reading.read("cypher", statement, text.count("\n", 0, found.start()) + 1, fixed=True)
