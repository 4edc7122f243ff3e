"""PowerShell's statements and commands.

The grammar is our own: `tree-sitter-powershell` fails on a third of real scripts, such as a `switch` in one line, lists
without quotes among a command's arguments, and dashes or quotes of typography. A statement that cannot be parsed is
skipped and noted, and the rest is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.risk.powershell.expressions import Expressions
from app.risk.powershell.nodes import (
    Array,
    Assign,
    Attempt,
    Block,
    Command,
    Declared,
    Function,
    Given,
    Group,
    If,
    Loop,
    Methods,
    Named,
    Node,
    Pipeline,
    Redirect,
    Splat,
    Switch,
    Text,
    TypeName,
)
from app.risk.powershell.scanner import SyntaxProblem

_WORD = re.compile(r"[A-Za-z_]+")
_ASSIGN = re.compile(r"(?:[-+*/%]|\?\?)?=(?!=)")
_REDIRECT = re.compile(r"[1-6*]?>>?(?:&[12])?|<")
_PARAMETER = re.compile(r"-{1,2}[A-Za-z_?][^\s(){};|&,<>\"'`$:]*")
_EXPRESSION = re.compile(
    r"""[$"'([{]|@[({"']|[+-]?(?:0x[0-9a-f]+|(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:e[+-]?\d+)?)[uslydn]{0,2}(?:[kmgtp]b)?"""
    r"""(?=\s*(?:[;|)}\],+*/%=\n]|-\s?\d|-[a-z]+\s|\.\.|$))|[+-]\s*[$(\d]|!|\+\+|--\$|,|-(?:not|bnot|join|[ic]?split)\b""",
    re.IGNORECASE,
)
_DOT_SOURCE = re.compile(r"\.(?=[\s$(\"'{&])")
_END = frozenset("\r\n;|)}")


