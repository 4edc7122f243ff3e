"""What is known about a shell at one place of its code: variables, functions, aliases, and what files hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.shell.tree import Node
from app.risk.words import UNKNOWN, Word

Value = tuple[Word, ...]
"""A variable's value: one word, or the elements of an array."""
MOST_CHOICES = 6
"""The most values that are tried for one variable; more make it unknown."""
SOME = f"{UNKNOWN}…"
"""An unknown text that is not empty."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GIVEN = {
    "HOME": "~", "PWD": ".", "IFS": " \t\n", "TMPDIR": "/tmp", "PATH": _PATH, "SHELL": "/bin/bash",  # noqa: S108
    "BASH": "/bin/bash", "XDG_CONFIG_HOME": "~/.config", "XDG_CACHE_HOME": "~/.cache", "GITHUB_WORKSPACE": ".",
    "XDG_DATA_HOME": "~/.local/share", "CI_PROJECT_DIR": ".", "WORKSPACE": ".", "CARGO_HOME": "~/.cargo",
    "OPTIND": "1", "ZDOTDIR": "~", "CLAUDE_PROJECT_DIR": ".",
}  # fmt: skip
_NEVER_EMPTY = word_set(
    "$ ? # ! RANDOM SECONDS LINENO UID EUID PPID BASHPID HOSTNAME USER LOGNAME BASH_VERSION OSTYPE HOSTTYPE SRANDOM "
    "EPOCHSECONDS 0 BASH_SOURCE GITHUB_SHA GITHUB_RUN_ID XDG_RUNTIME_DIR OLDPWD SHLVL - RUNNER_TEMP"
)


@dataclass(frozen=True)
class Flow:
    """A text that flows from one command to the next.

    Attributes:
        text: The text, with `UNKNOWN` for parts that are not known.
        source: What the unknown parts come from; see `Word.source`.
        line: Where the text begins if it stands in the code.
    """

    text: str = UNKNOWN
    source: str = ""
    line: int = 0

    @property
    def known(self) -> bool:
        """True if no part is unknown."""
        return UNKNOWN not in self.text


NOTHING = Flow("")


@dataclass
class Definition:
    """A function's body, and the reading of the text in which it stands."""

    body: Node
    reading: Reading
    line: int
    called: bool = False


@dataclass
class State:
    """What is known at one place of the code.

    Attributes:
        variables: By name; each has the values that it may have. A name that is missing is not known.
        arguments: ``$1`` and so on; None if they are not known.
        descriptors: What open file descriptors come from, such as ``download``.
        strict: True after ``set -u``, which makes it an error to use an unset variable.
        assigned: The names that the code assigns anywhere; before that, they are taken to be empty.
        folder: The working folder if it has been changed; empty otherwise.
        depth: How many functions and sourced files deep.
    """

    variables: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    functions: dict[str, Definition] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    arguments: list[Word] | None = None
    descriptors: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    folder: str = ""
    assigned: frozenset[str] = frozenset()
    calls: tuple[str, ...] = ()

    def copy(self) -> State:
        """Return a copy for a subshell or a branch. Functions that are defined in it stay known, to be read once."""
        return State(
            dict(self.variables),
            dict(self.functions),
            dict(self.aliases),
            self.arguments,
            dict(self.descriptors),
            self.strict,
            self.folder,
            self.assigned,
            self.calls,
        )

    def values(self, name: str) -> tuple[Value, ...]:
        """Return the values that a variable may have; an unknown one if nothing is known."""
        known = self.variables.get(name)
        if known is not None:
            return known
        if name in _GIVEN:
            return ((Word(_GIVEN[name]),),)
        if name in self.assigned and not name.isupper():
            return ((Word(""),),)
        if name in _NEVER_EMPTY or self.strict:
            return ((Word(SOME),),)
        return ((Word(UNKNOWN),),)

    def is_set(self, name: str) -> bool:
        """Return True if the code has set the variable, or every shell has it."""
        return name in self.variables or name in _GIVEN

    def set(self, name: str, *values: Value) -> None:
        """Give a variable one of these values."""
        self.variables[name] = values

    def merge(self, other: State) -> None:
        """Take over what may be different after a branch that may run or not."""
        for name, values in other.variables.items():
            mine = self.variables.get(name)
            self.variables[name] = values if mine is None or mine == values else _choices(mine + values)
        self.functions |= other.functions
        self.aliases |= other.aliases
        self.descriptors |= other.descriptors
        self.strict = self.strict and other.strict
        if self.folder != other.folder:
            self.folder = other.folder or self.folder
        if self.arguments != other.arguments:
            self.arguments = None


def _choices(values: tuple[Value, ...]) -> tuple[Value, ...]:
    different = tuple(dict.fromkeys(values))
    if len(different) > MOST_CHOICES:
        several = any(word.several or word.glob for value in different for word in value)
        return (*different[: MOST_CHOICES - 1], (Word(UNKNOWN, several=several),))
    return different
