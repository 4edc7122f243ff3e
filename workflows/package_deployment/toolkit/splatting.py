"""What a table holds whose entries become the arguments of a command: ``@name``."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from app.risk.powershell.nodes import Command, Given, Named, Node, Pipeline, Table, Variable
from workflows.package_deployment.toolkit.script import Assigned, Call, Scope, joined_tables, literal_text

_MOST_STEPS = 20
"""How many variables that are made from others are followed."""
_MOST_EVENTS = 200
"""How many changes of one variable are followed."""
_MOST_ENTRIES = 200


@dataclass(frozen=True)
class Entry:
    """An entry of a table: the parameter that it names.

    Attributes:
        value: None if it is not known.
        sure: Whether the entry is there in any case.
        line: The line that adds it; 0 if none does.
    """

    name: str
    value: Node | None
    sure: bool
    line: int


@dataclass
class Contents:
    """What is known about a table.

    Attributes:
        complete: Whether these are all entries that it can have.
        reason: Why it is not complete.
    """

    entries: list[Entry] = field(default_factory=list)
    complete: bool = True
    reason: str = ""

    def doubt(self, reason: str) -> None:
        """Note that it may have more entries."""
        self.complete, self.reason = False, self.reason or reason


def contents(name: str, call: Call) -> Contents:
    """Return what is known about the table that a command is given as ``@name``."""
    found = _contents(name.lower(), call.scope, call.order, _MOST_STEPS)
    if len(found.entries) > _MOST_ENTRIES:
        found.doubt("it has too many entries")
        del found.entries[_MOST_ENTRIES:]
    return found


def _contents(name: str, scope: Scope, before: int, steps: int) -> Contents:
    found = Contents()
    if steps <= 0:
        found.doubt("it is made from too many other variables")
        return found
    if name == "psboundparameters":
        found.entries = [Entry(declared.name, None, False, 0) for declared in scope.declared()]
        return found
    events = _events(name, scope, before)
    if len(events) > _MOST_EVENTS:
        found.doubt("it is changed too often")
    for event in events[:_MOST_EVENTS]:
        if event.elsewhere:
            # The session is an object once it is open; functions then set its properties.
            if name != "adtsession":
                found.doubt("another function changes it")
        elif event.key is None:
            _take_value(event, found, scope, steps)
        elif event.key:
            line = event.value.line if event.value is not None else 0
            found.entries.append(Entry(event.key, event.value, event.sure, line))
        else:
            found.doubt("an entry whose name is computed is added to it")
    if not found.entries and found.complete and not scope.history(name):
        found.doubt("the script does not say what it holds")
    return found


def _events(name: str, scope: Scope, before: int) -> list[Assigned]:
    """Return what happens to a variable up to a place, from where it is set for sure on."""
    history = scope.history(name)
    events = history[: bisect_left(history, before, key=lambda event: event.order)] or history
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        if event.key is None and event.operator == "=" and event.sure and not event.elsewhere:
            return events[index:]
    return events


def _take_value(event: Assigned, found: Contents, scope: Scope, steps: int) -> None:
    tables = joined_tables(event.value)
    if tables is not None:
        for table in tables:
            _take_table(table, event.sure, found)
        return
    source = _made_from(event.value)
    if source is None:
        found.doubt("its value is computed")
        return
    inner = _contents(source, scope, event.order, steps - 1)
    # What was empty may no longer be in it.
    found.entries += [Entry(entry.name, entry.value, False, entry.line) for entry in inner.entries]
    if not inner.complete:
        found.doubt(inner.reason)


def _take_table(table: Table, sure: bool, found: Contents) -> None:
    for key, value in table.entries:
        if name := literal_text(key):
            found.entries.append(Entry(name, value, sure, key.line))
        else:
            found.doubt("the name of an entry is computed")


def _made_from(value: Node | None) -> str | None:
    """Return the variable whose entries a value has: of functions of the toolkit that only leave some of them out."""
    if isinstance(value, Variable):
        return value.name
    if not isinstance(value, Pipeline) or len(value.elements) != 1 or not isinstance(value.elements[0], Command):
        return None
    command = value.elements[0]
    name = (literal_text(command.name) or "").lower()
    if name == "get-adtboundparametersanddefaultvalues":
        return "psboundparameters"
    if name != "remove-adthashtablenulloremptyvalues":
        return None
    values = [argument.value for argument in command.arguments if isinstance(argument, (Given, Named))]
    variables = [node.name for node in values if isinstance(node, Variable)]
    return variables[0] if len(variables) == 1 else None
