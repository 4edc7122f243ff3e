"""A lexer that splits SQL into statements and tokens as each database does.

sqlglot's tokenizer serves many dialects and is lenient: if it mistook code that the database runs for a comment or a
string, a statement would be hidden. So this finds and blanks out comments, and sqlglot gets one statement at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from app.risk.sql.client_lines import command_end, separator_end

MAX_TOKENS = 50_000
"""The most tokens of one statement that are kept; a longer statement counts as not parsed."""


class SqlToken(NamedTuple):
    """A piece of code. `kind` is word, name (quoted), string, body (dollar-quoted), number, or op."""

    kind: str
    text: str
    start: int

    @property
    def key(self) -> str:
        """The token in a form for comparisons: words in upper case, names in quotes, strings without their content."""
        if self.kind == "word":
            return self.text.upper()
        if self.kind == "name":
            return f'"{self.text[1:-1]}"'
        return "''" if self.kind in ("string", "body") else self.text


@dataclass
class Piece:
    """One statement's tokens.

    Attributes:
        start, end: Offsets of the first token and after the last one.
        line: 1-based line of the first token.
        code: The text from start to end with its comments blanked out; offsets and lines stay the same.
        broken: Why the statement may be incomplete (an unterminated quote or comment, too many tokens).
        in_body: True between BEGIN and END of a trigger or routine.
    client: The command for a client program, such as psql, that this is instead of a statement; empty for statements.
    """

    tokens: list[SqlToken]
    start: int
    end: int
    line: int
    code: str
    broken: str = ""
    in_body: bool = False
    client: str = ""


@dataclass
class Lexed:
    """Observations outside statements: lines of comments that MySQL would run, and of ambiguous quoting."""

    run_comments: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)


_SPACE = r"(?P<space>[ \t\n\r\f\v]+)"
_STRING = r"(?P<string>(?:[NnBbXx]|[Uu]&)?'(?:[^']|'')*+')"
_BACKSLASH_STRING = r"(?:[^{q}\\]|\\.|{q}{q})*+{q}"
_DOUBLE_NAME = r"\"(?:[^\"]|\"\")*+\""
_WORD = r"(?P<word>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*)"
_TSQL_WORD = _WORD.replace("A-Za-z_", "A-Za-z_@#").replace("0-9_$", "0-9_$@#").replace("?P<word>", "?P<sign>")
_REST = rf"{_WORD}|(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)|(?P<param>\$[0-9]+)|(?P<block>/\*)|(?P<op>.)"


def _compiled(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join([_SPACE, *parts, _REST]), re.DOTALL)


_POSTGRES = _compiled(
    r"(?P<comment>--[^\n\r]*)",
    rf"(?P<escaped>[Ee]'{_BACKSLASH_STRING.format(q=chr(39))})",
    _STRING,
    rf"(?P<name>(?:[Uu]&)?{_DOUBLE_NAME})",
    r"(?P<dollar>\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$)",
)
_SQLITE = _compiled(
    r"(?P<comment>--[^\n]*)", _STRING, rf"(?P<name>{_DOUBLE_NAME}|`(?:[^`]|``)*+`|\[[^\[\]\n]{{0,128}}+\])"
)
_TSQL = _compiled(r"(?P<comment>--[^\n\r]*)", _STRING, rf"(?P<name>{_DOUBLE_NAME}|\[(?:[^\]]|\]\])*+\])", _TSQL_WORD)
_ORACLE = _compiled(
    r"(?P<comment>--[^\n\r]*)",
    r"(?P<string>[Nn]?[Qq]'(?:\[.*?\]|\{.*?\}|\(.*?\)|<.*?>|(?P<mark>[^\s\[{(<]).*?(?P=mark))'|[Nn]?'(?:[^']|'')*+')",
    rf"(?P<name>{_DOUBLE_NAME})",
)
_MYSQL = _compiled(
    r"(?P<comment>(?:#|--(?=[\x00-\x20]|\Z))[^\n]*)",
    rf"(?P<string>[NnBbXx]?'{_BACKSLASH_STRING.format(q=chr(39))}|\"{_BACKSLASH_STRING.format(q=chr(34))})",
    r"(?P<name>`(?:[^`]|``)*+`)",
)
_SNOWFLAKE = _compiled(
    r"(?P<comment>(?:--|//)[^\n\r]*)",
    rf"(?P<string>'{_BACKSLASH_STRING.format(q=chr(39))})",
    rf"(?P<name>{_DOUBLE_NAME})",
    r"(?P<dollar>\$\$)",
)
_LINE_STRING = r"{q}(?:[^{q}\\\n]|\\.)*+{q}"
_TRIPLE_STRING = r"{q}{q}{q}(?:[^{q}\\]|\\.|{q}(?!{q}{q}))*+(?:{q}{q}{q}|\Z)"
_BIGQUERY = _compiled(
    r"(?P<comment>(?:--|#)[^\n\r]*)",
    r"(?P<string>[RrBb]{0,2}(?:"
    + "|".join(form.format(q=quote) for quote in ("'", '"') for form in (_TRIPLE_STRING, _LINE_STRING))
    + "))",
    r"(?P<name>`(?:[^`]|``)*+`)",
)
_CLICKHOUSE = _compiled(
    r"(?P<comment>(?:--|#[! ])[^\n\r]*)",
    rf"(?P<string>'{_BACKSLASH_STRING.format(q=chr(39))})",
    rf"(?P<name>\"{_BACKSLASH_STRING.format(q=chr(34))}|`(?:[^`]|``)*+`)",
    r"(?P<dollar>\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$)",
)
_GENERIC = _compiled(
    r"(?P<comment>--[^\n\r]*)",
    _STRING,
    rf"(?P<name>{_DOUBLE_NAME}|`(?:[^`]|``)*+`)",
    r"(?P<dollar>\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$)",
)
_PATTERNS = {
    "postgres": _POSTGRES, "redshift": _POSTGRES, "duckdb": _POSTGRES, "sqlite": _SQLITE, "mysql": _MYSQL,
    "tsql": _TSQL, "oracle": _ORACLE, "snowflake": _SNOWFLAKE, "bigquery": _BIGQUERY, "clickhouse": _CLICKHOUSE,
}  # fmt: skip
_NESTED_COMMENTS = frozenset({"postgres", "redshift", "duckdb", "tsql"})
_RUN_COMMENT = re.compile(r"/\*M?![0-9]{0,6}")
_MOST_NOTES = 10
_KINDS = {"escaped": "string", "param": "op", "sign": "word"}
_TRANSACTION_WORDS = frozenset({"TRAN", "TRANSACTION", "WORK", "DISTRIBUTED"})
_TRANSACTION = re.compile(r"\s*(?:TRAN|TRANSACTION|WORK|DISTRIBUTED|;|\Z)\b|\s*(?:;|\Z)", re.IGNORECASE)
_CODE_IN_COMMENT = re.compile(
    r"--[^\s-].*(?:;|\b(?:drop|delete|update|truncate|alter|grant|insert|exec|union|or|into|where)\b)", re.IGNORECASE
)
"""A comment that MySQL runs, because no space follows the two hyphens."""
_TOKENS_BETWEEN_LOOKS = 4_096
"""After so many tokens, the lexer looks at the time."""
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def split(
    text: str, dialect: str, noticed: Lexed, late: Callable[[], bool] = lambda: False, *, begins: bool = False
) -> Iterator[Piece]:
    """Yield the statements of a text, without empty ones.

    Args:
        text: SQL.
        dialect: One of those in `_PATTERNS`. Others are parsed generically, and ambiguities between dialects are noted.
        noticed: Receives the observations.
        late: Returns True when there is no time left. The statement that is being split is broken then, and the last.
        begins: Only the beginnings of statements count, so that one with too many tokens is the last.
    """
    lexer = _Lexer(text, dialect, noticed, late)
    lexer.begins = begins
    for tokens, broken in lexer.statements():
        first, last = tokens[0], tokens[-1]
        end = last.start + len(last.text)
        line = lexer.line_of(first.start)
        if first.kind == "client":
            yield Piece(tokens, first.start, end, line, first.text, client=first.text)
        else:
            yield Piece(tokens, first.start, end, line, lexer.code(first.start, end), broken, lexer.in_body)


class _Lexer:
    def __init__(self, text: str, dialect: str, noticed: Lexed, late: Callable[[], bool]) -> None:
        self._text = text
        self._late = late
        self.begins = False
        self._dialect = dialect
        self._pattern = _PATTERNS.get(dialect, _GENERIC)
        self._known = dialect in _PATTERNS
        self._noticed = noticed
        self._blanks: list[tuple[int, int]] = []
        self._line = 1
        self._counted = 0
        self._position = 1 if text[:1] == "\ufeff" else 0  # a byte order mark says how a file is encoded
        self._delimiter = ""
        self._depth = 0
        self.in_body = False

    def line_of(self, offset: int) -> int:
        """Return the line of an offset. Offsets must not decrease from call to call."""
        self._line += self._text.count("\n", self._counted, offset)
        self._counted = offset
        return self._line

    def _note(self, places: list[int], offset: int) -> None:
        if len(places) < _MOST_NOTES:
            places.append(self._text.count("\n", 0, offset) + 1)

    def code(self, start: int, end: int) -> str:
        """Return a statement's text with its comments blanked out. Call this once per statement, in order."""
        parts = []
        position = start
        for comment_start, comment_end in self._blanks:
            if comment_start >= start and comment_end <= end:
                blank = "".join(char if char == "\n" else " " for char in self._text[comment_start:comment_end])
                parts += [self._text[position:comment_start], blank]
                position = comment_end
        self._blanks.clear()
        return "".join([*parts, self._text[position:end]])

    def statements(self) -> Iterator[tuple[list[SqlToken], str]]:
        """Yield each statement's tokens, and why it is incomplete; a client command is one token of kind client."""
        tokens: list[SqlToken] = []
        broken = ""
        for token in self._tokens():
            command = None
            if token.kind == "broken":
                broken = token.text
            elif self._separates(token) or (command := self._client_command(token, not tokens)):
                if tokens:
                    yield from self._finish(tokens, broken)
                tokens, broken = [], ""
                if command:
                    yield [command], ""
            elif len(tokens) < MAX_TOKENS:
                tokens.append(token)
                if self._opens_block(tokens):
                    tokens, self._depth = [], self._depth + 1
                elif self._opens_body(tokens):
                    yield from self._finish(tokens, broken)
                    tokens, broken, self._depth = [], "", 1
            else:
                broken = f"the statement has more than {MAX_TOKENS:,} words and signs"
                if self.begins:
                    break
        if tokens:
            yield from self._finish(tokens, broken)
        elif broken:
            yield [SqlToken("op", self._text[-1], len(self._text) - 1)], broken

    def _separates(self, token: SqlToken) -> bool:
        if self._delimiter and self._text.startswith(self._delimiter, token.start):
            self._position = token.start + len(self._delimiter)
            self._depth = 0
            return True
        if token.kind == "op" and token.text == ";":
            return True
        if token.text in ("\\", "/") or token.text.upper() == "GO":
            end = separator_end(self._text, token.start, self._dialect)
            if end:
                self._position = end
                self._depth = 0
                return True
        return False

    def _client_command(self, token: SqlToken, first: bool) -> SqlToken | None:
        if not (token.text[0] in "\\.:!@$" or (first and token.kind == "word")):
            return None
        end = command_end(self._text, token.start, token.key, first, self._dialect)
        if not end:
            return None
        self._position = end
        command = self._text[token.start : end]
        words = command.split()
        if words and words[0].upper() == "DELIMITER":
            self._delimiter = words[1] if len(words) > 1 and words[1] != ";" else ""
        return SqlToken("client", command, token.start)

    def _finish(self, tokens: list[SqlToken], broken: str) -> Iterator[tuple[list[SqlToken], str]]:
        if self._depth:
            keys = [token.key for token in tokens[:3]]
            if keys[0] == "END":
                if keys[1:2] not in (["IF"], ["LOOP"], ["WHILE"], ["REPEAT"], ["CASE"]):
                    self._depth -= 1
                tokens = tokens[2:] if self._dialect == "tsql" else []
                if not tokens:
                    return
            self._depth += sum(
                token.key == "BEGIN" and after.key not in _TRANSACTION_WORDS for token, after in pairwise(tokens)
            )
        self.in_body = self._depth > 0
        yield tokens, broken

    def _opens_block(self, tokens: list[SqlToken]) -> bool:
        """Return whether a block of T-SQL or PL/SQL begins here, whose statements are judged one by one."""
        if self._dialect not in ("tsql", "oracle") or len(tokens) > 1 or tokens[0].key != "BEGIN":
            return False
        return not _TRANSACTION.match(self._text, tokens[0].start + len("BEGIN"))

    def _opens_body(self, tokens: list[SqlToken]) -> bool:
        """Return whether the statements of a trigger or routine begin here; they are judged one by one."""
        last = tokens[-1].key
        if self._depth or tokens[0].key not in ("CREATE", "ALTER") or last not in ("BEGIN", "ATOMIC"):
            return False
        kinds = {token.key for token in tokens[1:8]}
        if last == "ATOMIC":
            return tokens[-2].key == "BEGIN" and bool(kinds & {"FUNCTION", "PROCEDURE"})
        return self._dialect != "postgres" and bool(kinds & {"TRIGGER", "FUNCTION", "PROCEDURE", "PROC", "EVENT"})

    def _tokens(self) -> Iterator[SqlToken]:
        text, size = self._text, len(self._text)
        count = 0
        while self._position < size:
            count += 1
            if count % _TOKENS_BETWEEN_LOOKS == 0 and self._late():
                yield SqlToken("broken", "reading it to its end would take too long", self._position)
                return
            match = self._pattern.match(text, self._position)
            assert match is not None  # the last alternative matches any character
            kind, start = str(match.lastgroup), self._position
            self._position = match.end()
            problem = ""
            if kind == "space":
                continue
            if kind == "comment":
                self._blanks.append((start, match.end()))
                if not self._known and _CODE_IN_COMMENT.match(match[0]):
                    self._note(self._noticed.doubtful, start)
            elif kind == "block":
                self._position, problem = self._block(start)
            elif kind == "dollar":
                self._position, problem = self._dollar(match)
                yield SqlToken("body", text[start : self._position], start)
            else:
                problem = self._problem(kind, match[0], start)
                if kind == "op" and match[0] == "*" and self._dialect == "mysql" and text.startswith("*/", start):
                    self._blanks.append((start, start + 2))
                    self._position += 1
                else:
                    yield SqlToken(_KINDS.get(kind, kind), match[0], start)
            if problem:
                # The database would read the rest of the text as part of it, and reject it.
                yield SqlToken("broken", problem, start)
                return

    def _problem(self, kind: str, found: str, start: int) -> str:
        if (kind == "op" and found in "'\"`") or (kind == "string" and self._is_open(found)):
            return "a quotation mark is never closed"
        if kind == "name" and found[0] in "Uu" and "\\" in found:
            self._note(self._noticed.doubtful, start)  # nobody can read a name that is written with escapes
        if not self._known and ((kind in ("string", "name") and "\\" in found) or (kind == "op" and found == "#")):
            self._note(self._noticed.doubtful, start)
        return ""

    def _is_open(self, found: str) -> bool:
        """Return whether a string in three quotation marks, which may end where the text does, is never closed."""
        bare = found.lstrip("rRbB")
        return self._dialect == "bigquery" and bare[:3] in ("'''", '"""') and (len(bare) < 6 or bare[:3] != bare[-3:])

    def _dollar(self, match: re.Match[str]) -> tuple[int, str]:
        if not self._known:
            self._note(self._noticed.doubtful, match.start())
        end = self._text.find(match[0], match.end())
        if end < 0:
            return len(self._text), "a dollar-quoted string is never closed"
        return end + len(match[0]), ""

    def _block(self, start: int) -> tuple[int, str]:
        """Skip a comment. One that MySQL runs is noted, and if the dialect is MySQL, its content is lexed as code."""
        opened = _RUN_COMMENT.match(self._text, start)
        if opened is not None:
            self._note(self._noticed.run_comments, start)
            if self._dialect == "mysql":
                self._blanks.append((start, opened.end()))
                return opened.end(), ""
        depth, position = 1, start + 2
        while depth:
            edge = _BLOCK_EDGE.search(self._text, position)
            if edge is None:
                self._blanks.append((start, len(self._text)))
                return len(self._text), "a comment is never closed"
            position = edge.end()
            if edge[0] == "*/":
                depth -= 1
            elif self._dialect in _NESTED_COMMENTS:
                depth += 1
            elif not self._known:
                self._note(self._noticed.doubtful, start)
        self._blanks.append((start, position))
        return position, ""
