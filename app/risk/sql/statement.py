"""A statement as the rules see it: its tokens, and its syntax tree if sqlglot can parse it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.conditions import Reach
from app.risk.sql.context import Context
from app.risk.sql.lexer import Piece, SqlToken
from app.risk.sql.names import name_of, shortened, written_names
from app.risk.sql.parsing import QUERY_VERBS, SQLGLOT_NAMES, WRITE_VERBS, parseable, parsed
from app.risk.sql.prefixes import prefix_of
from app.risk.sql.selection import reach_of_write

SMALL_TABLE = 10_000
"""With fewer rows, a lock or a rewrite is over before anybody notices."""
LARGE_TABLE = 1_000_000
"""With this many rows or more, a lock or a rewrite takes minutes."""
MAX_NESTING = 24
"""The deepest nesting of brackets that is parsed; sqlglot reaches Python's recursion limit soon after."""

_MODIFIERS = word_set(
    "OR REPLACE ALTER AND COMPILE RESOLVE FORCE NOFORCE EDITIONABLE NONEDITIONABLE SHARDED PRIVATE TEMP TEMPORARY "
    "UNLOGGED GLOBAL LOCAL UNIQUE FULLTEXT SPATIAL CLUSTERED NONCLUSTERED RECURSIVE CONSTRAINT TRUSTED PROCEDURAL "
    "VIRTUAL FOREIGN AGGREGATE BITMAP COLUMNSTORE"
)
TRANSACTION_WORDS = word_set(
    "TRANSACTION WORK TRAN ISOLATION READ NOT DEFERRABLE DEFERRED IMMEDIATE EXCLUSIVE CONCURRENT DISTRIBUTED"
)
"""What may follow BEGIN when it begins a transaction, not a block."""
CONTROL = word_set(
    "IF ELSIF ELSEIF ELSE WHILE FOR FOREACH LOOP REPEAT UNTIL CASE WHEN EXCEPTION RETURN RETURNS RAISE NULL EXIT "
    "CONTINUE LEAVE ITERATE GET OPEN PRINT RAISERROR THROW GOTO TRY CATCH ASSERT SIGNAL RESIGNAL BREAK TRY"
)
"""First words of control flow, which does nothing by itself."""
_ROUTINES = word_set("FUNCTION PROCEDURE PROC TRIGGER EVENT PACKAGE RULE TASK")
_COMPOUND = word_set("IF ELSIF ELSEIF ELSE WHILE FOR FOREACH LOOP REPEAT CASE WHEN DECLARE EXCEPTION")
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_ALIASES = {
    "postgresql": "postgres", "pg": "postgres", "psql": "postgres", "plpgsql": "postgres", "pgsql": "postgres",
    "timescale": "postgres", "timescaledb": "postgres", "cockroachdb": "postgres", "sqlite3": "sqlite",
    "mariadb": "mysql", "sparksql": "spark", "athena": "trino", "azuresql": "tsql", "yugabyte": "postgres",
    "mssql": "tsql", "sqlserver": "tsql", "transactsql": "tsql",
}  # fmt: skip


def dialect_named(name: str) -> str:
    """Return our name of a dialect; empty if it is unknown, and the text is parsed generically."""
    plain = "".join(char for char in name.lower() if char.isalnum())
    plain = _ALIASES.get(plain, plain)
    return plain if plain in SQLGLOT_NAMES else ""


class Write(NamedTuple):
    """An INSERT, UPDATE, DELETE, or MERGE, by itself or inside another statement."""

    node: exp.Expression
    line: int
    table: str


