"""The smallest parts of PowerShell's syntax: blanks, texts, variables, numbers, and types."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable

from app.risk.powershell.nodes import Block, Declared, Group, Node, Number, Text, Variable

DEEPEST = 45
"""How deep a script may be nested. A nested text takes about ten of Python's frames."""


class SyntaxProblem(Exception):
    """The text is not PowerShell at this place."""


class TooDeep(Exception):
    """The text is nested deeper than can be read."""


_SAME = {
    **dict.fromkeys("–—―", "-"),
    **dict.fromkeys("‘’‚‛", "'"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("\u00a0\u0085\u1680\u202f\u205f\u3000", " "),
    **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
}  # fmt: skip
_AS_ASCII = str.maketrans(_SAME)
_BLANKS = re.compile(r"(?:[ \t\f\v]+|`\r?\n|<#.*?(?:#>|\Z))*", re.DOTALL)
_LINES = re.compile(r"(?:[\s;]+|`\r?\n|<#.*?(?:#>|\Z)|#[^\n]*)*", re.DOTALL)
_NEWLINES = re.compile(r"(?:\s+|`\r?\n|<#.*?(?:#>|\Z)|#[^\n]*)*", re.DOTALL)
_LONGEST_TYPE = 4_000
_VARIABLE = re.compile(r"\$(?:\{((?:[^}`]|`.){0,300})\}|((?:\w+:(?!:))?\w[\w?]*|[$?^]))", re.DOTALL)
_LONE_RETURN = re.compile(r"\r(?!\n)")
_SCOPES = frozenset({"script", "global", "local", "private", "using", "variable", "workflow"})
_NUMBER = re.compile(
    r"(?:0x[0-9a-f]+|[+-]?(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:e[+-]?\d+)?)[uslydn]{0,2}(?:[kmgtp]b)?(?![\w\\])",
    re.IGNORECASE,
)
_BARE = re.compile(r"""[^\s`"'$(){};|&,<>]+""")
_PLAIN_DOUBLE = re.compile(r'[^"`$]+')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40, "pb": 1 << 50}


def variable(line: int, written: str) -> Variable:
    """Return the variable of this name."""
    name = written.strip().lower()
    scope, colon, rest = name.partition(":")
    if colon and scope in _SCOPES:
        return Variable(line, rest, scope)
    return Variable(line, name)


