"""Parses simple commands: words with assignments before them, redirections, and here-documents after them."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.risk.rules import word_set
from app.risk.shell.scanner import Scanner, ShellSyntaxError
from app.risk.shell.tree import Assignment, Literal, Node, Redirection, Simple, WordNode

_REDIRECTION = re.compile(
    r"(?P<descriptor>\d+|\{[A-Za-z_]\w*\})?(?P<operator>&>>|&>\|?|<<<|<<-|<<|<&|<>|<(?!\()|>>|>\||>&|>!(?= )|>(?!\())"
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)")
_ELEMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\[")
DECLARES = word_set("export declare typeset local readonly integer float")
"""Commands whose arguments may be assignments."""


class SimpleCommands(Scanner):
    """Reads simple commands.

    Attributes:
        assigned: The variables that are assigned to.
    """

    def __init__(self, text: str, first_line: int = 1, late: Callable[[], bool] | None = None, depth: int = 0) -> None:
        super().__init__(text, first_line, late, depth)
        self.assigned: set[str] = set()
        self._documents: list[tuple[WordNode, str, bool, bool]] = []

    def blank(self) -> None:
        """Skip spaces, comments, and line ends; read the here-documents after each line."""
        while True:
            self.skip_space()
            if self.text.startswith("\r\n", self.at):
                self.at += 1
            if not self.text.startswith("\n", self.at):
                return
            self.at += 1
            self._read_documents()

    def simple_command(self) -> Node:
        """Read a command. Raises ShellSyntaxError if there is none."""
        start_line = self.line()
        found = Simple([], [], [], start_line)
        after_first = self.at
        while True:
            self.skip_space()
            self.tick()
            if redirection := self._redirection():
                found.redirections.append(redirection)
                continue
            if not found.words or found.words[0].plain in DECLARES:
                assignment = self._assignment()
                if assignment:
                    found.assignments.append(assignment)
                    continue
            word = self.word()
            if word is None:
                break
            found.words.append(word)
            if len(found.words) == 1:
                after_first = self.at
        if not (found.words or found.assignments or found.redirections):
            raise ShellSyntaxError(self.at)
        found.rest = self.text[after_first : min(self.at, after_first + 2_000)]
        return found

    def _assignment(self) -> Assignment | None:
        line = self.line()
        index = None
        match = _ASSIGNMENT.match(self.text, self.at)
        if match is None:
            start = self.at
            element = _ELEMENT.match(self.text, self.at)
            if element is None:
                return None
            self.at = element.end()
            try:
                word = self.word(stop="]")
            except ShellSyntaxError:
                word = None
            match = re.compile(r"()\](\+?=)").match(self.text, self.at)
            if match is None:
                self.at = start
                return None
            index = word.parts if word else []
            name = element.group(1)
        else:
            name = match.group(1)
        self.at = match.end()
        self.assigned.add(name)
        append = match.group(2) == "+="
        if self.text.startswith("(", self.at):
            self.at += 1
            return Assignment(name, None, self._array(), append, index, line)
        return Assignment(name, self.word(), None, append, index, line)

    def _array(self) -> list[WordNode]:
        values: list[WordNode] = []
        while True:
            self.blank()
            if self.text.startswith(")", self.at):
                self.at += 1
                return values
            word = self.word()
            if word is None:
                raise ShellSyntaxError(self.at)
            values.append(word)

    def redirections(self) -> list[Redirection]:
        """Read redirections after a compound command."""
        found: list[Redirection] = []
        while True:
            self.skip_space()
            redirection = self._redirection()
            if redirection is None:
                return found
            found.append(redirection)

    def _redirection(self) -> Redirection | None:
        match = _REDIRECTION.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        operator = match.group("operator")
        self.skip_space()
        word = self.word()
        if word is None:
            raise ShellSyntaxError(self.at)
        found = Redirection(operator, word, match.group("descriptor") or "")
        if operator in ("<<", "<<-"):
            quoted = any(getattr(part, "quoted", False) for part in word.parts)
            end = "".join(part.text if isinstance(part, Literal) else "$" for part in word.parts)
            found.target = WordNode([], word.line)
            self._documents.append((found.target, end, quoted, operator == "<<-"))
        return found

    def _read_documents(self) -> None:
        pending, self._documents = self._documents, []
        for target, end, quoted, tabs in pending:
            start = self.at
            pattern = ("^\t*" if tabs else "^") + re.escape(end) + "\r?$"
            match = re.compile(pattern, re.MULTILINE).search(self.text, self.at)
            stop = match.start() if match else len(self.text)
            text = self.text[start:stop]
            target.line = self.line(start)
            self.at = match.end() if match else stop
            if self.text.startswith("\n", self.at):
                self.at += 1
            if tabs:
                text = re.sub(r"^\t+", "", text, flags=re.MULTILINE)
            if quoted:
                target.parts = [Literal(text, True)]
            else:
                inner = Scanner(text, target.line, self.late, self.depth)
                inner.commands = self.commands
                target.parts = inner.document()