class SqlStatement:
    """A statement and its context.

    Attributes:
        tokens: Its code, without a prefix such as EXPLAIN ANALYZE.
        keys: The tokens' keys for comparisons (see `Token.key`).
        verb: The first key, such as SELECT; ``EXPLAIN`` if the statement is only explained.
        line: 1-based line of the first token.
        dialect: Our name of the dialect; empty if unknown.
        prefix: The prefix (``EXPLAIN``, ``PREPARE``, ``DECLARE``). The statement is judged as what the prefix runs.
        prepared: The name under which the statement is prepared; otherwise empty.
        context: What is known from earlier statements.
        parsed_as: The dialect in which `tree` was parsed.
    """

    def __init__(
        self,
        piece: Piece,
        dialect: str,
        rows: Mapping[str, int],
        parse: bool = True,
        context: Context | None = None,
    ) -> None:
        self.dialect = dialect
        self.context = context or Context()
        self.broken = piece.broken
        self.line = piece.line
        self._piece = piece
        self._rows = rows
        self._parse = parse
        skipped, self.prefix = prefix_of(piece.tokens)
        self.prepared = piece.tokens[1].text if self.prefix == "PREPARE" and skipped > 1 else ""
        self.tokens = piece.tokens[skipped:]
        self.keys = [token.key for token in self.tokens]
        self.verb = self.keys[0] if self.keys else ""
        self.parsed_as = dialect
        self._selected: dict[int, Reach] = {}
        self._actions: list[tuple[int, list[str]]] | None = None
        if self.prefix == "EXPLAIN" and not skipped:
            self.verb = "EXPLAIN"

    @cached_property
    def tree(self) -> exp.Expression | None:
        """The syntax tree; None if sqlglot cannot parse the statement, or finds more than one."""
        if (
            self.verb == "EXPLAIN"
            or not self._parse
            or self.broken
            or "{" in self.keys
            or max(self._nesting, self._chain) > MAX_NESTING
        ):
            return None
        start = self.tokens[0].start
        code = parseable(self._piece.code[start - self._piece.start :], self.tokens, self.keys, self.dialect)
        tree, self.parsed_as = parsed(code, self.dialect, len(self.tokens))
        return tree

    @property
    def procedural(self) -> bool:
        """True if the statement holds others, such as IF … THEN, or a routine without quotes around its code."""
        routine = self.verb in ("CREATE", "ALTER") and self.object in _ROUTINES
        return routine or self.verb in _COMPOUND or (self.verb == "BEGIN" and len(self.keys) > 1)

    @property
    def _nesting(self) -> int:
        depth = deepest = 0
        for key in self.keys:
            depth += (key in "([") - (key in ")]") if len(key) == 1 else 0
            deepest = max(deepest, depth)
        return deepest

    @property
    def _chain(self) -> int:
        """The most consecutive subscripts: sqlglot nests them, and takes quadratic time."""
        run = longest = 0
        for before, key in pairwise(self.keys):
            if key == "[" and before == "]":
                run += 1
                longest = max(longest, run)
            elif key == "[":
                run = 0
        return longest

    @property
    def understood(self) -> bool:
        """True if a query or write was parsed into what its verb says."""
        if self.verb in WRITE_VERBS:
            return isinstance(self.tree, (*_WRITES, exp.MultitableInserts))
        if self.verb in ("CREATE", "COPY"):
            return isinstance(self.tree, (exp.Create, exp.Copy))
        return isinstance(self.tree, (exp.Query, exp.Values, exp.Pivot, *_WRITES))

    @property
    def is_read(self) -> bool:
        """True if the statement's effects follow from what has been read of it, apart from what findings say."""
        if self.broken or self._interpolated:
            return False
        if self.verb in QUERY_VERBS or self.verb in WRITE_VERBS or self.verb in ("CREATE", "COPY"):
            return self.tree is not None
        return True

    @property
    def _interpolated(self) -> bool:
        """True if psql puts a variable's text into the statement, as in `:name`."""
        if self.dialect != "postgres" or ":" not in self.keys:
            return False
        return any(
            key == ":"
            and (index == 0 or self.keys[index - 1] != ":")
            and self.tokens[index + 1].kind in ("word", "name", "string")
            and self.tokens[index + 1].start == self.tokens[index].start + 1
            for index, key in enumerate(self.keys[:-1])
        )

    @cached_property
    def writes(self) -> list[Write]:
        """All writes in the statement; the branches of a MERGE belong to the MERGE."""
        if self.tree is None:
            return []
        nodes = [node for node in self.tree.find_all(*_WRITES) if not isinstance(node.parent, exp.When)]
        return [Write(node, self._line_of(node), name_of(node)) for node in nodes]

    def selected(self, write: Write) -> Reach:
        """Return how many rows of its table a write changes."""
        if id(write.node) not in self._selected:
            looping = self.context.looping
            few = write.node is self.tree and self._top and not looping
            self._selected[id(write.node)] = (
                Reach.SOME if few else reach_of_write(write.node, looping, self.context.rows)
            )
        return self._selected[id(write.node)]

    def reach_of_condition(self, index: int) -> Reach:
        """Return how many rows a condition selects that begins with WHERE at a token and goes on to the end."""
        code = self._piece.code[self.tokens[index].start - self._piece.start :]
        tree, _ = parsed(" ".join(("DELETE FROM t", code)), self.dialect, len(self.tokens))
        return reach_of_write(tree) if tree is not None else Reach.SOME

    @property
    def _top(self) -> bool:
        """True if T-SQL's TOP restricts the statement to a number of rows."""
        place = self.find("TOP")
        return 0 < place < 3 and "PERCENT" not in self.keys[place : place + 6] and self.verb in ("DELETE", "UPDATE")

    def _line_of(self, node: exp.Expression) -> int:
        if node is self.tree and self.verb in WRITE_VERBS:
            return self.line_at(0)
        offsets = [name.meta["start"] for name in node.find_all(exp.Identifier) if "start" in name.meta]
        first = min(offsets, default=0) + self.tokens[0].start
        verb = type(node).__name__.upper()
        before = [index for index, token in enumerate(self.tokens) if token.start <= first and self.keys[index] == verb]
        return self.line_at(before[-1] if before else 0)

    def line_at(self, index: int) -> int:
        """Return the line of a token."""
        return self._piece.line + bisect_left(self._line_ends, self.tokens[index].start - self._piece.start)

    @cached_property
    def _line_ends(self) -> list[int]:
        return [index for index, char in enumerate(self._piece.code) if char == "\n"]

    def starts(self, *keys: str) -> bool:
        """Return True if the statement begins with these keys."""
        return tuple(self.keys[: len(keys)]) == keys

    def find(self, *keys: str, after: int = 0) -> int:
        """Return the index where these keys first occur in sequence; -1 if they do not."""
        size = len(keys)
        for index in range(after, len(self.keys) - size + 1):
            if self.keys[index] == keys[0] and tuple(self.keys[index : index + size]) == keys:
                return index
        return -1

    def has(self, *keys: str) -> bool:
        """Return True if these keys occur in sequence."""
        return self.find(*keys) >= 0

    @cached_property
    def object(self) -> str:
        """The kind of object of a CREATE, ALTER, or DROP, such as TABLE or MATERIALIZED."""
        index = 1
        while index < min(len(self.keys), 16):
            key = self.keys[index]
            if key in ("DEFINER", "ALGORITHM") and self.keys[index + 1 : index + 2] == ["="]:
                index += 5 if self.keys[index + 3 : index + 4] == ["@"] else 3
            elif key == "SQL" and self.keys[index + 1 : index + 2] == ["SECURITY"]:
                index += 3
            elif key in _MODIFIERS:
                index += 1
            else:
                return key
        return ""

    def name_after(self, index: int) -> str:
        """Return the possibly qualified name at a token, as written. IF EXISTS and ONLY are skipped."""
        while index < len(self.keys) and self.keys[index] in (
            "IF",
            "NOT",
            "EXISTS",
            "ONLY",
            "TABLE",
            "CONCURRENTLY",
            "VIEW",
        ):
            index += 1
        parts = []
        while index < len(self.tokens) and self.tokens[index].kind in ("word", "name"):
            parts.append(self.tokens[index].text)
            if index + 1 >= len(self.keys) or self.keys[index + 1] != ".":
                break
            index += 2
        return shortened(".".join(parts))

    def names_after(self, index: int) -> list[str]:
        """Return the names at a token that are separated by commas."""
        names = [self.name_after(index)]
        depth = 0
        for place in range(index, len(self.keys)):
            key = self.keys[place]
            depth += (key == "(") - (key == ")")
            if key == "," and depth == 0:
                names.append(self.name_after(place + 1))
        return [name for name in names if name]

    @cached_property
    def targets(self) -> list[str]:
        """The tables and other objects that the statement changes, as written; empty if that cannot be told."""
        if self.writes:
            return [name for write in self.writes for name in written_names(write.node)]
        if self.verb in ("DROP", "ALTER") and self.object in self.keys:
            names = self.names_after(self.keys.index(self.object) + 1) if self.verb == "DROP" else [self.object_name]
            return [] if self.object in ("OWNED", "SYSTEM", "DATABASE", "ROLE", "USER", "DEFAULT") else names
        if self.verb == "TRUNCATE":
            return self.names_after(1)
        if self.verb == "CREATE" and self.object == "INDEX":
            return [self.name_after(self.find("ON") + 1)] if self.has("ON") else []
        if self.verb in ("ANALYZE", "CLUSTER", "LOCK", "REFRESH", "REINDEX"):
            words = ("MATERIALIZED", "VIEW", "TABLE", "INDEX", "VERBOSE", "CONCURRENTLY")
            place = next((place for place, key in enumerate(self.keys) if place and key not in words), 0)
            return self.names_after(place) if place else []
        return []

    @property
    def object_name(self) -> str:
        """The first name in a CREATE, ALTER, or DROP."""
        return self.name_after(self.keys.index(self.object) + 1) if self.object in self.keys else ""

    def rows_of(self, name: str) -> int | None:
        """Return the known number of rows of a table."""
        return self._rows.get(name.lower().replace('"', "").rsplit(".", 1)[-1])

    def actions(self) -> list[tuple[int, list[str]]]:
        """Return the actions of an ALTER TABLE, each as the index of its first token and its keys."""
        if self._actions is None:
            self._actions = list(self._split_actions())
        return self._actions

    def _split_actions(self) -> Iterator[tuple[int, list[str]]]:
        index = self.keys.index(self.object) + 1 if self.object in self.keys else 1
        while index < len(self.keys) and self.keys[index] in ("IF", "EXISTS", "ONLY"):
            index += 1
        while index + 1 < len(self.keys) and self.keys[index + 1] == ".":
            index += 2
        index += 1
        start, depth = index, 0
        for index in range(start, len(self.keys) + 1):
            key = self.keys[index] if index < len(self.keys) else ","
            depth += (key == "(") - (key == ")")
            if (key == "," and depth <= 0) or index == len(self.keys):
                if index > start:
                    yield start, self.keys[start:index]
                start = index + 1

    def calls(self) -> Iterator[tuple[str, str, int]]:
        """Yield what may be a call: its schema or package and its name, in lower case, and the index of its token.

        That is every name before a bracket, whether it is a function or not, and what EXEC, CALL, or a statement that
        consists of a name runs.
        """
        called = self._procedure()
        for index in range(len(self.keys)):
            bracket = index + 1 < len(self.keys) and self.keys[index + 1] == "("
            if (bracket or index == called) and self.tokens[index].kind in ("word", "name"):
                yield self._schema_before(index), _bare_name(self.tokens[index]), index

    def _procedure(self) -> int:
        """Return the index of the name of a procedure that the statement runs; -1 if it runs none."""
        index = 0
        if self.verb in ("EXEC", "EXECUTE", "CALL"):
            index = 3 if self.keys[2:3] == ["="] else 1
        elif not self.verb.startswith(("SP_", "XP_")) and self.keys[1:2] != ["."] and not self._is_plain_call:
            return -1
        while index + 2 < len(self.keys) and self.keys[index + 1] == ".":
            index += 3 if self.keys[index + 2] == "." else 2
        return index if index < len(self.keys) else -1

    @cached_property
    def runs_literal(self) -> bool:
        """True if the statement runs a text, or prepares it, and all of that text is written in it."""
        keys = self.keys
        if self.verb == "PREPARE":
            return keys[2:] == ["FROM", "''"]
        if self.verb in ("EXEC", "EXECUTE") and keys[1:2] == ["("]:
            return keys[1:] == ["(", "''", ")"]
        if keys[:2] == ["EXECUTE", "IMMEDIATE"]:
            return keys[2:3] == ["''"] and keys[3:4] in ([], ["USING"], ["INTO"])
        place = self.find("SP_EXECUTESQL")
        return 0 <= place <= 5 and keys[place + 1 : place + 2] == ["''"] and keys[place + 2 : place + 3] in ([], [","])

    @property
    def _is_plain_call(self) -> bool:
        """True if the statement is a call of PL/SQL, such as `archive(30)`."""
        statements = QUERY_VERBS | WRITE_VERBS | CONTROL
        return self.dialect == "oracle" and self.keys[1:2] == ["("] and self.verb not in statements

    @property
    def procedure(self) -> str:
        """The qualified name of the procedure that the statement runs, in lower case; empty if it runs none."""
        index = self._procedure()
        if index < 0 or self.tokens[index].kind not in ("word", "name"):
            return ""
        schema, name = self._schema_before(index), _bare_name(self.tokens[index])
        return f"{schema}.{name}" if schema else name

    def _schema_before(self, index: int) -> str:
        if index < 2 or self.keys[index - 1] != ".":
            return ""
        return _bare_name(self.tokens[index - 2]) if self.keys[index - 2] != "." else ""


def _bare_name(token: SqlToken) -> str:
    return token.text.strip('"`[]').lower()
