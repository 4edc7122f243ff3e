"""A script as it is checked: its commands with their surroundings, its functions, and what its variables are set to."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from app.risk.powershell.nodes import (
    Array,
    Assign,
    Attempt,
    Binary,
    Block,
    BlockValue,
    Cast,
    Command,
    Declared,
    Function,
    Group,
    If,
    Index,
    Invoke,
    Loop,
    Member,
    Methods,
    Node,
    Number,
    Pipeline,
    Switch,
    Table,
    Text,
    TypeName,
    Unary,
    Using,
    Variable,
    parts_of,
)
from app.risk.powershell.parser import Parser
from app.risk.powershell.scanner import TooDeep
from workflows.package_deployment.toolkit.catalog import ALL_SETS, Parameter
from workflows.package_deployment.toolkit.catalog import Command as Callee

MOST_CHARACTERS = 400_000
SECONDS = 10.0
"""How much of the processor's time reading and checking a script may take."""
_REDEFINING = ("function:", "alias:", "psdefaultparametervalues")
"""How variables begin that decide what commands do which are written elsewhere."""
UNKNOWN = object()
"""Stands for a value that is only known when the script runs."""


class UnreadableError(Exception):
    """A script is too large, nested too deep, or takes too long. The message says which."""


@dataclass
class Clock:
    """Ends work that takes too long. It counts this thread's own time, so that a busy machine changes no result."""

    seconds: float = SECONDS
    _steps: int = 0
    _until: float = field(default=0.0)

    def __post_init__(self) -> None:
        self._until = time.thread_time() + self.seconds

    def step(self) -> None:
        """Count a small part of the work. Raises UnreadableError if there is no time left."""
        self._steps += 1
        if self._steps % 256 == 0 and time.thread_time() > self._until:
            raise UnreadableError(f"Checking this script would take more than {self.seconds:g} seconds.")


@dataclass
class Assigned:
    """What happens to a variable: it is set to a value, or a table in it gets an entry.

    Attributes:
        order: Its place among everything in the script, in the order of the text.
        key: The key of the entry; None if the variable itself is set; an empty text if the key is not known.
        sure: Whether it happens whenever its scope runs: False within conditions and loops.
        elsewhere: Whether another function than that of the variable does it, so at a time that is not known.
    """

    order: int
    value: Node | None
    key: str | None = None
    operator: str = "="
    sure: bool = True
    elsewhere: bool = False


