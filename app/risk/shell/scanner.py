"""Reads the words of shell code: quotes, escapes, expansions, and substitutions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable

from app.risk.shell.escapes import unescaped
from app.risk.shell.tree import Arithmetic, Literal, Parameter, Part, Process, Sequence, Substitution, WordNode

DEPTH = 30
"""How deep expansions and compound commands may be nested."""
_RUN = re.compile(r"[^\s'\"\\$`|&;()<>]+")
_IN_QUOTES = re.compile(r'[^"\\$`]+')
_IN_BRACES = re.compile(r"[^'\"\\$`}]+")
_IN_ARITHMETIC = re.compile(r"[^\\$`()\"']+")
_IN_DOCUMENT = re.compile(r"[^\\$`]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!_-]")
_SHORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_OPERATOR = re.compile(r":[-=?+]|[-=?+]|##?|%%?|//|/[#%]?|\^\^?|,,?|@[A-Za-z]|:|~~?")
_QUALIFIER = re.compile(r"\([a-zA-Z0-9.,/@=*%^+#:\[\]-]{1,40}\)(?=[\s;|&)]|$)")
"""What zsh allows after a pattern, such as ``*(.N)``."""
_SPACE = re.compile(r"(?:[ \t]|\\\r?\n)+")
_COMMENT = re.compile(r"#[^\n]*")


_QUALIFIER_RUNS = re.compile(r"\((?:#q)?[a-zA-Z0-9.,/@=*%^+#\[\]-]{0,40}e[:'\"{/|,]")
"""A qualifier of zsh that runs code for each file, such as ``*(e:'rm $REPLY':)``."""


class ShellSyntaxError(Exception):
    """The text is no shell code that we can parse.

    Attributes:
        at: The position in the text.
        deep: True if it is nested too deep.
    """

    def __init__(self, at: int, deep: bool = False) -> None:
        super().__init__(at)
        self.at = at
        self.deep = deep


class Scanner:
    """A position in a text, and what stands there."""

    def __init__(self, text: str, first_line: int = 1, late: Callable[[], bool] | None = None, depth: int = 0) -> None:
        self.text = text
        self.at = 0
        self.first_line = first_line
        self.depth = depth
        self.late = late
        self.steps = 0
        self._lines = [match.end() for match in re.finditer("\n", text)]
        self.commands: Callable[[Scanner, str], Sequence] = _no_commands

    def line(self, at: int | None = None) -> int:
        """Return the line of a position."""
        return bisect_right(self._lines, self.at if at is None else at) + self.first_line

    def skip_space(self) -> None:
        """Skip spaces, continued lines, and a comment."""
        if match := _SPACE.match(self.text, self.at):
            self.at = match.end()
        if self.text.startswith("#", self.at) and (match := _COMMENT.match(self.text, self.at)):
            self.at = match.end()

    def deeper(self) -> None:
        """Go one level deeper. Raises ShellSyntaxError if it is too deep."""
        self.depth += 1
        if self.depth > DEPTH:
            raise ShellSyntaxError(self.at, deep=True)

    def tick(self) -> None:
        """Count a step, and look at the clock now and then. Raises ShellSyntaxError if time is up."""
        self.steps += 1
        if self.steps % 256 == 0 and self.late is not None and self.late():
            raise ShellSyntaxError(self.at, deep=True)

    def word(self, *, stop: str = "", regex: bool = False) -> WordNode | None:
        """Read a word; None if there is none here.

        Args:
            stop: Characters that end it besides spaces and operators.
            regex: It is a regular expression of ``[[``, in which parentheses and bars belong to it.
        """
        start = self.at
        parts: list[Part] = []
        while self.at < len(self.text):
            self.tick()
            character = self.text[self.at]
            if stop and character in stop:
                break
            if match := _RUN.match(self.text, self.at):
                run = match.group()
                if stop:
                    run = re.split(f"[{re.escape(stop)}]", run, maxsplit=1)[0]
                parts.append(Literal(run))
                self.at += len(run)
            elif character == "(" and (regex or self._is_pattern(parts)):
                parts.append(Literal(self._parenthesized()))
            elif regex and character in "|)<>":
                parts.append(Literal(character))
                self.at += 1
            elif character in "<>=" and self.text.startswith("(", self.at + 1) and not regex:
                parts.append(self._process())
            elif part := self._part(quoted=False):
                parts += part
            else:
                break
        if self.at == start:
            return None
        return WordNode(parts, self.line(start), self.text[start : min(self.at, start + 200)])

    def _is_pattern(self, parts: list[Part]) -> bool:
        last = parts[-1] if parts else None
        if isinstance(last, Literal) and last.text[-1:] == "*" and _QUALIFIER_RUNS.match(self.text, self.at):
            return False  # it is not read: the command counts as one that cannot be parsed
        if _QUALIFIER.match(self.text, self.at) and any(
            isinstance(part, Literal) and not part.quoted and re.search(r"[*?\]]", part.text) for part in parts
        ):
            return True
        if not isinstance(last, Literal) or last.quoted or last.text == "!" or last.text[-1:] not in tuple("@+!*?"):
            return False
        return not self.text.startswith("()", self.at)

    def _parenthesized(self) -> str:
        """Read a balanced pair of parentheses as text."""
        start, depth = self.at, 0
        for match in re.compile(r"\\.|'[^']*'|[()\n]", re.DOTALL).finditer(self.text, self.at):
            self.tick()
            depth += {"(": 1, ")": -1}.get(match.group(), 0)
            if depth == 0:
                self.at = match.end()
                return self.text[start : self.at]
            if match.group() == "\n":
                break
        raise ShellSyntaxError(start)

    def _part(self, *, quoted: bool) -> list[Part] | None:
        """Read a quote, an escape, or an expansion; None if none begins here."""
        text, at = self.text, self.at
        character = text[at]
        if character == "\\":
            self.at = min(at + 2, len(text))
            if text.startswith("\r\n", at + 1):
                self.at = at + 3
                return [Literal("", True)]
            following = text[at + 1 : at + 2]
            if quoted and following not in ('"', "$", "`", "\\", "\n"):
                return [Literal(text[at : at + 2], True)]
            return [Literal("" if following == "\n" else following, True)]
        if character == "'" and not quoted:
            end = text.find("'", at + 1)
            if end < 0:
                raise ShellSyntaxError(at)
            self.at = end + 1
            return [Literal(text[at + 1 : end], True)]
        if character == '"' and not quoted:
            return self._double_quoted()
        if character == "$":
            return self._dollar(quoted)
        if character == "`":
            return [self._backquoted(quoted)]
        return None

    def _double_quoted(self) -> list[Part]:
        start = self.at
        self.at += 1
        parts: list[Part] = [Literal("", True)]
        while self.at < len(self.text):
            self.tick()
            if self.text[self.at] == '"':
                self.at += 1
                return parts
            if match := _IN_QUOTES.match(self.text, self.at):
                parts.append(Literal(match.group(), True))
                self.at = match.end()
            elif part := self._part(quoted=True):
                parts += part
        raise ShellSyntaxError(start)

    def _dollar(self, quoted: bool) -> list[Part]:
        text, at = self.text, self.at
        following = text[at + 1 : at + 2]
        if following == "'" and not quoted:
            match = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL).match(text, at + 2)
            end = match.end() if match else at
            if not text.startswith("'", end):
                raise ShellSyntaxError(at)
            self.at = end + 1
            written = text[at + 2 : end]
            return [Literal(unescaped(written), True, "\\x" in written or "\\u" in written or r"\1" in written)]
        if following == '"' and not quoted:
            self.at += 1
            return self._double_quoted()
        if text.startswith("((", at + 1) and (found := self._arithmetic(quoted)):
            return [found]
        if following == "(":
            self.at += 2
            return [Substitution(self._commands(")"), quoted)]
        if following == "{":
            if text.startswith(("${ ", "${\t", "${\n", "${|"), at):
                self.at += 3
                return [Substitution(self._commands("}"), quoted)]
            return [self._braced(quoted)]
        if following == "[":
            end = text.find("]", at)
            if end > 0:
                inner = Scanner(text[at + 2 : end], self.line(), self.late, self.depth)
                inner.commands = self.commands
                self.at = end + 1
                return [Arithmetic(inner.document(), quoted)]
        if match := _SHORT_NAME.match(text, at + 1):
            self.at = match.end()
            return [Parameter(match.group(), quoted=quoted)]
        self.at += 1
        return [Literal("$", True)]

    def _commands(self, end: str) -> Sequence:
        self.deeper()
        body = self.commands(self, end)
        self.depth -= 1
        return body

    def _process(self) -> Part:
        reads = self.text[self.at] != ">"
        self.at += 2
        return Process(self._commands(")"), reads)

    def _backquoted(self, quoted: bool) -> Part:
        start = self.at
        match = re.compile(r"(?:[^`\\]|\\.)*", re.DOTALL).match(self.text, start + 1)
        end = match.end() if match else start
        if not self.text.startswith("`", end):
            raise ShellSyntaxError(start)
        escaped = r"\\([\\$`\"])" if quoted else r"\\([\\$`])"
        inner = Scanner(re.sub(escaped, r"\1", self.text[start + 1 : end]), self.line(), self.late, self.depth)
        inner.commands = self.commands
        try:
            body = inner._commands("")
        except ShellSyntaxError as error:
            raise ShellSyntaxError(start, error.deep) from None
        self.at = end + 1
        return Substitution(body, quoted)

    def _arithmetic(self, quoted: bool) -> Part | None:
        """Read ``$((…))``; None if it is a substitution that begins with a subshell."""
        start, lines = self.at, self.depth
        self.at += 3
        parts = self.arithmetic()
        if parts is None:
            self.at, self.depth = start, lines
            return None
        return Arithmetic(parts, quoted)

    def arithmetic(self) -> list[Part] | None:
        """Read the inside of double parentheses, and their end; None if they do not end as a pair."""
        parts: list[Part] = []
        depth = 0
        while self.at < len(self.text):
            self.tick()
            character = self.text[self.at]
            if match := _IN_ARITHMETIC.match(self.text, self.at):
                parts.append(Literal(match.group(), True))
                self.at = match.end()
            elif character == ")" and depth == 0:
                if not self.text.startswith("))", self.at):
                    return None
                self.at += 2
                return parts
            elif character in "()":
                depth += 1 if character == "(" else -1
                parts.append(Literal(character, True))
                self.at += 1
            elif character in "\"'":
                self.at += 1
            else:
                try:
                    parts += self._part(quoted=True) or []
                except ShellSyntaxError as error:
                    if error.deep:
                        raise
                    return None
        return None

    def document(self, end: int | None = None) -> list[Part]:
        """Read the text of a here-document with expansions, to its end."""
        parts: list[Part] = []
        while self.at < len(self.text):
            self.tick()
            if match := _IN_DOCUMENT.match(self.text, self.at):
                parts.append(Literal(match.group(), True))
                self.at = match.end()
            else:
                try:
                    parts += self._part(quoted=True) or []
                except ShellSyntaxError as error:
                    if error.deep:
                        raise
                    parts.append(Parameter("", "other", quoted=True))
                    self.at = len(self.text)
        return parts

    def _braced(self, quoted: bool) -> Part:
        """Read ``${…}``."""
        start = self.at
        self.at += 2
        text = self.text
        if match := re.compile(r"\([^)\n]{0,40}\)").match(text, self.at):  # zsh's flags
            self.at = match.end()
            found = self._parameter(quoted)
            found.operator = "other"
        else:
            found = self._parameter(quoted)
        if not text.startswith("}", self.at):
            found.argument += self._until_brace(quoted)
            found.operator = found.operator or "other"
        if not text.startswith("}", self.at):
            raise ShellSyntaxError(start)
        self.at += 1
        return found

    def _parameter(self, quoted: bool) -> Parameter:
        text = self.text
        prefix = ""
        if text[self.at : self.at + 1] in ("#", "!") and not re.match(
            r"[}:%#/+=?^,-]", text[self.at + 1 : self.at + 2]
        ):
            prefix = text[self.at]
            self.at += 1
        match = _NAME.match(text, self.at)
        found = Parameter(match.group() if match else "", quoted=quoted)
        self.at = match.end() if match else self.at
        if text.startswith("[", self.at):
            self.at += 1
            inner = self.word(stop="]")
            found.index = inner.parts if inner else []
            self.at += text.startswith("]", self.at)
        if prefix:
            found.operator = "length" if prefix == "#" else "indirect"
            if prefix == "!" and text[self.at : self.at + 1] in ("*", "@"):
                found.operator = "other"
                self.at += 1
        elif operator := _OPERATOR.match(text, self.at):
            found.operator = operator.group()
            self.at = operator.end()
            found.argument = self._until_brace(quoted)
        return found

    def _until_brace(self, quoted: bool) -> list[Part]:
        """Read what follows an operator, up to the closing brace."""
        self.deeper()
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] != "}":
            self.tick()
            if self.text[self.at] == "'" and quoted:
                parts.append(Literal("'", True))
                self.at += 1
            elif match := _IN_BRACES.match(self.text, self.at):
                parts.append(Literal(match.group(), quoted))
                self.at = match.end()
            elif part := self._part(quoted=False):
                parts += part
            else:
                break
        self.depth -= 1
        return parts


def _no_commands(scanner: Scanner, end: str) -> Sequence:
    raise ShellSyntaxError(scanner.at)
