"""Programs with subcommands, such as git and kubectl: tables of what each subcommand and each option does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import UNKNOWN, run_dynamic
from app.risk.reading import Reading
from app.risk.rules import RiskRule
from app.risk.words import Word
from assent.contracts import RiskLevel

_WHAT = re.compile(r"\{what(?:\|([^}]*))?\}")
_FOLDER = dict.fromkeys((".", "./"), "the working folder")
_SHOWN = 3
_DEEPEST = 4
"""How many words name a subcommand at most."""


@dataclass
class Given:
    """A subcommand as it is given.

    Attributes:
        name: The words that name it, such as ``remote add``; empty if there are none that are known.
        arguments: Its options, those before it included, and the operands after its name.
        leading: The options before its name.
    """

    command: Command
    name: str
    arguments: Arguments
    leading: list[tuple[str, Word | None]] = field(default_factory=list)

    @property
    def line(self) -> int:
        """The line of the program's name."""
        return self.command.line

    @property
    def operands(self) -> list[Word]:
        """The operands after the subcommand."""
        return self.arguments.operands

    def has(self, *names: str) -> bool:
        """Return True if one of the options is given."""
        return self.arguments.has(*names)

    def exactly(self, *names: str) -> bool:
        """Return True if one of the options is given in full: for those that make a command harmless."""
        return self.arguments.exactly(*names)

    def value(self, *names: str) -> Word | None:
        """Return the last value of the options."""
        return self.arguments.value(*names)

    def sentence(self, words: str) -> str:
        """Return a message with the operands in it."""

        def what(match: re.Match[str]) -> str:
            shown = ", ".join(_FOLDER.get(word.text, word.display) for word in self.operands[:_SHOWN])
            more = ", …" if len(self.operands) > _SHOWN else ""
            return f"{shown}{more}" if shown else match[1] or "what it is given"

        return _WHAT.sub(what, words)

    def note(self, reading: Reading, rule: RiskRule, words: str, level: RiskLevel | None = None) -> None:
        """Add a finding, with the operands in its message."""
        reading.add(rule, self.sentence(words), self.line, level)

    @property
    def texts(self) -> list[str]:
        """The texts of the operands."""
        return [word.text for word in self.operands]


Reader = Callable[[Given, Reading], None]


@dataclass(frozen=True)
class _Deed:
    rule: RiskRule
    words: str
    level: RiskLevel | None
    options: tuple[str, ...] = ()

    def applies(self, given: Given) -> bool:
        return not self.options or given.has(*self.options)


@dataclass
class _Entry:
    deeds: list[_Deed] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    values: str | None = None
    plain: bool = False
    dry_run: tuple[str, ...] = ()
    known: set[str] = field(default_factory=set)


