"""Expands words of shell code as far as their parts are known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.risk.budget import Budget
from app.risk.shell import arithmetic, parameters
from app.risk.shell.braces import expand_braces
from app.risk.shell.parser import Parser
from app.risk.shell.state import Flow, State, Value
from app.risk.shell.tree import Arithmetic, Literal, Parameter, Part, Process, Sequence, Substitution, WordNode
from app.risk.words import UNKNOWN, Word

_GLOB = re.compile(r"[*?]|\[[^\]\n]{1,80}\]")
_MOST_LETTERS = 100_000
"""Longer texts are not put together: they are unknown."""
_MOST_CALCULATED = 1_000
_MOST_WORDS = 2_000
"""A command with more words is not read to its end: what follows is unknown."""
_WORSE = {"": 0, "listed": 1, "files": 1, "unknown": 1, "dump": 2, "decoded": 3, "download": 4, "secret": 5}


def worse_source(one: str, other: str) -> str:
    """Return the source that matters more of two; see `Word.source`."""
    return one if _WORSE.get(one, 0) >= _WORSE.get(other, 0) else other


@dataclass
class _Fields:
    """The words that a word becomes."""

    done: list[Word] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    begun: bool = False
    glob: bool = False
    several: bool = False
    hidden: bool = False
    source: str = ""

    def add(self, text: str, *, glob: bool = False, several: bool = False, source: str = "") -> None:
        """Add to the current word."""
        self.text.append(text)
        self.begun = True
        self.glob |= glob
        self.several |= several
        self.source = worse_source(self.source, source)

    def end(self) -> None:
        """End the current word."""
        if self.begun:
            text = "".join(self.text)
            if len(text) > _MOST_LETTERS:
                text = UNKNOWN
            self.done.append(Word(text, glob=self.glob, several=self.several, source=self.source))
        self.text, self.begun, self.glob, self.several, self.source = [], False, False, False, ""


@dataclass
class Expander:
    """Expands words with what is known in a state.

    Attributes:
        run: Reads the commands of a substitution, and returns their output.
        budget: What may still be read.
        choice: Which of several values that a variable may have is taken.
        most: The most values that a variable had so far.
        hidden: True if a word was written in escapes.
        files: What files hold that the code makes; see `known_files`.
        names: The variables that the code has not set before.
        again: What texts are that were expanded once more.
    """

    state: State
    run: Callable[[Sequence, Flow | None], Flow]
    budget: Budget
    choice: int = 0
    most: int = 1
    hidden: bool = False
    files: dict[str, Word] | None = None
    names: set[str] = field(default_factory=set)
    again: dict[str, str] = field(default_factory=dict)

    def words(self, nodes: list[WordNode]) -> list[Word]:
        """Expand the words of a command."""
        found: list[Word] = []
        for node in nodes:
            found += self.word(node)
            if len(found) > _MOST_WORDS:
                return [*found[:_MOST_WORDS], Word(UNKNOWN, node.line, several=True)]
        return found

    def word(self, node: WordNode) -> list[Word]:
        """Expand a word; it may become none or several."""
        plain = node.plain
        if plain is not None and plain.isalnum():
            return [Word(plain, node.line)]
        found: list[Word] = []
        for parts in expand_braces(node.parts):
            fields = _Fields()
            for part in parts:
                self._add(part, fields)
            fields.end()
            for word in fields.done:
                shown = node.shown if word.text != node.shown else ""
                found.append(Word(word.text, node.line, shown, word.glob, word.several, word.source))
        return found

    def text(self, node: WordNode | None) -> Word:
        """Expand a word that stays one word, such as an assignment's value or a here-document."""
        if node is None:
            return Word("")
        word = self.parts_text(node.parts)
        return replace(word, line=node.line, shown=node.shown)

    def parts_text(self, parts: list[Part]) -> Word:
        """Expand parts without splitting the result."""
        fields = _Fields()
        for part in parts:
            self._add(part, fields, split=False)
        fields.end()
        if not fields.done:
            return Word("")
        if len(fields.done) == 1:
            return fields.done[0]
        joined = " ".join(word.text for word in fields.done)
        source = max((word.source for word in fields.done), key=lambda source: _WORSE.get(source, 0))
        return Word(joined, several=any(word.several for word in fields.done), source=source)

    def value(self, name: str) -> Value:
        """Return the value of a variable that is tried now."""
        if name in ("@", "*") or name.isdigit():
            return self._argument(name)
        if name == "#" and self.state.arguments is not None:
            return (Word(str(len(self.state.arguments))),)
        if not self.state.is_set(name):
            self.names.add(name)
        values = self.state.values(name)
        self.most = max(self.most, len(values))
        return values[self.choice % len(values)] if values else ()

    def _argument(self, name: str) -> Value:
        given = self.state.arguments
        if name in ("@", "*"):
            return (Word(UNKNOWN, several=True),) if given is None else tuple(given)
        number = int(name[:6])
        if number == 0:
            return self.state.values("0")[0]
        if given is None:
            return (Word(UNKNOWN),)
        return (given[number - 1],) if number <= len(given) else (Word(""),)

    def _add(self, part: Part, fields: _Fields, split: bool = True) -> None:
        if isinstance(part, Literal):
            self.hidden |= part.hidden
            glob = not part.quoted and bool(_GLOB.search(part.text))
            fields.add(part.text, glob=glob)
        elif isinstance(part, Parameter):
            self._add_values(self._parameter(part), part, fields, split)
        elif isinstance(part, Substitution):
            flow = self.run(part.body, None)
            word = Word(flow.text.rstrip("\n"), source=flow.source, several=flow.source == "files" or not flow.known)
            self._add_text(word, part.quoted or not split, fields)
        elif isinstance(part, Process):
            flow = self.run(part.body, None if part.reads else Flow())
            path = f"/dev/fd/{UNKNOWN}"
            if part.reads and self.files is not None and flow.text != UNKNOWN:
                path = f"/dev/fd/{63 + len(self.files)}"
                self.files[path] = Word(flow.text, flow.line or 1, source=flow.source)
            fields.add(path, source=flow.source or "unknown" if part.reads else "")
        elif isinstance(part, Arithmetic):
            fields.add(self.calculated(self.parts_text(part.parts).text))

    def calculated(self, expression: str) -> str:
        """Return an arithmetic expression's value.

        The shell expands texts in it, and those that its variables hold, again: commands in them run.
        """
        pending, seen = [expression], {""}
        while pending:
            text = pending.pop()
            if text in seen:
                continue
            seen.add(text)
            self.expanded_again(text)
            for name in arithmetic.NAME.findall(text[:_MOST_CALCULATED]):
                pending += [word.text for word in self.value(name)[:1] if not word.text.isdigit()]
        return arithmetic.value_of(expression, self.value)

    def expanded_again(self, text: str) -> str:
        """Expand what an expansion has resulted in once more, with the commands in it."""
        if "$" not in text and "`" not in text:
            return text
        if text not in self.again:
            self.again[text] = UNKNOWN  # meanwhile, for a text that leads to itself
            self.budget.step()
            parser = Parser(text[:_MOST_LETTERS], late=lambda: self.budget.late)
            self.again[text] = self.parts_text(parser.document()).text
        return self.again[text]

    def _parameter(self, part: Parameter) -> Value:
        if part.operator in ("", "length") and part.index is None and not part.argument and part.operator != "length":
            return self.value(part.name)
        index = self.parts_text(part.index).text if part.index is not None else None
        return parameters.value_of(self, part, index)

    def _add_values(self, values: Value, part: Parameter, fields: _Fields, split: bool) -> None:
        listed = part.name in ("@", "*") or part.index is not None
        if not listed:
            values = values[:1]
        joined = part.quoted and part.name == "*"
        for number, word in enumerate(values):
            if number and joined:
                fields.add(" ")
            elif number:
                fields.end()
            self._add_text(word, part.quoted or not split, fields)

    def _add_text(self, word: Word, whole: bool, fields: _Fields) -> None:
        """Add a value; outside quotes, spaces split it."""
        if whole:
            fields.add(word.text, glob=word.glob, several=word.several and not _one(word), source=word.source)
            return
        glob = word.glob or bool(_GLOB.search(word.text))
        pieces = re.split(r"[ \t\n]+", word.text)
        for number, piece in enumerate(pieces):
            if number:
                fields.end()
            if piece or (number and number < len(pieces) - 1):
                fields.add(piece, glob=glob, several=word.several or UNKNOWN in piece, source=word.source)


def _one(word: Word) -> bool:
    """Return True if the word in quotes stays one word although its value is not known."""
    return not word.source and not word.glob and not word.several