@dataclass
class Scope:
    """Where variables live: the script, a function, or a script block.

    Attributes:
        block: Its block, with its declared parameters.
    """

    block: Block
    parent: Scope | None = None
    function: str = ""
    variables: dict[str, list[Assigned]] = field(default_factory=dict)

    @property
    def home(self) -> Scope:
        """The function around it, or the script."""
        scope = self
        while not scope.function and scope.parent is not None:
            scope = scope.parent
        return scope

    def history(self, name: str) -> list[Assigned]:
        """Return what happens to a variable, in the nearest scope that sets it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.parent
        return []

    def declares(self, name: str) -> bool:
        """Return whether this is a parameter here."""
        scope: Scope | None = self
        while scope is not None:
            if any(declared.name == name for declared in scope.block.parameters):
                return True
            scope = scope.parent
        return False

    def declared(self) -> list[Declared]:
        """Return the parameters of the function around it, or of the script."""
        scope: Scope | None = self
        while scope is not None:
            if scope.block.parameters or scope.function or scope.parent is None:
                return scope.block.parameters
            scope = scope.parent
        return []


@dataclass
class Call:
    """A command with its surroundings."""

    node: Command
    scope: Scope
    order: int
    piped: bool
    """Whether it gets input from a pipeline."""
    sure: bool


@dataclass
class Script:
    """A script that has been read.

    Attributes:
        unparsed: The lines of statements that cannot be parsed.
        methods: Calls of methods, with their scopes.
        modules: What it loads with ``using module`` or ``using assembly``.
        redefined: Variables of the drives ``function:`` and ``alias:`` that it sets, and of default values.
    """

    text: str
    block: Block
    unparsed: list[int]
    top: Scope
    clock: Clock
    calls: list[Call] = field(default_factory=list)
    methods: list[tuple[Invoke, Scope]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    variables: list[tuple[Variable, Scope]] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    modules: list[Using] = field(default_factory=list)
    redefined: list[Variable] = field(default_factory=list)


def read_script(text: str, clock: Clock | None = None) -> Script:
    """Read a script.

    Raises:
        UnreadableError: it is too large, nested too deep, or takes too long.
    """
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"This script has {len(text):,} characters; at most {MOST_CHARACTERS:,} are checked.")
    clock = clock or Clock()
    parser = Parser(text.replace("\0", ""), clock.step)
    try:
        block = parser.script()
    except (TooDeep, RecursionError):
        raise UnreadableError("This script is nested too deep to be checked.") from None
    script = Script(text, block, list(dict.fromkeys(parser.problems)), Scope(block), clock)
    _Walk(script).through([block, *parser.in_attributes])
    return script


@dataclass(frozen=True)
class _Place:
    scope: Scope
    sure: bool = True
    piped: bool = False


@dataclass(slots=True)
class _Done(Node):
    """Stands behind the parts of an assignment."""

    assign: Assign


class _Walk:
    """Goes through a script in the order of its text, without recursion: expressions may be thousands of parts deep."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.order = 0

    def through(self, blocks: list[Block]) -> None:
        place = _Place(self.script.top)
        pending: list[tuple[Node, _Place]] = [(block, place) for block in reversed(blocks)]
        while pending:
            node, place = pending.pop()
            self.script.clock.step()
            self.order += 1
            pending += reversed(self._visit(node, place))

    def _visit(self, node: Node, place: _Place) -> list[tuple[Node, _Place]]:
        scope, within = place.scope, _Place(place.scope, place.sure)
        match node:
            case Command():
                self.script.calls.append(Call(node, scope, self.order, place.piped, place.sure))
            case Pipeline():
                first, *others = node.elements
                following = _Place(scope, place.sure, piped=True)
                parts = [(first, within), *((other, following) for other in others)]
                return [*parts, *((redirect, within) for redirect in node.redirects)]
            case _Done(assign=assign):
                self._assign(assign, place)
                return []
            case Assign():
                # The variable has its old value while the new one is computed.
                return [(node.target, within), (node.value, within), (_Done(node.line, node), place)]
            case Invoke():
                self.script.methods.append((node, scope))
                self._add(node, place)
            case Text():
                self.script.texts.append(node)
            case Variable():
                self.script.variables.append((node, scope))
            case Using():
                self.script.modules.append(node)
            case Function():
                self.script.functions[node.name] = node
                return [(node.block, _Place(Scope(node.block, scope, node.name)))]
            case BlockValue():
                return [(node.block, _Place(Scope(node.block, scope), place.sure))]
            case If() | Loop() | Switch():
                within = _Place(scope, sure=False)
            case Attempt():
                unsure = _Place(scope, sure=False)
                return [(block, within if index == 0 else unsure) for index, block in enumerate(node.blocks)]
            case Methods():
                return [(member, within) for member in node.members]
        return [(part, within) for part in parts_of(node)]

    def _assign(self, node: Assign, place: _Place) -> None:
        target = node.target.operand if isinstance(node.target, Cast) else node.target
        match target:
            case Variable():
                self._note(target, Assigned(self.order, node.value, None, node.operator, place.sure), place)
            case Member(target=Variable() as variable, name=name):
                key = literal_text(name) or ""
                self._note(variable, Assigned(self.order, node.value, key, node.operator, place.sure), place)
            case Index(target=Variable() as variable, index=index):
                key = literal_text(index) or ""
                self._note(variable, Assigned(self.order, node.value, key, node.operator, place.sure), place)

    def _add(self, node: Invoke, place: _Place) -> None:
        if not isinstance(node.target, Variable) or not node.arguments:
            return
        name = (literal_text(node.name) or "").lower()
        if name in ("add", "set_item") and len(node.arguments) == 2:
            key = literal_text(node.arguments[0]) or ""
            self._note(node.target, Assigned(self.order, node.arguments[1], key, "=", place.sure), place)

    def _note(self, variable: Variable, assigned: Assigned, place: _Place) -> None:
        if variable.name.startswith(_REDEFINING):
            self.script.redefined.append(variable)
        scope = place.scope
        if variable.scope in ("script", "global"):
            assigned.elsewhere = scope.home is not self.script.top
            scope = self.script.top
        if assigned.key is not None:
            # An entry is added to the table that the name means here.
            holder: Scope | None = scope
            while holder is not None and variable.name not in holder.variables:
                holder = holder.parent
            if holder is not None and holder is not scope:
                assigned.elsewhere = scope.home is not holder.home
            scope = holder or scope
        scope.variables.setdefault(variable.name, []).append(assigned)