class Scanner(ABC):
    """Reads a text from a position on. Dashes and quotes of typography and other spaces count, as in PowerShell."""

    def __init__(self, text: str, step: Callable[[], None]) -> None:
        # A carriage return by itself ends a line, too, and so a comment: what follows it runs.
        self.text = _LONE_RETURN.sub("\n", text.translate(_AS_ASCII))
        self.at = 0
        self.end = len(text)
        self.depth = 0
        self.step = step
        self.in_attributes: list[Block] = []
        """Script blocks in attributes, which run when a value is assigned, or completed at a prompt."""
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line(self, at: int | None = None) -> int:
        """The line of a position."""
        return bisect_right(self._line_starts, self.at if at is None else at)

    def blanks(self) -> None:
        """Skip blanks, comments, and continued lines."""
        if self.at < self.end and self.text[self.at] in " \t`<\f\v":
            self.at = _BLANKS.match(self.text, self.at).end()  # type: ignore[union-attr]

    def lines(self) -> None:
        """Skip blanks, comments, line breaks, and semicolons."""
        self.at = _LINES.match(self.text, self.at).end()  # type: ignore[union-attr]

    def newlines(self) -> None:
        """Skip blanks, comments, and line breaks."""
        self.at = _NEWLINES.match(self.text, self.at).end()  # type: ignore[union-attr]

    def peek(self, ahead: int = 0) -> str:
        """The next character; empty at the end."""
        place = self.at + ahead
        return self.text[place] if place < self.end else ""

    def starts(self, text: str) -> bool:
        """Return True if this comes next."""
        return self.text.startswith(text, self.at)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what a pattern matches."""
        found = pattern.match(self.text, self.at, self.end)
        if found:
            self.at = found.end()
        return found

    def expect(self, text: str) -> None:
        """Take this text. Raises SyntaxProblem if something else comes next."""
        if not self.starts(text):
            raise SyntaxProblem
        self.at += len(text)

    def deeper(self) -> None:
        """Count a level of nesting. The caller counts it down again."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooDeep

    @abstractmethod
    def group(self, opening: str) -> Group:
        """Read statements up to the closing parenthesis; the parser knows how."""

    def single_quoted(self) -> str:
        """Read ``'…'``."""
        start = self.at + 1
        while True:
            close = self.text.find("'", start)
            if close < 0:
                raise SyntaxProblem
            if not self.text.startswith("''", close):
                break
            start = close + 2
        found = self.text[self.at + 1 : close].replace("''", "'")
        self.at = close + 1
        return found

    def double_quoted(self) -> list[str | Node]:
        """Read ``"…"``."""
        self.at += 1
        parts: list[str | Node] = []
        while self.at < self.end:
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                if self.peek() != '"':
                    return parts
                self.at += 1
                parts.append('"')
            elif char == "`":
                parts.append(self.escape())
            elif char == "$":
                parts.append(self.expanded())
            else:
                parts.append(self.match(_PLAIN_DOUBLE)[0])  # type: ignore[index]
        raise SyntaxProblem

    def escape(self) -> str:
        """Read a backtick with what it escapes."""
        char = self.peek(1)
        self.at += 2
        if char == "u" and self.peek() == "{":
            close = self.text.find("}", self.at)
            code = self.text[self.at + 1 : close]
            if close > 0 and re.fullmatch(r"[0-9a-fA-F]{1,6}", code) and int(code, 16) < 0x110000:
                self.at = close + 1
                return chr(int(code, 16))
        return _ESCAPES.get(char, char)

    def expanded(self) -> str | Node:
        """Read a variable or a subexpression in a text, or the dollar sign itself."""
        line = self.line()
        if self.starts("$("):
            self.at += 2
            return self.group("$(")
        found = _VARIABLE.match(self.text, self.at)
        if not found:
            self.at += 1
            return "$"
        self.at = found.end()
        return variable(line, found[1] if found[1] is not None else found[2])

    def here_string(self) -> Text:
        """Read ``@'…'@`` or ``@"…"@``."""
        line, quote = self.line(), self.peek(1)
        begin = re.compile(r"@[\"'][ \t]*\r?\n").match(self.text, self.at)
        if not begin:
            raise SyntaxProblem
        close = self.text.find(f"\n{quote}@", begin.end() - 1)
        if close < 0:
            raise SyntaxProblem
        inner = self.text[begin.end() : close].removesuffix("\r") if close >= begin.end() else ""
        after = close + 3
        parts: list[str | Node] = [inner]
        if quote == '"':
            parts = self._parts_within(begin.end(), max(close, begin.end()))
        self.at = after
        return Text(line, parts)

    def _parts_within(self, start: int, stop: int) -> list[str | Node]:
        """Read the text between two positions, as within double quotes."""
        before, self.end, self.at = self.end, stop, start
        parts: list[str | Node] = []
        plain = re.compile(r"[^`$]+")
        try:
            while self.at < stop:
                char = self.text[self.at]
                if char == "`":
                    parts.append(self.escape())
                elif char == "$":
                    parts.append(self.expanded())
                else:
                    found = plain.match(self.text, self.at, stop)
                    parts.append(found[0] if found else char)
                    self.at = found.end() if found else self.at + 1
        finally:
            self.end = before
        return parts

    def bare(self, first: Node | None = None) -> Text:
        """Read a word without quotes around it, which may contain variables and quoted parts."""
        line, start = self.line(), self.at
        parts: list[str | Node] = [] if first is None else [first]
        while self.at < self.end:
            if found := self.match(_BARE):
                parts.append(found[0])
                continue
            char = self.text[self.at]
            if char == "`" and self.peek(1) not in ("\r", "\n", ""):
                # A letter stands for itself here: what hides a command's name so is to be read.
                parts.append(self.peek(1))
                self.at += 2
            elif char == '"' and self.at > start:
                parts += self.double_quoted()
            elif char == "'" and self.at > start:
                parts.append(self.single_quoted())
            elif char == "$":
                parts.append(self.expanded())
            else:
                break
        if not parts:
            raise SyntaxProblem
        return Text(line, parts, bare=True)

    def number(self) -> Number | None:
        """Read a number, if there is one."""
        line = self.line()
        found = self.match(_NUMBER)
        if not found:
            return None
        text = found[0].lower()
        unit = _UNITS.get(text[-2:], 1) if not text.startswith("0x") else 1
        digits = text[:-2] if unit > 1 else text
        if digits.startswith("0x"):
            return Number(line, found[0], int(re.match(r"0x[0-9a-f]+", digits)[0], 16))  # type: ignore[index]
        value = float(digits.rstrip("uslydn"))
        whole = int(value) if abs(value) < 1e15 and value == int(value) else value
        return Number(line, found[0], whole * unit)

    def variable(self) -> Variable:
        """Read a variable."""
        line = self.line()
        found = self.match(_VARIABLE)
        if not found:
            raise SyntaxProblem
        return variable(line, found[1] if found[1] is not None else found[2])

    def type_text(self) -> str:
        """Read a type or an attribute between brackets."""
        start, depth = self.at, 0
        while self.at < self.end:
            char = self.text[self.at]
            if char == "'":
                self.single_quoted()
                continue
            if char == '"':
                self.double_quoted()
                continue
            if char == "#" and depth:
                self.newlines()
                continue
            if char == "{" and depth:
                self.in_attributes.append(self.block())
                continue
            self.at += 1
            if self.at - start > _LONGEST_TYPE:
                raise SyntaxProblem
            if char in "[(":
                depth += 1
            elif char in "])":
                depth -= 1
                if not depth:
                    return self.text[start + 1 : self.at - 1].strip()
        raise SyntaxProblem

    def declared(self, close: str) -> list[Declared]:
        """Read parameters up to the closing parenthesis, which is not taken."""
        found: list[Declared] = []
        while True:
            self.newlines()
            if self.starts(close):
                return found
            attributes: list[str] = []
            while self.peek() == "[":
                attributes.append(self.type_text())
                self.newlines()
            name = self.variable()
            self.newlines()
            default = None
            if self.peek() == "=":
                self.at += 1
                self.newlines()
                default = self.value()
                self.newlines()
            found.append(Declared(name.line, name.name, default, attributes))
            if self.peek() == ",":
                self.at += 1
            elif not self.starts(close):
                raise SyntaxProblem

    @abstractmethod
    def block(self) -> Block:
        """Read a script block; the parser knows how."""

    @abstractmethod
    def value(self) -> Node:
        """Read an expression without a comma; the parser knows how."""
