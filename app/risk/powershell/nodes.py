"""The parts of a PowerShell script, as its parser finds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Node:
    """A part of a script. `line` is its first line in the text, from 1."""

    line: int


@dataclass(slots=True)
class Text(Node):
    """A text whose parts are texts and, where it is expanded, expressions. A bare one is written without quotes."""

    parts: list[str | Node]
    bare: bool = False


@dataclass(slots=True)
class Number(Node):
    """A number, as it is written, and its value."""

    shown: str
    value: float


@dataclass(slots=True)
class Variable(Node):
    """A variable: its name in lower case, without ``script:`` and the like, but with ``env:`` and other drives."""

    name: str
    scope: str = ""


@dataclass(slots=True)
class Splat(Node):
    """All parameters that are in a variable: ``@name``."""

    name: str


@dataclass(slots=True)
class Member(Node):
    """A property: ``a.b`` or ``[A]::b``."""

    target: Node
    name: Node
    static: bool


@dataclass(slots=True)
class Invoke(Node):
    """A call of a method."""

    target: Node
    name: Node
    arguments: list[Node]
    static: bool


@dataclass(slots=True)
class Index(Node):
    """An element: ``a[b]``."""

    target: Node
    index: Node


@dataclass(slots=True)
class Binary(Node):
    """An operator between two expressions; `operator` in lower case, without a leading ``i`` or ``c``."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True)
class Unary(Node):
    """An operator before an expression."""

    operator: str
    operand: Node


@dataclass(slots=True)
class Choice(Node):
    """``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node


@dataclass(slots=True)
class TypeName(Node):
    """A type or an attribute, as it is written between the brackets."""

    name: str


@dataclass(slots=True)
class Cast(Node):
    """A value made into a type."""

    type: str
    operand: Node


@dataclass(slots=True)
class Array(Node):
    """Several expressions, separated by commas."""

    items: list[Node]


@dataclass(slots=True)
class Group(Node):
    """Statements within ``(``, ``$(``, or ``@(``."""

    opening: str
    statements: list[Node]


@dataclass(slots=True)
class Table(Node):
    """A hashtable."""

    entries: list[tuple[Node, Node]]


@dataclass(slots=True)
class Declared(Node):
    """A parameter of a function or a script block."""

    name: str
    default: Node | None
    attributes: list[str]


@dataclass(slots=True)
class Block(Node):
    """A script block."""

    statements: list[Node]
    parameters: list[Declared] = field(default_factory=list)


@dataclass(slots=True)
class BlockValue(Node):
    """A script block as a value."""

    block: Block


@dataclass(slots=True)
class Assign(Node):
    """An assignment."""

    target: Node
    operator: str
    value: Node


@dataclass(slots=True)
class Named(Node):
    """A parameter of a command: ``-Name`` or ``-Name:value``, and how it is written."""

    name: str
    value: Node | None
    shown: str


@dataclass(slots=True)
class Given(Node):
    """An argument of a command, and how it is written."""

    value: Node
    shown: str


@dataclass(slots=True)
class Redirect(Node):
    """A redirection of a command's output into a file."""

    operator: str
    target: Node


@dataclass(slots=True)
class Command(Node):
    """A command, with ``&`` or ``.`` before its name or without."""

    operator: str
    name: Node
    shown: str
    arguments: list[Node]


@dataclass(slots=True)
class Pipeline(Node):
    """Commands and expressions, each of which gets what the one before it gives."""

    elements: list[Node]
    redirects: list[Redirect]


@dataclass(slots=True)
class If(Node):
    """Conditions with what is done then; the last condition is None for ``else``."""

    branches: list[tuple[Node | None, Block]]


@dataclass(slots=True)
class Loop(Node):
    """Any loop: what runs before it, the variable and the values of ``foreach``, and what is repeated."""

    before: list[Node]
    variable: str
    values: Node | None
    body: list[Node]


@dataclass(slots=True)
class Switch(Node):
    """A switch."""

    condition: Node
    branches: list[tuple[Node | None, Block]]


@dataclass(slots=True)
class Attempt(Node):
    """``try`` or ``trap``: all its blocks."""

    blocks: list[Block]


@dataclass(slots=True)
class Function(Node):
    """A function, or a method of a class."""

    name: str
    block: Block


@dataclass(slots=True)
class Methods(Node):
    """A class."""

    name: str
    members: list[Node]


@dataclass(slots=True)
class Flow(Node):
    """``return``, ``throw``, ``exit``, and the like."""

    word: str
    value: Node | None


@dataclass(slots=True)
class Using(Node):
    """``using module x`` and the like."""

    what: str
    name: str


def parts_of(node: Node) -> Iterator[Node]:
    """Yield the nodes right below a node."""
    for one in fields(node):
        yield from _nodes_in(getattr(node, one.name))


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _nodes_in(inner)


def all_below(nodes: list[Node]) -> Iterator[Node]:
    """Yield nodes and everything below them, in no particular order."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        pending.extend(parts_of(node))