class Program:
    """A program with subcommands. Lists of subcommands are separated by commas: ``status, log, remote show``.

    Messages may contain ``{what}``, which stands for the operands, or ``{what|the default}``.
    """

    def __init__(
        self,
        *names: str,
        values: str = "",
        single_dash: bool = False,
        dry_run: str = "",
        helps: str = "--help --version",
        objects: bool = False,
    ) -> None:
        """Add the program to the table.

        Args:
            names: The program's names.
            values: Its options that take a value, for all subcommands.
            single_dash: A single dash begins a long option.
            dry_run: Options with which nothing happens.
            helps: Options that only print help or a version.
            objects: Operands are objects that are touched, such as a cluster's resources.
        """
        self.names = names
        self._values = values
        self._single_dash = single_dash
        self._dry_run = tuple(dry_run.split())
        self._helps = tuple(helps.split())
        self._objects = objects
        self._entries: dict[str, _Entry] = {}
        self._prefixes: set[str] = set()
        self._always: list[Reader] = []
        program(*names)(self.read)

    def reads(self, names: str) -> None:
        """Add subcommands that only read."""
        for _ in self._each(names):
            pass

    def does(self, rule: RiskRule, words: str, names: str, level: RiskLevel | None = None) -> None:
        """Add subcommands that do this."""
        for entry in self._each(names):
            entry.deeds.append(_Deed(rule, words, level))

    def option(self, names: str, options: str, rule: RiskRule, words: str, level: RiskLevel | None = None) -> None:
        """Add what subcommands do if one of the options is given."""
        for entry in self._each(names):
            entry.deeds.append(_Deed(rule, words, level, tuple(options.split())))

    def knows(self, names: str, options: str) -> None:
        """Add options of subcommands that change nothing. After this, any other option is of unknown effect."""
        for entry in self._each(names):
            entry.known.update(options.split())

    def starts(self, names: str) -> None:
        """Note that what follows the first operand of these subcommands belongs to a program that they start."""
        for entry in self._each(names):
            entry.plain = True

    def takes(self, names: str, values: str) -> None:
        """Set the options of subcommands that take a value, where they are not those of the program."""
        for entry in self._each(names):
            entry.values = values

    def dry_run(self, names: str, options: str) -> None:
        """Add options with which these subcommands do nothing."""
        for entry in self._each(names):
            entry.dry_run += tuple(options.split())

    def reader(self, names: str) -> Callable[[Reader], Reader]:
        """Add a function that reads what subcommands do; the empty name stands for none."""

        def register(reader: Reader) -> Reader:
            for entry in self._each(names):
                entry.readers.append(reader)
            return reader

        return register

    def always(self, reader: Reader) -> Reader:
        """Add a function that reads the arguments of all subcommands first."""
        self._always.append(reader)
        return reader

    def _each(self, names: str) -> Iterator[_Entry]:
        for name in names.split(","):
            parts = name.split()
            self._prefixes.update(" ".join(parts[: end + 1]) for end in range(len(parts)))
            yield self._entries.setdefault(" ".join(parts), _Entry())

    def read(self, command: Command, reading: Reading) -> None:
        """Find out what a command does."""
        given = self._given(command)
        for reader in self._always:
            reader(given, reading)
        entry = self._entries.get(given.name)
        if given.arguments.harmless(*self._helps):
            return
        if entry is None or (not given.name and given.operands and not entry.deeds and not entry.readers):
            self._unknown(given, reading)
        elif not given.arguments.harmless(*self._dry_run, *entry.dry_run):
            self._do(entry, given, reading)

    def _do(self, entry: _Entry, given: Given, reading: Reading) -> None:
        if given.arguments.unknown and (entry.deeds or entry.readers):
            reading.doubt()
        deeds = [deed for deed in entry.deeds if deed.applies(given)]
        if entry.known:
            self._unknown_options(entry, given, reading)
        for deed in deeds:
            given.note(reading, deed.rule, deed.words, deed.level)
        if deeds and not all(word.known for word in given.operands):
            reading.doubt()
        if deeds and self._objects:
            reading.touch(objects=[word.text for word in given.operands if word.known])
        for reader in entry.readers:
            reader(given, reading)

    def _unknown_options(self, entry: _Entry, given: Given, reading: Reading) -> None:
        known = entry.known.union(self._values.split(), *(deed.options for deed in entry.deeds))
        for option, _ in given.arguments.options:
            if option not in known and not option[1:].isdigit():
                words = f"What the option {option[:40]} of {given.command.name} does is not known."
                reading.add(UNKNOWN, words, given.line)
                return

    def _unknown(self, given: Given, reading: Reading) -> None:
        if not given.operands:
            if given.arguments.options or given.name:
                reading.add(UNKNOWN, f"What {given.command.name} {given.name} does is not known.", given.line)
        elif not given.operands[0].known:
            run_dynamic(reading, given.operands[0])
        else:
            words = f"What {given.command.name} {given.name} {given.operands[0].display} does is not known."
            reading.add(UNKNOWN, " ".join(words.split()), given.line)

    @staticmethod
    def split(words: list[Word], values: str) -> Arguments:
        """Split the arguments of a program that starts another: after the first operand, all belongs to that."""
        return arguments_of(words, values, mixed=False)

    def _given(self, command: Command) -> Given:
        found = Arguments()
        rest = list(command.arguments)
        name = ""
        for _ in range(_DEEPEST):
            part = arguments_of(rest, self._values, mixed=False, single_dash=self._single_dash)
            longer = f"{name} {part.operands[0].text}".strip() if part.operands else ""
            if longer not in self._prefixes:
                break
            found.options += part.options
            name, rest = longer, part.operands[1:]
        entry = self._entries.get(name, _Entry())
        values = self._values if entry.values is None else entry.values
        part = arguments_of(rest, values, mixed=not entry.plain, single_dash=self._single_dash)
        leading = list(found.options)
        found.options += part.options
        found.operands, found.unknown = part.operands, part.unknown
        return Given(command, name, found, leading)
