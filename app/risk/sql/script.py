"""Risk assessment of SQL: every statement by all rules, then the script as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.domain.risk import Finding
from app.risk.budget import Budget
from app.risk.sql import (  # noqa: F401 - importing these adds their rules
    access,
    alterations,
    catalogs,
    code,
    deeds_by_name,
    destructive,
    locking,
    privileges,
    servers,
    settings,
    switches,
)
from app.risk.sql.client import client_findings
from app.risk.sql.context import Context
from app.risk.sql.history import note, note_loop
from app.risk.sql.lexer import Lexed, Piece, split
from app.risk.sql.procedural import PLACEHOLDER, batch, bodies, candidates, composed, content_of, executed, parts
from app.risk.sql.queries import judged
from app.risk.sql.relief import relieved, undone_finding
from app.risk.sql.rules import declare_sql, findings_of
from app.risk.sql.servers import server_commands
from app.risk.sql.statement import SqlStatement
from app.risk.sql.touched import names_touched
from app.risk.sql.transactions import rolled_back, transaction_findings
from assent.contracts import RiskLevel

TOO_LARGE = declare_sql("sql.too_large", RiskLevel.HIGH, "The text is too large to be analyzed.", unread=True)
EMPTY = declare_sql("sql.empty", RiskLevel.LOW, "The text contains no statement.")
UNPARSED = "sql.unparsed"
RUN_COMMENT = declare_sql("sql.run_comment", RiskLevel.HIGH, "A comment that MySQL and MariaDB run as code.")
DOUBTFUL = declare_sql(
    "sql.doubtful_quoting",
    RiskLevel.HIGH,
    "A name with escapes, or a string or comment whose end depends on the database.",
    unread=True,
)
SEVERAL = declare_sql(
    "sql.several_statements", RiskLevel.LOW, "Several changes; some may already have been made when one fails."
)
FAILED = declare_sql(
    "sql.check_failed", RiskLevel.HIGH, "A rule failed on a statement, which may do anything.", unread=True
)

_GENERAL = frozenset({"sql.alter", "sql.setting"})
"""Rules whose findings are dropped where another rule has a more specific one."""
_OF_BLOCKS = frozenset(
    {
        UNPARSED,
        "sql.dynamic",
        "sql.insert",
        "sql.function.unknown",
        "sql.setting",
        "sql.create",
        "sql.several_statements",
    }
)
"""Rules that are not reported inside blocks, where not all is SQL: another finding already says that this is code."""
_RUNS_TEXT = frozenset({"sql.dynamic", "sql.function.runs_text"})
_MOST_CANDIDATES = 50
_MOST_NAMES = 1_000
_DEEPEST = 4
"""How deep code in texts in code is looked into."""


class Script:
    """The assessment of one SQL text.

    Attributes:
        touched: What the statements touch, by the fields of `app.domain.risk.Touches`, after `findings` has run.
        shells: Shell commands that the text runs, on the client's machine or the server, with their lines.
        doubtful: True if something has an unknown effect for which there is no finding.
    """

    def __init__(self, text: str, dialect: str, rows: Mapping[str, int], budget: Budget, version: str = "") -> None:
        """Create an assessment.

        Args:
            text: One or more statements.
            dialect: Our name of the dialect. A text in an unknown dialect is parsed generically.
            rows: Estimated number of rows by table name in lower case.
            budget: Is reduced by what is analyzed.
            version: The server's version, such as ``15.4``; empty if it is unknown.
        """
        self._text = text
        self._dialect = dialect
        self._rows = rows
        self._budget = budget
        self._parse = len(text) <= budget.characters
        if self._parse:
            budget.characters -= len(text)
        self._context = Context(_number(version), rows)
        self._noticed = Lexed()
        self._outer: list[SqlStatement] = []
        self._pieces = 0
        self._changes: list[int] = []
        self._texts: list[tuple[Piece, int]] = []
        self._dynamic = False
        self._last: Piece | None = None
        self._calm = dialect in ("postgres", "sqlite", "tsql")
        self.touched: dict[str, set[str]] = {}
        self.shells: list[tuple[str, int]] = []
        self.doubtful = False

    def findings(self) -> Iterator[Finding]:
        """Yield the findings in the order of the text."""
        if not self._parse:
            size = f"The text has {len(self._text):,} characters, which is too many to analyze."
            yield TOO_LARGE.finding(f"{size} Statements are not parsed; only how they begin is checked.")
        found: list[tuple[SqlStatement | None, Finding]] = []
        pieces = split(self._text, self._dialect, self._noticed, lambda: self._budget.late, begins=not self._parse)
        for piece in pieces:
            if self._spent():
                words = "There are too many statements; nothing is checked from this line on."
                found.append((None, TOO_LARGE.finding(words, piece.line)))
                break
            found += self._piece_findings(piece)
        calm = self._calm and self._parse and not self._noticed.doubtful and self._budget.statements >= 0
        undone = rolled_back(self._outer) if calm else set()
        for statement, finding in found:
            yield undone_finding(finding) if statement in undone else finding
        yield from self._whole()

    def _spent(self) -> bool:
        self._budget.statements -= 1
        if self._budget.statements % 64 == 0 and self._budget.late:
            self._budget.statements = 0
        return self._budget.statements < 0

    def _piece_findings(self, piece: Piece) -> Iterator[tuple[SqlStatement | None, Finding]]:
        self._pieces += 1
        if piece.client:
            if piece.client.startswith("\\gexec") and self._last is not None:
                # psql runs what the query returns.
                for index in [*candidates(self._last)][:_MOST_CANDIDATES]:
                    for inner in composed(self._last, index):
                        yield from ((None, found) for found in self._text_findings(inner, 0))
            if piece.client.startswith("\\!"):
                self.shells.append((piece.client[2:], piece.line))
            for finding in client_findings(piece.client, piece.line, self._dialect):
                self._calm = False
                yield None, finding
            return
        self._last = piece
        pieces = batch(piece) if self._dialect in ("tsql", "") else [piece]
        if len(pieces) > 1 and not self._dialect:
            pieces = [piece, *pieces[1:]]  # in other dialects, words such as DELETE may be names
        for number, part in enumerate(pieces):
            if number and self._spent():
                words = "There are too many statements; nothing is checked from here on."
                yield None, TOO_LARGE.finding(words, part.line)
                return
            statement = SqlStatement(part, self._dialect, self._rows, self._parse, self._context)
            found = [*self._statement_findings(statement, part, 0)]
            if not part.in_body:
                self._outer.append(statement)
                if any(finding.severity is not RiskLevel.SAFE for finding in found):
                    self._changes.append(statement.line)
                note(statement, self._context)
            yield from ((statement, finding) for finding in found)

    def _statement_findings(self, statement: SqlStatement, piece: Piece, depth: int) -> Iterator[Finding]:
        found = self._judge(statement)
        yield from found
        self._touch(statement, found)
        self.shells += [(command, statement.line) for command in server_commands(statement)]
        if depth >= _DEEPEST:
            return
        self._dynamic = self._dynamic or any(finding.rule in _RUNS_TEXT for finding in found)
        if statement.verb not in ("INSERT", "UPDATE", "COMMENT"):
            self._texts += [(piece, index) for index in candidates(piece)][: _MOST_CANDIDATES - len(self._texts)]
        literal = statement.runs_literal
        for inner in executed(piece, literal):
            yield from self._text_findings(inner, depth, literal)
        if statement.procedural:
            note_loop(statement.keys, self._context)
        if self._dialect not in ("postgres", "tsql") and statement.procedural:
            for part in parts(piece):
                if part.start != piece.start:
                    yield from self._inner_findings(part, depth)
        for body in bodies(statement):
            first = statement.line_at(statement.tokens.index(body))
            yield from self._body_findings(content_of(body), first, statement.verb == "CREATE", depth)

    def _touch(self, statement: SqlStatement, found: list[Finding]) -> None:
        self.doubtful = self.doubtful or not statement.is_read
        for kind, names in names_touched(statement, (finding.rule for finding in found)).items():
            if len(self.touched.setdefault(kind, set())) < _MOST_NAMES:
                self.touched[kind] |= names

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
        return relieved(found, statement, self._context)

    def _inner_findings(self, part: Piece, depth: int, literal: bool = False) -> Iterator[Finding]:
        """Check a statement inside procedural code, or in a text; unless it is literal, not all of it may be SQL."""
        if self._spent():
            return
        fragment = SqlStatement(part, self._dialect, self._rows, self._parse, self._context)
        for found in self._statement_findings(fragment, part, depth + 1):
            if literal or found.rule not in _OF_BLOCKS:
                yield found

    def _body_findings(self, content: str, first: int, created: bool, depth: int) -> Iterator[Finding]:
        """Check the statements inside a block or routine, as far as they can be separated."""
        when = "When the code runs: " if created else ""
        looping, self._context.looping = self._context.looping, False
        for piece in split(content, self._dialect, Lexed()):
            if self._spent():
                line = piece.line + first - 1
                yield TOO_LARGE.finding("The code is too long; nothing is checked from here on.", line)
                return
            if piece.client:
                continue
            note_loop(_loop_keys(piece), self._context)
            self._texts += [(piece, index) for index in candidates(piece)][: _MOST_CANDIDATES - len(self._texts)]
            inner = [found for text in executed(piece) for found in self._text_findings(text, depth)]
            inner += [found for part in parts(piece) for found in self._inner_findings(part, depth)]
            for found in inner:
                yield replace(found, message=when + found.message, line=(found.line or 1) + first - 1)
        self._context.looping = looping
        self._context.rows.clear()

    def _text_findings(self, inner: Piece, depth: int, literal: bool = False) -> Iterator[Finding]:
        """Check a statement that stands in a text which is run as SQL."""
        for found in self._inner_findings(inner, depth, literal):
            words = found.message.replace(PLACEHOLDER, "that the code names")
            yield replace(found, message=f"When the text is run: {words}")

    def _whole(self) -> Iterator[Finding]:
        if self._dynamic:
            for piece, index in self._texts:
                for inner in composed(piece, index):
                    yield from self._text_findings(inner, 1)
        for line in self._noticed.run_comments:
            words = "This looks like a comment, but MySQL and MariaDB run its content."
            yield RUN_COMMENT.finding(words, line)
        for line in self._noticed.doubtful:
            words = (
                "A name with escapes, or a string or comment whose end depends on the database; specify the dialect."
            )
            yield DOUBTFUL.finding(words, line)
        if not self._pieces:
            yield EMPTY.finding("This text contains no statement, so nothing would run.")
        yield from transaction_findings(self._outer, self._context)
        if len(self._changes) > 1:
            words = (
                f"{len(self._changes)} changes in one text: if one fails, those before it may already have been made."
            )
            yield SEVERAL.finding(words, self._changes[1])


def _loop_keys(piece: Piece) -> list[str]:
    """Return the keys of a statement from where a loop begins in it, such as after BEGIN."""
    keys = [token.key for token in piece.tokens]
    if "LOOP" not in keys:
        return keys
    starts = [index for index, key in enumerate(keys[: keys.index("LOOP")]) if key == "FOR"]
    return keys[starts[-1] :] if starts else keys


def _unknown(statement: SqlStatement) -> Finding:
    verb = statement.tokens[0].text[:40] if statement.tokens else ""
    words = f"{verb!r} is not a known statement, so its effects are unknown."
    return Finding(UNPARSED, RiskLevel.HIGH, words, statement.line, unread=True)


def _number(version: str) -> float | None:
    """Return the first two parts of a version as a number: 8.0 for 8.0.36; None if there is none."""
    digits = version.strip().lstrip("vV").split("-")[0].split(".")
    try:
        return float(".".join(digits[:2])) if digits[0] else None
    except ValueError:
        return None