def literal_text(node: Node | None) -> str | None:
    """Return the text that a node is, or None if it is computed or no text."""
    while isinstance(node, Group) and node.opening == "(" and len(node.statements) == 1:
        node = node.statements[0]
    if isinstance(node, Text) and all(isinstance(part, str) for part in node.parts):
        return "".join(part for part in node.parts if isinstance(part, str))
    return None


def literal(node: Node | None) -> object:
    """Return the value that a node is: text, number, True, False, None, or a list of these; otherwise `UNKNOWN`."""
    if (text := literal_text(node)) is not None:
        return text
    match node:
        case Number():
            return node.value
        case Unary(operator="-", operand=Number() as number):
            return -number.value
        case Variable(name="true"):
            return True
        case Variable(name="false"):
            return False
        case Variable(name="null"):
            return None
        case Array():
            return _literals(node.items)
        case Group(opening="@("):
            inner = node.statements[0].items if _is_one_array(node) else node.statements  # type: ignore[attr-defined]
            return _literals(inner)
        case Group(opening="(", statements=[only]):
            return literal(only)
    return UNKNOWN


def _is_one_array(node: Group) -> bool:
    return len(node.statements) == 1 and isinstance(node.statements[0], Array)


def _literals(nodes: list[Node]) -> object:
    values = [literal(node) for node in nodes]
    return UNKNOWN if any(value is UNKNOWN for value in values) else values


def callee(function: Function) -> Callee:
    """Return a function of the script as something that can be called."""
    attributes = [node.name for node in function.block.statements if isinstance(node, TypeName)]
    advanced = any(name.lower().startswith("cmdletbinding") for name in attributes)
    parameters, position = [], 0
    for declared in function.block.parameters:
        parameter, own_advanced = _declared(declared, position)
        advanced = advanced or own_advanced
        position += not parameter.is_switch
        parameters.append(parameter)
    asks_first = any("supportsshouldprocess" in name.lower() for name in attributes)
    return Callee(function.name, tuple(parameters), asks_first=asks_first, common=advanced, source="script")


_ALIAS = re.compile(r"(?:System\.Management\.Automation\.)?Alias\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_VALUES = re.compile(r"(?:System\.Management\.Automation\.)?ValidateSet\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_PARAMETER = re.compile(r"(?:System\.Management\.Automation\.)?Parameter\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def _declared(declared: Declared, position: int) -> tuple[Parameter, bool]:
    kind, aliases, values, mandatory, pipeline, advanced = "", [], [], False, False, False
    for attribute in declared.attributes:
        if found := _ALIAS.fullmatch(attribute):
            aliases = ["".join(pair) for pair in _QUOTED.findall(found[1])]
        elif found := _VALUES.fullmatch(attribute):
            values = ["".join(pair) for pair in _QUOTED.findall(found[1])]
        elif found := _PARAMETER.fullmatch(attribute):
            advanced = True
            words = _QUOTED.sub("", found[1]).lower().replace(" ", "")
            mandatory = mandatory or bool(re.search(r"mandatory(?!=\$false)", words))
            pipeline = pipeline or bool(re.search(r"valuefrompipeline\w*(?!=\$false)", words))
        elif "(" not in attribute:
            kind = attribute
    if kind.lower().rpartition(".")[2] in ("switch", "switchparameter"):
        kind = "SwitchParameter"
    parameter = Parameter(
        declared.name, kind, tuple(aliases), tuple(values), mandatory=ALL_SETS if mandatory else frozenset(),
        position=None if kind == "SwitchParameter" else position, pipeline=pipeline,
    )  # fmt: skip
    return parameter, advanced


def joined_tables(node: Node | None) -> list[Table] | None:
    """Return the tables that a value is the sum of, or None if it is something else."""
    pending, tables = [node], []
    while pending:
        match pending.pop():
            case Table() as table:
                tables.append(table)
            case Cast(operand=operand):
                pending.append(operand)
            case Group(opening="(", statements=[only]):
                pending.append(only)
            case Binary(operator="+", left=left, right=right):
                pending += [right, left]
            case _:
                return None
    return tables
