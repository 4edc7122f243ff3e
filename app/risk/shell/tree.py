"""The parts of shell code after parsing: words with their quotes and expansions, commands, and compound commands."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Literal:
    """Text that stands for itself. Patterns and braces in it count only outside quotes."""

    text: str
    quoted: bool = False
    hidden: bool = False
    """True if the text is written in escapes such as ``\\x72``."""


@dataclass(slots=True)
class Parameter:
    """``$name`` or ``${name…}``.

    Attributes:
        operator: Such as ``:-``, ``%%``, ``/``, ``:`` (substring), ``length``, ``indirect``, or ``other``.
        argument: What follows the operator.
        index: The subscript of an array's element.
    """

    name: str
    operator: str = ""
    argument: list[Part] = field(default_factory=list)
    index: list[Part] | None = None
    quoted: bool = False


@dataclass(slots=True)
class Substitution:
    """``$(…)`` or backquotes: the output of commands."""

    body: Sequence
    quoted: bool = False


@dataclass(slots=True)
class Process:
    """``<(…)`` or ``>(…)``: a file that is the output or the input of commands."""

    body: Sequence
    reads: bool


@dataclass(slots=True)
class Arithmetic:
    """``$((…))``."""

    parts: list[Part]
    quoted: bool = False


Part = Literal | Parameter | Substitution | Process | Arithmetic


@dataclass(slots=True)
class WordNode:
    """A word as it is written."""

    parts: list[Part]
    line: int
    shown: str = ""

    @property
    def plain(self) -> str | None:
        """The text if the word is written without quotes and expansions; reserved words are."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Literal) and not self.parts[0].quoted:
            return self.parts[0].text
        return None


@dataclass(slots=True)
class Redirection:
    """A redirection.

    Attributes:
        descriptor: The file descriptor's number; empty for the operator's usual one.
        operator: Such as ``>``, ``>>``, ``<``, ``<<``, ``<<<``, ``>&``.
        target: The file, the descriptor, or the text of a here-document.
    """

    operator: str
    target: WordNode
    descriptor: str = ""


@dataclass(slots=True)
class Assignment:
    """``name=value``, ``name[index]=value``, ``name+=value``, or ``name=(values)``."""

    name: str
    value: WordNode | None
    values: list[WordNode] | None = None
    append: bool = False
    index: list[Part] | None = None
    line: int = 1


@dataclass(slots=True)
class Simple:
    """A simple command. Assignments among the arguments, as of ``export``, are words, too."""

    words: list[WordNode]
    assignments: list[Assignment]
    redirections: list[Redirection]
    line: int
    rest: str = ""
    """The source after the first word."""


@dataclass(slots=True)
class Sequence:
    """Commands one after the other; those with a True run in the background."""

    items: list[tuple[Node, bool]]
    line: int = 1


@dataclass(slots=True)
class AndOr:
    """Commands with ``&&`` or ``||`` before all but the first."""

    first: Node
    others: list[tuple[str, Node]]


@dataclass(slots=True)
class Pipeline:
    """Commands with pipes between them."""

    stages: list[Node]


@dataclass(slots=True)
class Group:
    """``{ … }``, or ``( … )`` if it is a subshell."""

    body: Sequence
    subshell: bool = False


@dataclass(slots=True)
class If:
    """``if``: conditions with their bodies, and what runs otherwise."""

    branches: list[tuple[Sequence, Sequence]]
    otherwise: Sequence | None


@dataclass(slots=True)
class While:
    """``while`` or ``until``."""

    condition: Sequence
    body: Sequence


@dataclass(slots=True)
class For:
    """``for name in words`` or ``select``; without words, it goes over the arguments."""

    name: str
    words: list[WordNode] | None
    body: Sequence
    line: int


@dataclass(slots=True)
class Case:
    """``case``: patterns with their bodies."""

    word: WordNode
    items: list[tuple[list[WordNode], Sequence]]


@dataclass(slots=True)
class Function:
    """The definition of a function."""

    name: str
    body: Node
    line: int


@dataclass(slots=True)
class Test:
    """``[[ … ]]``, ``(( … ))``, or the head of ``for (( … ))``: only their expansions matter."""

    words: list[WordNode]
    arithmetic: bool = False


@dataclass(slots=True)
class Redirected:
    """A compound command with redirections."""

    body: Node
    redirections: list[Redirection]


@dataclass(slots=True)
class Unparsed:
    """A part that is no shell code that we know."""

    line: int
    deep: bool = False
    """True if it is nested too deep, or takes too long; nothing after it has been parsed."""


Node = Simple | Sequence | AndOr | Pipeline | Group | If | While | For | Case | Function | Test | Redirected | Unparsed