class Parser(Expressions):
    """Reads a script."""

    def __init__(self, text: str, step: Callable[[], None]) -> None:
        super().__init__(text, step)
        self.problems: list[int] = []
        """The lines of statements that cannot be parsed."""
        self.unclosed: list[Node] = []
        """What could be parsed of them."""

    def script(self) -> Block:
        """Read the whole text."""
        line = self.line()
        parameters: list[Declared] = []
        statements: list[Node] = []
        while self.at < self.end:
            statements += self.statements("", parameters)
            if self.at < self.end:  # a closing parenthesis or brace that nothing has opened
                self.problems.append(self.line())
                self.at += 1
        return Block(line, statements + self.unclosed, parameters)

    def statements(self, close: str, parameters: list[Declared] | None = None) -> list[Node]:
        """Read statements up to a closing parenthesis or brace, which is not taken."""
        found: list[Node] = []
        depth = self.depth
        while True:
            self.lines()
            if self.at >= self.end or (self.text[self.at] in ")}"):
                return found
            self.step()
            start, end = self.at, self.end
            try:
                if parameters is not None and re.compile(r"param\s*\(", re.I).match(self.text, self.at):
                    parameters += self._parameters()
                    continue
                found.append(self.statement())
                self.blanks()
                if self.at < self.end and self.text[self.at] not in "\r\n;)}#" and not self._needs_no_end(found[-1]):
                    raise SyntaxProblem
            except SyntaxProblem:
                self.depth, self.end = depth, end
                self.problems.append(self.line(start))
                self._skip(start)

    def _needs_no_end(self, statement: Node) -> bool:
        """Whether another statement may follow in the same line: after a block, and after an attribute."""
        if isinstance(statement, TypeName):
            return self.peek() in "pP["
        return isinstance(statement, (If, Loop, Switch, Attempt, Function, Methods)) or (
            isinstance(statement, Group) and self.text[self.at - 1] in "} \t"
        )

    def _skip(self, start: int) -> None:
        """Go on after the line in which a statement could not be parsed."""
        self.at = max(self.at, start)
        after = self.text.find("\n", self.at, self.end)
        semicolon = self.text.find(";", self.at, self.end if after < 0 else after)
        if semicolon >= 0:
            after = semicolon
        self.at = max(start + 1, self.end if after < 0 else after)

    def _parameters(self) -> list[Declared]:
        self.at = self.text.index("(", self.at) + 1
        found = self.declared(")")
        self.at += 1
        return found

    def group(self, opening: str) -> Group:
        line = self.line()
        self.deeper()
        statements = self._closed(self.statements(")"), ")")
        self.depth -= 1
        return Group(line, opening, statements)

    def _closed(self, statements: list[Node], close: str) -> list[Node]:
        """Take what closes statements. They are read, too, if it is missing."""
        if not self.starts(close):
            self.unclosed += statements
        self.expect(close)
        return statements

    def block(self) -> Block:
        """Read a script block or the body of a statement."""
        line = self.line()
        self.expect("{")
        self.deeper()
        parameters: list[Declared] = []
        statements = self._closed(self.statements("}", parameters), "}")
        self.depth -= 1
        return Block(line, statements, parameters)

    def statement(self) -> Node:
        """Read a statement."""
        if self.peek() == ":" and re.match(r":\w", self.text[self.at : self.at + 2]):
            self.match(re.compile(r":\w+"))
            self.newlines()
        found = _WORD.match(self.text, self.at)
        if found and (reader := _STATEMENTS.get(found[0].lower())):
            after = self.text[found.end() : found.end() + 1]
            if not after or after in " \t\r\n({;)}|$\"'`<":
                start = self.at
                self.at = found.end()
                read = reader(self, found[0].lower(), self.line(start))
                if read is not None:
                    return read
                self.at = start
        return self.pipeline()

    def pipeline(self) -> Node:
        """Read a pipeline, with those that ``&&`` and ``||`` join to it."""
        line = self.line()
        first = self._one_pipeline()
        if isinstance(first, Assign):
            return first
        chain = [first]
        while True:
            self.blanks()
            if not (self.starts("&&") or self.starts("||")):
                break
            self.at += 2
            self.newlines()
            chain.append(self._one_pipeline())
        if self.peek() == "&":  # in the background
            self.at += 1
        return chain[0] if len(chain) == 1 else Group(line, "(", chain)

    def _one_pipeline(self) -> Node:
        line = self.line()
        redirects: list[Redirect] = []
        first = self._element(redirects)
        if isinstance(first, Assign):
            return first
        elements = [first]
        while True:
            self.blanks()
            if self.peek() == "|" and self.peek(1) != "|":
                self.at += 1
            elif not self._continued():
                break
            self.newlines()
            self.step()
            elements.append(self._element(redirects))
        if len(elements) == 1 and not redirects and not isinstance(first, Command):
            return first
        return Pipeline(line, elements, redirects)

    def _continued(self) -> bool:
        """Take the bar of a pipeline that goes on in the next line."""
        if self.at >= self.end or self.text[self.at] not in "\r\n#":
            return False
        back = self.at
        self.newlines()
        if self.at < self.end and self.peek() == "|" and self.peek(1) != "|":
            self.at += 1
            return True
        self.at = back
        return False

    def _element(self, redirects: list[Redirect]) -> Node:
        if _EXPRESSION.match(self.text, self.at, self.end):
            line = self.line()
            left = self.expression()
            self.blanks()
            if found := self.match(_ASSIGN):
                self.newlines()
                self.deeper()
                value = self.statement()
                self.depth -= 1
                return Assign(line, left, found[0], value)
            self._redirects(redirects)
            return left
        return self._command(redirects)

    def _redirects(self, redirects: list[Redirect]) -> bool:
        found = False
        while True:
            self.blanks()
            match = _REDIRECT.match(self.text, self.at, self.end)
            if not match:
                return found
            found = True
            line = self.line()
            self.at = match.end()
            if not match[0].endswith(("&1", "&2")):
                self.blanks()
                redirects.append(Redirect(line, match[0], self._argument_value()))

    def _command(self, redirects: list[Redirect]) -> Node:
        line, start, operator = self.line(), self.at, ""
        if self.peek() == "&":
            operator = "&"
            self.at += 1
        elif _DOT_SOURCE.match(self.text, self.at):
            operator = "."
            self.at += 1
        self.blanks()
        name = self._name()
        shown = self.text[start : self.at]
        arguments: list[Node] = []
        while True:
            self.blanks()
            if self.at >= self.end or self.text[self.at] in _END or self.starts("&&"):
                break
            if self._redirects(redirects):
                continue
            if self.peek() == "&":
                break
            if self.peek() == "#":
                self._comment()
                break
            self.step()
            arguments.append(self._argument())
        return Command(line, operator, name, shown, arguments)

    def _comment(self) -> None:
        after = self.text.find("\n", self.at, self.end)
        self.at = self.end if after < 0 else after

    def _name(self) -> Node:
        char = self.peek()
        if char and char in "$(\"'{@":
            if char == "$" and (found := re.compile(r"\$[\w:{}]+[\\/]").match(self.text, self.at)):
                return self.bare() if found else self.postfix(self.primary())
            return self.postfix(self.primary())
        return self.bare()

    def _argument(self) -> Node:
        line, start = self.line(), self.at
        if self.starts("--%"):
            stop = re.compile(r"[\n|]").search(self.text, self.at)
            text = self.text[self.at + 3 : stop.start() if stop else self.end].strip()
            self.at = stop.start() if stop else self.end
            return Given(line, Text(line, [text], bare=True), text)
        found = _PARAMETER.match(self.text, self.at, self.end)
        if found and self._is_parameter(found):
            self.at = found.end()
            value = None
            if self.peek() == ":":
                self.at += 1
                self.blanks()
                if self.at < self.end and self.text[self.at] not in _END:
                    value = self._argument_value()
            return Named(line, found[0].lstrip("-").replace("`", ""), value, self.text[start : self.at][:200])
        value = self._argument_value()
        if isinstance(value, Splat):
            return value
        return Given(line, value, self.text[start : self.at][:200])

    def _is_parameter(self, found: re.Match[str]) -> bool:
        """Whether what begins with a dash is complete with it; backticks and variables make it one to expand."""
        return self.text[found.end() : found.end() + 1] not in tuple("`$\"'")

    def _argument_value(self) -> Node:
        """Read an argument, or several separated by commas."""
        line = self.line()
        first = self._one_argument()
        if not self._comma():
            return first
        items = [first]
        while True:
            items.append(self._one_argument())
            self.step()
            if not self._comma():
                return Array(line, items)

    def _comma(self) -> bool:
        back = self.at
        self.blanks()
        if self.peek() != ",":
            self.at = back
            return False
        self.at += 1
        self.newlines()
        return True

    def _one_argument(self) -> Node:
        char = self.peek()
        if char == "@" and not re.match(r"@[({\"']", self.text[self.at : self.at + 2]):
            found = re.compile(r"@[\w:]+(?=[\s;|)},]|$)").match(self.text, self.at, self.end)
            return self.at_sign() if found else self.bare()
        if char == "$" and self.starts("$("):
            value = self.postfix(self.primary())
            return self.bare(value) if self._word_goes_on() else value
        if char == "$" and re.match(r"\$[\w{?^$]", self.text[self.at : self.at + 2]):
            variable: Node = self.variable()
            value = self.postfix(variable)
            return self.bare(value) if value is variable and self._word_goes_on() else value
        if char and char in "\"'({@":
            return self.postfix(self.primary())
        if char == ",":
            self.at += 1
            return Array(self.line(), [self._one_argument()])
        return self.bare()

    def _word_goes_on(self) -> bool:
        char = self.peek()
        return bool(char) and char not in " \t\r\n;|&(){},<>"

    def body(self) -> Block:
        """Read the block of a statement."""
        self.newlines()
        return self.block()

    def condition(self) -> Node:
        """Read a condition in parentheses."""
        self.newlines()
        self.expect("(")
        return self.group("(")

    def optional(self) -> Node | None:
        """Read a pipeline if there is one."""
        self.blanks()
        if self.at >= self.end or self.text[self.at] in _END:
            return None
        return self.pipeline()


from app.risk.powershell.statements import STATEMENTS as _STATEMENTS  # noqa: E402 - they need the parser's class
