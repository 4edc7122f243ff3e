"""Splitting a command's arguments into options and operands, as getopt does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.risk.words import Word


@dataclass
class Arguments:
    """A command's arguments.

    Attributes:
        options: Options with their values, in order: ``-f`` and ``--force`` with None, ``-o`` with its value's word.
        operands: Arguments that are no options.
        unknown: Arguments that may be options, known only when the command runs.
    """

    options: list[tuple[str, Word | None]] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)
    unknown: list[Word] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """Return True if one of the options is given. A long one may be abbreviated, as GNU programs allow.

        What another option takes as its value counts, too, because a table may be wrong about which options take one.
        """
        return any(
            _same(given, name) or (value is not None and value.text == name)
            for given, value in self.options
            for name in names
        )

    def exactly(self, *names: str) -> bool:
        """Return True if one of the options is given in full: for those that make a command harmless."""
        return any(given in names for given, _ in self.options)

    def harmless(self, *names: str) -> bool:
        """Return True if one of the options, with which nothing happens, is given and not taken back.

        ``--dry-run=false`` and ``--dry-run --no-dry-run`` are none, nor is a value that is known only when it runs.
        """
        against = {f"--no-{name.lstrip('-')}" for name in names}
        harmless = False
        for given, value in self.options:
            if given in names:
                harmless = value is None or (value.known and value.text.lower() not in _NOT)
            elif given in against or given == "-=":  # the latter of ``-n=false``
                harmless = False
        return harmless

    def value(self, *names: str) -> Word | None:
        """Return the last value of the options; None if there is none."""
        return next((value for given, value in reversed(self.options) if value and given in names), None)

    def values(self, *names: str) -> list[Word]:
        """Return all values of the options."""
        return [value for given, value in self.options if value is not None and given in names]


_NOT = ("none", "false", "f", "0", "no", "off")


def _same(given: str, name: str) -> bool:
    return given == name or (name.startswith("--") and len(given) > 3 and name.startswith(given))


def arguments_of(
    words: Iterable[Word], with_value: str = "", *, mixed: bool = True, single_dash: bool = False
) -> Arguments:
    """Split arguments.

    Args:
        words: The words after the program's name, or after a subcommand.
        with_value: The options that take a value, separated by spaces: ``-o --output``.
        mixed: Options may follow operands; otherwise, everything from the first operand on is an operand.
        single_dash: A single dash begins a long option, as in ``find -name`` and ``terraform -auto-approve``.
    """
    valued = frozenset(with_value.split())
    found = Arguments()
    pending = deque(words)
    while pending:
        word = pending.popleft()
        text = word.text
        if text == "--":
            found.operands += pending
            break
        if text.startswith("--") or (single_dash and len(text) > 1 and text.startswith("-")):
            name, equals, value = text.partition("=")
            if equals:
                found.options.append((name, word.with_text(value)))
            elif name in valued and pending:
                found.options.append((name, pending.popleft()))
            else:
                found.options.append((name, None))
        elif text.startswith("-") and len(text) > 1:
            _short(word, valued, pending, found)
        else:
            if not word.known and word.when_empty == "":
                found.unknown.append(word)
            found.operands.append(word)
            if not mixed:
                found.operands += pending
                break
    return found


def _short(word: Word, valued: frozenset[str], pending: deque[Word], found: Arguments) -> None:
    letters = word.text[1:]
    seen: set[str] = set()
    for place, letter in enumerate(letters):
        if letter in seen:
            continue
        seen.add(letter)
        option = f"-{letter}"
        if option in valued:
            rest = letters[place + 1 :]
            if rest:
                found.options.append((option, word.with_text(rest)))
            else:
                found.options.append((option, pending.popleft() if pending else None))
            return
        found.options.append((option, None))
