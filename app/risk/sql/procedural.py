"""Procedural code: the statements inside blocks, routines, and T-SQL batches, and texts that are run as SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.lexer import Lexed, Piece, SqlToken, split
from app.risk.sql.statement import TRANSACTION_WORDS, SqlStatement

PLACEHOLDER = "unknown_name"
"""Stands in composed SQL for what is known only when the code runs."""
_EDGES = word_set("BEGIN THEN ELSE LOOP DECLARE AS IS DO EXECUTE QUERY RETURN TRY CATCH ROW ATOMIC IMMEDIATE")
_PART_VERBS = word_set(
    "SELECT WITH INSERT UPDATE DELETE MERGE TRUNCATE DROP ALTER CREATE GRANT REVOKE COPY LOCK REINDEX VACUUM "
    "CLUSTER SET REASSIGN PERFORM CALL EXECUTE EXEC REPLACE RENAME DENY KILL SHUTDOWN COMMENT"
)
_KINDS = word_set(
    "TABLE DATABASE PROCEDURE PROC VIEW FUNCTION TRIGGER LOGIN USER SCHEMA TYPE SEQUENCE SYNONYM ASSEMBLY ROLE SERVER "
    "AUTHORIZATION CREDENTIAL ENDPOINT PARTITION QUEUE SERVICE INDEX UNIQUE CLUSTERED NONCLUSTERED OR STATISTICS "
    "APPLICATION CERTIFICATE MASTER SYMMETRIC AVAILABILITY RESOURCE EVENT SECURITY"
)
_ALONE = word_set("TRUNCATE SHUTDOWN BACKUP RESTORE KILL DBCC BULK RECONFIGURE WAITFOR PRINT RAISERROR THROW DECLARE")
_JOINED = frozenset(
    {"OR", ",", "(", "ON", "FOR", "AFTER", "OF", "GRANT", "DENY", "REVOKE", "WITH", "THEN", "INSTEAD", ".", "AS"}
)
_SELECT_FOLLOWS = frozenset({"UNION", "ALL", "EXCEPT", "INTERSECT", "AS", "FOR", "(", "IN", "ANY", "="})
_HOLDS_SELECT = frozenset(
    {"INSERT", "WITH", "MERGE", "CREATE", "DECLARE", "GRANT", "DENY", "REVOKE", "EXPLAIN", "ALTER"}
)


def bodies(statement: SqlStatement) -> Iterator[SqlToken]:
    """Yield the texts of a statement that are code: the body of a routine or of a DO block."""
    if statement.verb == "DO" or (statement.verb == "CREATE" and statement.object in ("FUNCTION", "PROCEDURE")):
        for index, token in enumerate(statement.tokens):
            quoted = token.kind == "string" and statement.keys[index - 1] in ("AS", "DO")
            if token.kind == "body" or quoted:
                yield token


def parts(piece: Piece) -> Iterator[Piece]:
    """Yield the SQL in a statement of procedural code, such as what follows IF … THEN."""
    tokens = piece.tokens
    starts, depth = [0], 0
    for index, token in enumerate(tokens):
        depth = max(0, depth + (token.key == "CASE") - (token.key == "END"))
        if depth == 0 and token.key in _EDGES:
            starts.append(index + 1)
    for place, start in enumerate(starts):
        end = starts[place + 1] - 1 if place + 1 < len(starts) else len(tokens)
        if tokens[start:end] and start and tokens[start - 1].key in ("EXECUTE", "IMMEDIATE"):
            continue  # see `executed`
        if tokens[start:end] and tokens[start].key in _PART_VERBS:
            yield _slice(piece, tokens[start:end])


def batch(piece: Piece) -> list[Piece]:
    """Split a piece of T-SQL, whose statements need no semicolons, into its statements."""
    tokens = piece.tokens
    starts, depth, current = [0], 0, 0
    for index in range(1, len(tokens)):
        key = tokens[index].key
        depth += (tokens[index - 1].key == "(") - (key == ")")
        if depth <= 0 and tokens[index].kind == "word" and _begins(tokens, index, current):
            starts.append(index)
            current = index
    if len(starts) == 1 and tokens[0].key not in ("BEGIN", "ELSE"):
        return [piece]
    ends = [*starts[1:], len(tokens)]
    return [part for start, end in zip(starts, ends, strict=True) for part in _trimmed(piece, tokens[start:end])]


def _trimmed(piece: Piece, tokens: list[SqlToken]) -> Iterator[Piece]:
    """Yield a statement without the words of control flow around it."""
    while tokens and tokens[0].key in ("BEGIN", "ELSE", "END", "TRY", "CATCH") and not _is_transaction(tokens):
        tokens = tokens[1:]
    while len(tokens) > 1 and tokens[-1].key in ("BEGIN", "ELSE", "END", "TRY", "CATCH"):
        tokens = tokens[:-1]
    if tokens:
        yield _slice(piece, tokens)


def _is_transaction(tokens: list[SqlToken]) -> bool:
    return tokens[0].key == "BEGIN" and (len(tokens) == 1 or tokens[1].key in TRANSACTION_WORDS)


def _begins(tokens: list[SqlToken], index: int, current: int) -> bool:
    """Return whether a word begins another statement of T-SQL; `current` is where the one before begins."""
    key, before, verb = tokens[index].key, tokens[index - 1].key, tokens[current].key
    after = tokens[index + 1].key if index + 1 < len(tokens) else ""
    if (
        verb in ("EXPLAIN", "DESCRIBE", "DESC", "PREPARE")
        or before in _JOINED
        or (verb == "WITH" and before == ")")
        or (before == "INSERT" and key == "EXEC")
    ):
        return False
    if key == "DELETE":
        return after in ("FROM", "TOP") or (after not in ("", ",", ")", "ON") and before in ("BEGIN", "ELSE", ")"))
    if key == "UPDATE":
        return any(token.key == "SET" for token in tokens[index + 2 : index + 12])
    if key in ("DROP", "ALTER", "CREATE"):
        held = verb == "ALTER" and after in ("INDEX", "PARTITION", "STATISTICS", "SERVICE", "CREDENTIAL")
        return after in _KINDS and not held
    if key in ("EXEC", "EXECUTE"):
        return after not in ("", "AS", "ON", ",", "TO")
    if key == "INSERT":
        return after == "INTO"
    if key == "MERGE":
        return any(token.key == "USING" for token in tokens[index : index + 12])
    if key in ("GRANT", "REVOKE", "DENY"):
        return any(token.key in ("TO", "FROM") for token in tokens[index : index + 60])
    if key == "SELECT":
        return before not in _SELECT_FOLLOWS and (verb not in _HOLDS_SELECT or before == "BEGIN")
    if key == "SET":
        return verb not in ("UPDATE", "MERGE", "ALTER", "INSERT", "BACKUP", "RESTORE")
    if key in ("IF", "WHILE", "COMMIT", "ROLLBACK", "USE"):
        return after not in ("", ",", "EXISTS") or (key == "IF" and verb not in ("DROP", "CREATE", "ALTER"))
    return key in ("SHUTDOWN", "RECONFIGURE") or (key in _ALONE and after not in ("", ",", "ON"))


def _slice(piece: Piece, part: list[SqlToken]) -> Piece:
    begin, end = part[0].start, part[-1].start + len(part[-1].text)
    text = piece.code[begin - piece.start : end - piece.start]
    line = piece.line + piece.code.count("\n", 0, begin - piece.start)
    if part[0].key == "PERFORM":
        part = [SqlToken("word", "SELECT ", begin), *part[1:]]
        text = "SELECT " + text[len("PERFORM") :]
    return Piece(part, begin, end, line, text, piece.broken, piece.in_body)


_SQL_TEXT = re.compile(
    r"\W*(?:drop|delete|truncate|update|alter|grant|revoke|create|insert|exec|merge|copy|call|declare|begin|do|if|while|use|xp_\w+|sp_\w+)\b",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"%(?:[0-9]+\$)?([IsL])")
_WRAPPED = word_set("FORMAT CONCAT QUOTE_IDENT QUOTENAME QUOTE_LITERAL QUOTE_NULLABLE CAST CONCAT_WS UPPER LOWER")
_RUNS_TEXT = word_set("EXECUTE IMMEDIATE EXEC SP_EXECUTESQL SP_MSFOREACHTABLE SP_MSFOREACHDB")
_MOST_TEXTS = 40
_MOST_PARTS = 400
_ENDS = frozenset({"EXECUTE", "EXEC", "IMMEDIATE", "USING", "INTO", ";", "LOOP", "WITH"})


def executed(piece: Piece, literal: bool = False) -> Iterator[Piece]:
    """Yield the statements in texts that a statement runs by EXECUTE, EXEC, or PREPARE, as far as they are written.

    Args:
        piece: The statement.
        literal: True if all of the text is written in the statement, so that it counts whatever it begins with.
    """
    tokens, found = piece.tokens, 0
    if literal:
        yield from composed(piece, next(index for index, token in enumerate(tokens) if token.key == "''"), True)
        return
    for index, token in enumerate(tokens[:-1]):
        if token.key not in _RUNS_TEXT and (token.key != "FROM" or tokens[0].key != "PREPARE"):
            continue
        if tokens[index + 1].kind in ("string", "body", "word") or tokens[index + 1].key == "(":
            found += 1
            if found > _MOST_TEXTS:
                return
            yield from composed(piece, index + 1)


def composed(piece: Piece, start: int, literal: bool = False) -> Iterator[Piece]:
    """Yield the statements of a text that is put together from a token on, with `PLACEHOLDER` for unknown parts."""
    text = _composed_text(piece.tokens[start : start + _MOST_PARTS])
    if not literal and not _SQL_TEXT.match(text):
        return
    line = piece.line + piece.code.count("\n", 0, max(0, piece.tokens[start].start - piece.start))
    for inner in split(text, "", Lexed()):
        inner.line += line - 1
        yield inner


def candidates(piece: Piece) -> Iterator[int]:
    """Yield where in a statement texts begin that look like SQL."""
    for index, token in enumerate(piece.tokens):
        if token.kind in ("string", "body") and _SQL_TEXT.match(_content(token)):
            yield index


def _composed_text(tokens: list[SqlToken]) -> str:
    out: list[str] = []
    formatted, depth = False, 0
    for index, token in enumerate(tokens):
        key = token.key
        depth += (key == "(") - (key == ")")
        if key in _ENDS or depth < 0 or (key == "," and depth == 0):
            break
        if token.kind in ("string", "body"):
            text = _content(token)
            if formatted or (index and tokens[0].key == "FORMAT"):
                out.append(_FORMAT.sub(lambda match: "'x'" if match[1] == "L" else PLACEHOLDER, text))
                break
            out.append(text)
        elif key == "FORMAT":
            formatted = True
        elif key not in _WRAPPED and token.kind in ("word", "name", "number") and (not out or out[-1] != PLACEHOLDER):
            out.append(PLACEHOLDER)
    return "".join(out)


def _content(token: SqlToken) -> str:
    opening = re.match(r"\$[^$]*\$|[A-Za-z&]{0,2}['\"]", token.text)
    cut = len(opening[0]) if opening else 0
    closing = cut if token.kind == "body" else 1
    return token.text[cut : len(token.text) - closing].replace("''", "'")


def content_of(token: SqlToken) -> str:
    """Return the code in a quoted body; doubled quotes keep their width, so that offsets and lines stay the same."""
    text = token.text
    tag = re.match(r"\$[^$]*\$|'", text)
    cut = len(tag[0]) if tag else 0
    content = text[cut : len(text) - cut]
    return content.replace("''", "' ") if text[:1] == "'" else content
