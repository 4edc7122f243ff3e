"""PowerShell's expressions."""

from __future__ import annotations

import re
from abc import abstractmethod

from app.risk.powershell.nodes import (
    Array,
    Binary,
    BlockValue,
    Cast,
    Choice,
    Group,
    Index,
    Invoke,
    Member,
    Node,
    Splat,
    Table,
    Text,
    TypeName,
    Unary,
)
from app.risk.powershell.scanner import Scanner, SyntaxProblem, TooDeep

_OPERATOR = re.compile(
    r"-(?:(and|or|xor)|(band|bor|bxor|shl|shr)|(is|isnot|as|join|[ci]?(?:eq|ne|gt|ge|lt|le|(?:not)?like|(?:not)?match"
    r"|replace|(?:not)?contains|(?:not)?in|split))|(f))(?![A-Za-z0-9_])|(\.\.)|([*/%](?!=))|([+-](?!=))|(,)|(\?\?(?!=))",
    re.IGNORECASE,
)
# How tightly the groups of `_OPERATOR` bind.
_LEVELS = (None, 1, 2, 3, 6, 7, 5, 4, 8, 0)
_COMMA = 8
_UNARY = re.compile(r"(?:-(?:not|bnot|join|[ic]?split)(?![A-Za-z0-9_])|!|\+\+|--|[+,-])", re.IGNORECASE)
_MEMBER = re.compile(r"\.(?:[\w\"'$({]|[ \t]*\r?\n\s*[A-Za-z_])")
_TYPES = re.compile(r"\[[\w.,\[\] ]{1,200}\](?=\()")
_NAME = re.compile(r"[A-Za-z_]\w*")
_OPERAND = frozenset("$@\"'([{!+-") | frozenset("0123456789.")
_LONGEST_CHAIN = 60


def plain_operator(written: str) -> str:
    """Return an operator without its dash and without the letter for upper and lower case."""
    name = written.lower().lstrip("-") if len(written) > 1 and written not in ("--", "++") else written
    if name[:1] in "ic" and name[1:] in (
        "eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch", "replace", "contains",
        "notcontains", "in", "notin", "split",
    ):  # fmt: skip
        return name[1:]
    return name


