"""Parses shell code, statement by statement. What cannot be parsed is a part of the result; the rest is still read."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.risk.shell.scanner import Scanner, ShellSyntaxError
from app.risk.shell.simple_commands import SimpleCommands
from app.risk.shell.tree import (
    AndOr,
    Case,
    For,
    Function,
    Group,
    If,
    Literal,
    Node,
    Pipeline,
    Redirected,
    Sequence,
    Test,
    Unparsed,
    While,
    WordNode,
)

_MOST_FAULTS = 30
"""After so many parts that cannot be parsed, the rest is not tried."""
_FUNCTION = re.compile(r"([^\s'\"\\$`|&;()<>=]+)[ \t]*\([ \t]*\)")
_CONTROL = re.compile(r";;&|;;|;&|;\||&&|\|\||\|&|&\||&!|[;&|\n()]")
_WORD = re.compile(r"[^\s'\"\\$`|&;()<>]+")
_ENDS = frozenset({"then", "do", "done", "fi", "else", "elif", "esac", "}"})
_CLOSING = _ENDS | {")", ";;", ";&", ";;&", ";|"}
_NEXT = re.compile(r"[;\n]|&&|\|\|?|$")


class Parser(SimpleCommands):
    """A parser of one text. Substitutions are parsed by the parser of the text around them."""

    def __init__(self, text: str, first_line: int = 1, late: Callable[[], bool] | None = None, depth: int = 0) -> None:
        super().__init__(text, first_line, late, depth)
        self.commands = _commands

    def program(self) -> Sequence:
        """Parse the whole text."""
        found = Sequence([], self.first_line)
        faults = 0
        while True:
            self.blank()
            start, depth = self.at, self.depth
            if start >= len(self.text):
                return found
            try:
                found.items += self._item(frozenset())
            except (ShellSyntaxError, RecursionError) as error:
                deep = isinstance(error, RecursionError) or error.deep
                self.depth = depth
                closing = self._skip_closing(start)
                if not closing or not faults:
                    at = error.at if isinstance(error, ShellSyntaxError) else start
                    found.items.append((Unparsed(self.line(at), deep), False))
                faults += not closing
                if deep or faults > _MOST_FAULTS:
                    return found

    def _skip_closing(self, start: int) -> bool:
        """Go on after a fault in the statement that begins at a place. Returns True if it only ends what was faulty."""
        self._documents.clear()
        self.at = start
        closing = self._reserved() if self._reserved() in _CLOSING else self._control()
        if closing in _CLOSING:
            self.at += len(closing)
            return True
        match = _NEXT.search(self.text, start)
        self.at = match.end() if match else len(self.text)
        return False

    def _control(self) -> str:
        self.skip_space()
        if self.text.startswith("\r", self.at) and self.text[self.at + 1 : self.at + 2] in ("\n", ""):
            self.at += 1
        match = _CONTROL.match(self.text, self.at)
        return match.group() if match else ""

    def _reserved(self) -> str:
        """Return the plain word at this place, which may be a reserved word."""
        match = _WORD.match(self.text, self.at)
        if not match:
            return ""
        following = self.text[match.end() : match.end() + 1]
        return match.group() if not following or following in " \t\r\n;&|()<>" else ""

    def sequence(self, ends: frozenset[str] = frozenset()) -> Sequence:
        """Parse commands up to a reserved word of `ends`, a closing parenthesis, or ``;;``."""
        self.blank()
        found = Sequence([], self.line())
        while self.at < len(self.text):
            if self._control() in (")", ";;", ";&", ";;&", ";|") or self._reserved() in ends:
                break
            found.items += self._item(ends)
            self.blank()
        return found

    def _item(self, ends: frozenset[str]) -> list[tuple[Node, bool]]:
        """Parse a command and the operator after it."""
        self.tick()
        if self._control() == ";":  # an empty command, as zsh allows
            self.at += 1
            return []
        node = self._and_or()
        control = self._control()
        if control in (";", "&", "&!", "&|"):
            self.at += len(control)
        elif not control and ends and self.at < len(self.text) and self._reserved() not in ends:
            raise ShellSyntaxError(self.at)
        return [(node, control in ("&", "&!", "&|"))]

    def _and_or(self) -> Node:
        self.tick()
        first = self._pipeline()
        others: list[tuple[str, Node]] = []
        while (control := self._control()) in ("&&", "||"):
            self.at += 2
            self.blank()
            others.append((control, self._pipeline()))
        return AndOr(first, others) if others else first

    def _pipeline(self) -> Node:
        self.skip_space()
        while self._reserved() in ("!", "time", "noglob", "nocorrect"):
            if self._reserved() == "time" and re.match(r"time[ \t]+-[^p]", self.text[self.at :][:80]):
                break
            self.at += len(self._reserved())
            self.skip_space()
            if self.text.startswith("-p ", self.at):
                self.at += 3
                self.skip_space()
        stages = [self._command()]
        while (control := self._control()) in ("|", "|&"):
            self.at += len(control)
            self.blank()
            stages.append(self._command())
        return Pipeline(stages) if len(stages) > 1 else stages[0]

    def _command(self) -> Node:
        self.skip_space()
        self.deeper()
        reserved = self._reserved()
        if handler := _COMPOUND.get(reserved):
            self.at += len(reserved)
            node = handler(self)
        elif self.text.startswith("((", self.at) and (test := self._double_parentheses()):
            node = test
        elif self.text.startswith("(", self.at):
            node = self._subshell()
        elif match := self._function_head():
            name, at = match
            self.at = at
            self.blank()
            node = Function(name, self._body(), self.line())
        elif reserved in _ENDS:
            raise ShellSyntaxError(self.at)
        else:
            self.depth -= 1
            return self.simple_command()
        self.depth -= 1
        redirections = self.redirections()
        return Redirected(node, redirections) if redirections else node

    def _function_head(self) -> tuple[str, int] | None:
        match = _FUNCTION.match(self.text, self.at)
        return (match.group(1), match.end()) if match and match.group(1) not in _ENDS else None

    def _body(self) -> Node:
        return self._command()

    def _subshell(self) -> Node:
        self.at += 1
        return Group(self._until(")"), subshell=True)

    def _until(self, end: str) -> Sequence:
        found = self.sequence(frozenset({end}))
        self._expect(end)
        return found

    def _expect(self, word: str) -> None:
        self.blank()
        found = word if word == ")" and self.text.startswith(")", self.at) else self._reserved()
        if found != word:
            raise ShellSyntaxError(min(self.at, max(len(self.text) - 1, 0)))
        self.at += len(word)

    def _double_parentheses(self) -> Node | None:
        start = self.at
        self.at += 2
        parts = self.arithmetic()
        if parts is None:
            self.at = start
            return None
        return Test([WordNode(parts, self.line(start))], arithmetic=True)

    # Compound commands; the position is after the first word.

    def _group(self) -> Node:
        return Group(self._until("}"))

    def _if(self) -> Node:
        branches: list[tuple[Sequence, Sequence]] = []
        otherwise: Sequence | None = None
        while True:
            condition = self.sequence(frozenset({"then"}))
            self._expect("then")
            branches.append((condition, self.sequence(frozenset({"elif", "else", "fi"}))))
            if self._reserved() != "elif":
                break
            self.at += 4
        if self._reserved() == "else":
            self.at += 4
            otherwise = self.sequence(frozenset({"fi"}))
        self._expect("fi")
        return If(branches, otherwise)

    def _while(self) -> Node:
        condition = self.sequence(frozenset({"do"}))
        return While(condition, self._do())

    def _do(self) -> Sequence:
        self.blank()
        if self._reserved() == "{":
            self.at += 1
            return self._until("}")
        self._expect("do")
        found = self.sequence(frozenset({"done"}))
        self._expect("done")
        return found

    def _for(self) -> Node:
        self.skip_space()
        line = self.line()
        if self.text.startswith("((", self.at):
            head = self._double_parentheses()
            if head is None:
                raise ShellSyntaxError(self.at)
            self._end_of_head()
            return Sequence([(head, False), (While(Sequence([(head, False)]), self._do()), False)], line)
        name = self._reserved()
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ShellSyntaxError(self.at)
        self.at += len(name)
        self.blank()
        words: list[WordNode] | None = None
        if self._reserved() == "in":
            self.at += 2
            words = self._words()
        elif self.text.startswith("(", self.at):  # zsh
            self.at += 1
            words = self._words()
            self._expect(")")
        self._end_of_head()
        return For(name, words, self._do(), line)

    def _end_of_head(self) -> None:
        if self._control() == ";":
            self.at += 1

    def _words(self) -> list[WordNode]:
        words: list[WordNode] = []
        while True:
            self.skip_space()
            word = self.word()
            if word is None:
                return words
            words.append(word)

    def _case(self) -> Node:
        self.skip_space()
        word = self.word()
        if word is None:
            raise ShellSyntaxError(self.at)
        self.blank()
        self._expect("in")
        items: list[tuple[list[WordNode], Sequence]] = []
        while True:
            self.blank()
            if self._reserved() == "esac":
                self.at += 4
                return Case(word, items)
            items.append((self._patterns(), self.sequence(frozenset({"esac"}))))
            control = self._control()
            if control in (";;", ";&", ";;&", ";|"):
                self.at += len(control)

    def _patterns(self) -> list[WordNode]:
        self.skip_space()
        if self.text.startswith("(", self.at):
            self.at += 1
        patterns: list[WordNode] = []
        while True:
            self.blank()
            word = self.word()
            if word is None:
                raise ShellSyntaxError(self.at)
            patterns.append(word)
            self.blank()
            if self.text.startswith("|", self.at):
                self.at += 1
            elif self.text.startswith(")", self.at):
                self.at += 1
                return patterns

    def _named_function(self) -> Node:
        self.skip_space()
        word = self.word()
        if word is None:
            raise ShellSyntaxError(self.at)
        name = word.plain or "".join(part.text for part in word.parts if isinstance(part, Literal))
        self.skip_space()
        if match := re.compile(r"\([ \t]*\)").match(self.text, self.at):
            self.at = match.end()
        self.blank()
        return Function(name, self._body(), word.line)

    def _test(self) -> Node:
        words: list[WordNode] = []
        regex = False
        while True:
            self.blank()
            if self._reserved() == "]]":
                self.at += 2
                return Test(words)
            word = self.word(regex=regex)
            if word is not None:
                regex = word.plain == "=~"
                words.append(word)
            elif self.at < len(self.text):
                self.at += 1  # an operator or a parenthesis
            else:
                raise ShellSyntaxError(self.at - 1)

    def _coproc(self) -> Node:
        self.skip_space()
        name = self._reserved()
        if name and re.match(r"[A-Za-z_]\w*[ \t]+[{(]", self.text[self.at : self.at + 200]):
            self.at += len(name)
        return Sequence([(self._command(), True)], self.line())

    def _repeat(self) -> Node:
        self.skip_space()
        self.word()
        self._end_of_head()
        self.blank()
        if self._reserved() in ("do", "{"):
            return While(Sequence([]), self._do())
        return While(Sequence([]), Sequence([(self._command(), False)]))


def _commands(scanner: Scanner, end: str) -> Sequence:
    """Parse the commands of a substitution, up to its end, and skip the end."""
    if isinstance(scanner, Parser):
        if end:
            return scanner._until(end)
        return scanner.sequence()
    parser = Parser(scanner.text, scanner.first_line, scanner.late, scanner.depth)
    parser.at = scanner.at
    found = parser._until(end) if end else parser.sequence()
    scanner.at = parser.at
    return found


_COMPOUND = {
    "{": Parser._group,
    "if": Parser._if,
    "while": Parser._while,
    "until": Parser._while,
    "for": Parser._for,
    "foreach": Parser._for,
    "select": Parser._for,
    "case": Parser._case,
    "function": Parser._named_function,
    "[[": Parser._test,
    "coproc": Parser._coproc,
    "repeat": Parser._repeat,
}
