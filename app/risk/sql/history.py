"""What later statements of a text know of earlier ones."""

from __future__ import annotations

from app.risk.sql.context import Context
from app.risk.sql.statement import SqlStatement

_MADE = frozenset({"TABLE", "VIEW", "MATERIALIZED", "SEQUENCE", "INDEX", "TYPE", "DOMAIN"})
_TEMPORARY = frozenset({"TEMP", "TEMPORARY"})


def note(statement: SqlStatement, context: Context) -> None:
    """Note what a statement creates, renames, drops, prepares, or validates."""
    if statement.prefix == "EXPLAIN":
        return
    if statement.verb in ("WHILE", "LOOP", "REPEAT", "FOR"):
        context.looping = True
    if statement.verb == "PREPARE" and statement.runs_literal:
        context.prepared.add(statement.tokens[1].text.lower())
    if statement.prefix == "PREPARE":
        context.prepared.add(statement.prepared.lower())
    elif statement.verb == "CREATE":
        _created(statement, context)
    elif statement.verb == "SELECT" and statement.has("INTO"):
        place = statement.find("INTO") + 1
        temporary = statement.keys[place : place + 1] != [] and statement.keys[place] in _TEMPORARY
        context.create(statement.name_after(place + temporary), temporary)
    elif statement.verb in ("ALTER", "RENAME"):
        _altered(statement, context)
    elif statement.verb == "DROP":
        for name in statement.targets:
            context.drop(name)
    elif statement.verb in ("USE", "DO", "CALL", "EXECUTE", "EXEC") or _moves(statement):
        context.forget()


def note_loop(keys: list[str], context: Context) -> None:
    """Note that a loop begins or ends in procedural code, and which variable takes each row of a table in it."""
    if keys[:2] == ["END", "LOOP"]:
        context.rows.clear()
    if "LOOP" in keys or keys[:1] == ["WHILE"]:
        context.looping = True
    if keys[:1] != ["FOR"] or keys[2:3] != ["IN"] or "LOOP" not in keys or "FROM" not in keys:
        return
    query = keys[3 : keys.index("LOOP")]
    place = query.index("FROM") + 1 if "FROM" in query else len(query)
    while query[place + 1 : place + 2] == ["."]:
        place += 2
    if place < len(query) and _RESTRICTS.isdisjoint(query):
        context.rows[keys[1].lower()] = query[place].strip('"').lower()


_RESTRICTS = frozenset({"WHERE", "LIMIT", "FETCH", "JOIN", "UNION", "GROUP", "HAVING", "EXCEPT", "INTERSECT"})


def _moves(statement: SqlStatement) -> bool:
    names = {"SEARCH_PATH", "SCHEMA", "ROLE", "AUTHORIZATION", "CURRENT_SCHEMA"}
    return statement.verb in ("SET", "RESET", "DISCARD") and bool(names & set(statement.keys[1:5]))


def _created(statement: SqlStatement, context: Context) -> None:
    if statement.object == "SCHEMA" and not statement.has("IF", "NOT", "EXISTS"):
        context.create(f"{statement.object_name}.*", False)
    if statement.object not in _MADE:
        return
    temporary = bool(_TEMPORARY.intersection(statement.keys[1:4]))
    replaces = statement.has("IF", "NOT", "EXISTS") or statement.has("OR", "REPLACE")
    if temporary or not replaces:
        context.create(statement.object_name, temporary)


def _altered(statement: SqlStatement, context: Context) -> None:
    place = statement.find("RENAME", "TO")
    if statement.object in _MADE and place > 0:
        schema, dot, _ = statement.object_name.rpartition(".")
        context.rename(statement.object_name, f"{schema}{dot}{statement.name_after(place + 2)}")
    elif statement.verb == "RENAME" or statement.has("SET", "SCHEMA"):
        context.forget()
    if statement.object == "TABLE":
        for index, keys in statement.actions():
            _checked(statement, index, keys, context)


def _checked(statement: SqlStatement, index: int, keys: list[str], context: Context) -> None:
    """Note constraints that say that a column is not NULL, once they are validated."""
    table = statement.object_name.lower()
    if keys[:2] == ["ADD", "CONSTRAINT"] and "CHECK" in keys and keys[-2:] == ["NOT", "VALID"]:
        start = keys.index("CHECK")
        if keys[start + 1 : start + 2] == ["("] and keys[start + 3 : start + 7] == ["IS", "NOT", "NULL", ")"]:
            column = statement.tokens[index + start + 2].text.lower()
            context.pending[table, statement.name_after(index + 2).lower()] = column
    elif keys[:2] == ["VALIDATE", "CONSTRAINT"]:
        column = context.pending.pop((table, statement.name_after(index + 2).lower()), "")
        if column:
            context.checked.add((table, column))