class Expressions(Scanner):
    """Reads expressions."""

    def expression(self, level: int = 0) -> Node:
        """Read an expression whose operators bind at least this tightly."""
        left = self.unary()
        while True:
            self.blanks()
            found = _OPERATOR.match(self.text, self.at)
            if not found or found.lastindex is None:
                break
            binds = _LEVELS[found.lastindex] or 0
            if binds < level:
                break
            line = self.line()
            self.at = found.end()
            self.newlines()
            self.step()
            if binds == _COMMA:
                left = self._array(left, line)
            else:
                left = Binary(line, plain_operator(found[0]), left, self.expression(binds + 1))
        if (
            level == 0
            and self.peek() == "?"
            and not self.starts("??")
            and self.peek(1) in tuple(" \t\n\r$(?'\"[@0123456789")
        ):
            return self._choice(left)
        return left

    def _array(self, first: Node, line: int) -> Array:
        items = [first, self.expression(_COMMA + 1)]
        while True:
            self.blanks()
            if self.peek() != ",":
                return Array(line, items)
            self.at += 1
            self.newlines()
            self.step()
            items.append(self.expression(_COMMA + 1))

    def _choice(self, condition: Node) -> Node:
        line = self.line()
        self.at += 1
        self.newlines()
        yes = self.expression(1)
        self.newlines()
        self.expect(":")
        self.newlines()
        self.deeper()
        no = self.expression()
        self.depth -= 1
        return Choice(line, condition, yes, no)

    def value(self) -> Node:
        """Read an expression without a comma."""
        return self.expression(_COMMA + 1)

    def argument(self) -> Node:
        """Read an argument of a method: any expression without a comma at its outside."""
        left = self.unary()
        while True:
            self.newlines()
            found = _OPERATOR.match(self.text, self.at)
            if not found or found.lastindex is None or found[0] == ",":
                break
            line = self.line()
            self.at = found.end()
            self.newlines()
            left = Binary(line, plain_operator(found[0]), left, self._right_of((_LEVELS[found.lastindex] or 0) + 1))
        if self.peek() == "?":
            return self._choice(left)
        return left

    def _right_of(self, level: int) -> Node:
        left = self.unary()
        while True:
            self.newlines()
            found = _OPERATOR.match(self.text, self.at)
            if not found or found.lastindex is None or found[0] == ",":
                return left
            binds = _LEVELS[found.lastindex] or 0
            if binds < level:
                return left
            line = self.line()
            self.at = found.end()
            self.newlines()
            left = Binary(line, plain_operator(found[0]), left, self._right_of(binds + 1))

    def unary(self) -> Node:
        """Read an expression without operators between its parts."""
        self.blanks()
        char = self.peek()
        if char in "-+!," and char:
            number = self.number() if char in "+-" and self.peek(1).isdigit() else None
            if number is not None:
                return self.postfix(number)
            found = self.match(_UNARY)
            if not found:
                raise SyntaxProblem
            line = self.line()
            self.newlines()
            self.deeper()
            operand = self.unary()
            self.depth -= 1
            return Unary(line, plain_operator(found[0]), operand)
        if char == "[":
            return self._typed()
        return self.postfix(self.primary())

    def _typed(self) -> Node:
        line = self.line()
        name = self.type_text()
        ahead = self.at
        if self.starts("::") or self.starts("."):
            return self.postfix(TypeName(line, name))
        self.blanks()
        if self.peek() in _OPERAND and not self._operator_next():
            self.deeper()
            operand = self.unary()
            self.depth -= 1
            return Cast(line, name, operand)
        if self.peek() in "\r\n" and self.peek():
            back = self.at
            self.newlines()
            if self.peek() in "[$":  # attributes on lines of their own
                self.deeper()
                operand = self.unary()
                self.depth -= 1
                return Cast(line, name, operand)
            self.at = back
        self.at = ahead
        return TypeName(line, name)

    def _operator_next(self) -> bool:
        found = _OPERATOR.match(self.text, self.at)
        return found is not None and not re.match(r"[+-][$(\d]", self.text[self.at : self.at + 2])

    def primary(self) -> Node:
        """Read the innermost part of an expression."""
        char, line = self.peek(), self.line()
        if char == "$":
            if self.starts("$("):
                self.at += 2
                return self.group("$(")
            return self.variable()
        if char == "'":
            return Text(line, [self.single_quoted()])
        if char == '"':
            return Text(line, self.double_quoted())
        if char == "(":
            self.at += 1
            return self.group("(")
        if char == "{":
            return BlockValue(line, self.block())
        if char == "@":
            return self.at_sign()
        number = self.number()
        if number is None:
            raise SyntaxProblem
        return number

    def at_sign(self) -> Node:
        """Read what begins with ``@``."""
        char, line = self.peek(1), self.line()
        if char == "(":
            self.at += 2
            return self.group("@(")
        if char == "{":
            return self.table()
        if char and char in "\"'":
            return self.here_string()
        found = re.compile(r"@([\w:]+)").match(self.text, self.at)
        if not found:
            raise SyntaxProblem
        self.at = found.end()
        return Splat(line, found[1].lower().rpartition(":")[2])

    def postfix(self, target: Node) -> Node:
        """Read the properties, methods, and elements that follow an expression."""
        count = 0
        while True:
            count += 1
            if count > _LONGEST_CHAIN:
                raise TooDeep
            line = self.line()
            char = self.peek()
            if char == "?" and self.peek(1) in (".", "["):
                self.at += 1
                char = self.peek()
            if char == "[":
                self.at += 1
                self.newlines()
                index = self.expression()
                self.newlines()
                self.expect("]")
                target = Index(line, target, index)
            elif self.starts("::"):
                self.at += 2
                target = self._member(target, line, static=True)
            elif char == "." and _MEMBER.match(self.text, self.at, self.end):
                self.at += 1
                target = self._member(target, line, static=False)
            elif re.match(r" ?(?:\+\+|--)(?![\w$(])", self.text[self.at : self.at + 4]):
                self.at += char == " "
                target = Unary(line, self.text[self.at : self.at + 2], target)
                self.at += 2
            else:
                return target

    def _member(self, target: Node, line: int, *, static: bool) -> Node:
        self.newlines()
        name: Node
        if found := self.match(_NAME):
            name = Text(line, [found[0]], bare=True)
        elif self.peek() == "{":
            raise SyntaxProblem
        else:
            name = self.primary()
        self.match(_TYPES)
        if self.peek() == "(":
            return Invoke(line, target, name, self._arguments(), static)
        if self.peek() == "{":
            return Invoke(line, target, name, [BlockValue(line, self.block())], static)
        return Member(line, target, name, static)

    def _arguments(self) -> list[Node]:
        self.expect("(")
        self.deeper()
        arguments: list[Node] = []
        self.newlines()
        while self.peek() != ")":
            arguments.append(self.argument())
            self.newlines()
            if self.peek() == ",":
                self.at += 1
                self.newlines()
            elif self.peek() != ")":
                raise SyntaxProblem
        self.at += 1
        self.depth -= 1
        return arguments

    def table(self) -> Table:
        """Read a hashtable."""
        line = self.line()
        self.expect("@{")
        self.deeper()
        entries: list[tuple[Node, Node]] = []
        self.lines()
        while self.peek() != "}":
            if self.at >= self.end:
                raise SyntaxProblem
            self.step()
            key = self._key()
            self.newlines()
            self.expect("=")
            self.newlines()
            entries.append((key, self.statement()))
            self.lines()
        self.at += 1
        self.depth -= 1
        return Table(line, entries)

    def _key(self) -> Node:
        line = self.line()
        found = re.compile(r"[\w.:-]+(?=[ \t]*=)").match(self.text, self.at)
        if found:
            self.at = found.end()
            return Text(line, [found[0]], bare=True)
        return self.unary()

    @abstractmethod
    def statement(self) -> Node:
        """Read a statement; the parser knows how."""

    @abstractmethod
    def group(self, opening: str) -> Group:
        """Read statements up to the closing parenthesis; the parser knows how."""
