"""Risk assessment of SQL: every statement by all rules, then the script as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from app.domain.risk import Finding
from app.risk.budget import Budget
from app.risk.rules import declare, word_set
from app.risk.sql import code, destructive, locking, privileges  # noqa: F401 - importing these adds their rules
from app.risk.sql.client import client_findings
from app.risk.sql.lexer import Lexed, Piece, SqlToken, split
from app.risk.sql.queries import judged
from app.risk.sql.rules import findings_of
from app.risk.sql.statement import SqlStatement, dialect_named
from assent.contracts import RiskLevel

TOO_LARGE = declare("sql.too_large", RiskLevel.HIGH, "The text is too large to be analyzed.")
EMPTY = declare("sql.empty", RiskLevel.LOW, "The text contains no statement.")
UNPARSED = "sql.unparsed"
RUN_COMMENT = declare("sql.run_comment", RiskLevel.HIGH, "A comment that MySQL and MariaDB run as code.")
DOUBTFUL = declare(
    "sql.doubtful_quoting",
    RiskLevel.HIGH,
    "A name with escapes, or a string or comment whose end depends on the database.",
)
SEVERAL = declare(
    "sql.several_statements", RiskLevel.LOW, "Several statements; some may already have run when one fails."
)
OPEN = declare(
    "sql.transaction.open", RiskLevel.MEDIUM, "A transaction is begun but not ended, or ended but not begun."
)
INSIDE = declare(
    "sql.transaction.not_allowed", RiskLevel.MEDIUM, "A statement that cannot run inside a transaction is inside one."
)
FAILED = declare("sql.check_failed", RiskLevel.HIGH, "A rule failed on a statement, which may do anything.")


def sql_findings(text: str, dialect: str, rows: Mapping[str, int], budget: Budget) -> list[Finding]:
    """Return the risk findings of an SQL text.

    Args:
        text: One or more statements.
        dialect: The dialect's name in the proposal. A text in an unknown dialect is parsed generically.
        rows: Estimated number of rows by table name in lower case.
        budget: Is reduced by what is analyzed.
    """
    return list(_Script(text, dialect_named(dialect), rows, budget).findings())


class _Script:
    def __init__(self, text: str, dialect: str, rows: Mapping[str, int], budget: Budget) -> None:
        self._text = text
        self._dialect = dialect
        self._rows = rows
        self._budget = budget
        self._parse = len(text) <= budget.characters
        if self._parse:
            budget.characters -= len(text)
        self._noticed = Lexed()
        self._outer: list[SqlStatement] = []
        self._commands = 0

    def findings(self) -> Iterator[Finding]:
        if not self._parse:
            size = f"The text has {len(self._text):,} characters, which is too many to analyze."
            yield TOO_LARGE.finding(f"{size} Statements are not parsed; only how they begin is checked.")
        for piece in split(self._text, self._dialect, self._noticed):
            if self._budget.statements <= 0:
                yield TOO_LARGE.finding(
                    "There are too many statements; nothing is checked from this line on.", piece.line
                )
                break
            self._budget.statements -= 1
            yield from self._piece_findings(piece)
        yield from self._whole()

    def _piece_findings(self, piece: Piece) -> Iterator[Finding]:
        if piece.client:
            self._commands += 1
            yield from client_findings(piece.client, piece.line, self._dialect)
            return
        statement = SqlStatement(piece, self._dialect, self._rows, self._parse)
        if not piece.in_body:
            self._outer.append(statement)
        found = self._judge(statement)
        yield from found
        for body in _bodies(statement):
            yield from self._body_findings(body, statement)

    def _judge(self, statement: SqlStatement) -> list[Finding]:
        try:
            found = list(findings_of(statement))
        except Exception:  # a failing rule must not hide a proposal; deep nesting is the usual cause
            return [
                FAILED.finding(
                    "This statement is too complex to be checked, so its effects are unknown.",
                    statement.line,
                )
            ]
        # A call of an unknown function does not explain an unknown statement.
        if not judged(statement, any(finding.rule != "sql.function.unknown" for finding in found)):
            found.append(_unknown(statement))
        if any(finding.rule not in _GENERAL for finding in found):
            found = [finding for finding in found if finding.rule not in _GENERAL]
        return found

    def _body_findings(self, body: SqlToken, statement: SqlStatement) -> Iterator[Finding]:
        """Check the statements inside a block or routine, as far as they can be separated."""
        inner = body.text
        tag = re.match(r"\$[^$]*\$|'", inner)
        cut = len(tag[0]) if tag else 0
        content = inner[cut : len(inner) - cut]
        first = statement.line_at(statement.tokens.index(body))
        when = "When the code runs: " if statement.verb == "CREATE" else ""
        for piece in split(content.replace("''", "' ") if inner[:1] == "'" else content, self._dialect, Lexed()):
            for part in _parts(piece):
                if self._budget.statements <= 0:
                    return
                self._budget.statements -= 1
                fragment = SqlStatement(part, self._dialect, self._rows, self._parse)
                for found in self._judge(fragment):
                    # Procedural code is not all SQL, and another finding already says that this is code.
                    if found.rule not in (UNPARSED, "sql.dynamic", "sql.insert", "sql.function.unknown", "sql.setting"):
                        line = (found.line or 1) + first - 1
                        yield Finding(found.rule, found.severity, when + found.message, line)

    def _whole(self) -> Iterator[Finding]:
        for line in self._noticed.run_comments:
            words = "This looks like a comment, but MySQL and MariaDB run its content."
            yield RUN_COMMENT.finding(words, line)
        for line in self._noticed.doubtful:
            words = (
                "A name with escapes, or a string or comment whose end depends on the database; specify the dialect."
            )
            yield DOUBTFUL.finding(words, line)
        if not self._outer and not self._commands:
            yield EMPTY.finding("This text contains no statement, so nothing would run.")
        yield from _transactions(self._outer)
        effective = [statement for statement in self._outer if statement.verb not in _TRANSACTION]
        if len(effective) > 1:
            words = f"{len(effective)} statements in one text: if one fails, those before it may already have run."
            yield SEVERAL.finding(words, effective[1].line)


_GENERAL = frozenset({"sql.alter", "sql.setting"})
"""Rules whose findings are dropped where another rule has a more specific one."""


def _unknown(statement: SqlStatement) -> Finding:
    verb = statement.tokens[0].text[:40] if statement.tokens else ""
    words = f"{verb!r} is not a known statement, so its effects are unknown."
    return Finding(UNPARSED, RiskLevel.HIGH, words, statement.line)


_TRANSACTION = frozenset({"BEGIN", "START", "COMMIT", "ROLLBACK", "END", "ABORT", "SAVEPOINT", "RELEASE"})
_NOT_INSIDE = frozenset({"VACUUM"})


def _transactions(statements: list[SqlStatement]) -> Iterator[Finding]:
    begun: SqlStatement | None = None
    for statement in statements:
        keys = statement.keys
        if statement.verb in ("BEGIN", "START"):
            if begun is not None:
                yield OPEN.finding("A transaction is begun inside another one.", statement.line)
            begun = statement
        elif statement.verb in ("COMMIT", "END", "ABORT") or (statement.verb == "ROLLBACK" and "TO" not in keys):
            if begun is None:
                words = f"{statement.verb} ends a transaction that was not begun here, and everything done in it."
                yield OPEN.finding(words, statement.line)
            begun = None
        elif begun is not None and (statement.has("CONCURRENTLY") or statement.verb in _NOT_INSIDE):
            words = "This cannot run inside a transaction: the transaction fails here and is rolled back."
            yield INSIDE.finding(words, statement.line)
    if begun is not None:
        yield OPEN.finding(
            "This transaction is never ended: it holds its locks until the connection closes, and is then rolled back.",
            begun.line,
        )


def _bodies(statement: SqlStatement) -> Iterator[SqlToken]:
    if statement.verb == "DO" or (statement.verb == "CREATE" and statement.object in ("FUNCTION", "PROCEDURE")):
        for index, token in enumerate(statement.tokens):
            quoted = token.kind == "string" and statement.keys[index - 1] in ("AS", "DO")
            if token.kind == "body" or quoted:
                yield token


_EDGES = word_set("BEGIN THEN ELSE LOOP DECLARE AS EXECUTE QUERY RETURN")
_PART_VERBS = word_set(
    "SELECT WITH INSERT UPDATE DELETE MERGE TRUNCATE DROP ALTER CREATE GRANT REVOKE COPY LOCK REINDEX VACUUM "
    "CLUSTER SET REASSIGN PERFORM"
)


def _parts(piece: Piece) -> Iterator[Piece]:
    """Return the SQL in a statement of procedural code: what follows IF … THEN, for example, and texts for EXECUTE."""
    tokens = piece.tokens
    starts, depth = [0], 0
    for index, token in enumerate(tokens):
        depth = max(0, depth + (token.key == "CASE") - (token.key == "END"))
        if depth == 0 and token.key in _EDGES:
            starts.append(index + 1)
    for place, start in enumerate(starts):
        end = starts[place + 1] - 1 if place + 1 < len(starts) else len(tokens)
        part = tokens[start:end]
        if not part:
            continue
        if part[0].kind in ("string", "body") and start and tokens[start - 1].key == "EXECUTE":
            yield from _executed(part[0], piece)
        elif part[0].key in _PART_VERBS:
            yield _slice(piece, part)


def _slice(piece: Piece, part: list[SqlToken]) -> Piece:
    begin, end = part[0].start, part[-1].start + len(part[-1].text)
    text = piece.code[begin - piece.start : end - piece.start]
    line = piece.line + piece.code.count("\n", 0, begin - piece.start)
    if part[0].key == "PERFORM":
        part = [SqlToken("word", "SELECT ", begin), *part[1:]]
        text = "SELECT " + text[len("PERFORM") :]
    return Piece(part, begin, end, line, text, piece.broken)


def _executed(text: SqlToken, piece: Piece) -> Iterator[Piece]:
    line = piece.line + piece.code.count("\n", 0, text.start - piece.start)
    for inner in split(text.text.strip("'").replace("''", "'"), "postgres", Lexed()):
        inner.line += line - 1
        yield inner
