"""The functions of PSAppDeployToolkit 4.2.0: their parameters, sets of parameters, and allowed values, as facts.

In the file of facts, sets are named by their places in the list of a function's sets; a parameter without ``sets`` is
in all of them. ``mandatory`` is true, or the places of the sets in which it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("functions-4.2.0.json")
ALL_SETS = frozenset({""})
"""The sets of a command that names none."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a command.

    Attributes:
        type: The short name of its .NET type, such as ``String[]``; empty if unknown.
        values: The only values that are allowed; empty if any is, or if they are not known.
        sets: The sets of parameters in which it exists.
        mandatory: The sets in which it must be given.
        position: Its position among arguments without a name, from 0; None if it needs its name.
        pipeline: Whether it takes its value from the pipeline.
        needs_session: Whether it must be given while no deployment session is open.
        takes_rest: Whether it takes all arguments that no other parameter takes.
        obsolete: Whether the toolkit says that a later version will not have it.
        extensions: The extensions of file names that it allows; empty if any is.
        enumeration: Whether `values` are the names of an enumeration, which may be shortened and written as numbers.
        flags: Whether several of `values` may be joined by commas.
    """

    name: str
    type: str = ""
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    sets: frozenset[str] = ALL_SETS
    mandatory: frozenset[str] = frozenset()
    position: int | None = None
    pipeline: bool = False
    needs_session: bool = False
    takes_rest: bool = False
    obsolete: bool = False
    extensions: tuple[str, ...] = ()
    enumeration: bool = False
    flags: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return self.type == "SwitchParameter"

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self.type.endswith("[]")

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Command:
    """What can be called: a function of the toolkit, a cmdlet, or a function that a script defines.

    Attributes:
        parameters: In the order of their declaration. None if they are not known.
        sets: The names of its sets of parameters; one empty name if it has none.
        default_set: The set that counts if the arguments do not decide.
        asks_first: Whether it has ``-WhatIf`` and ``-Confirm``.
        common: Whether it has PowerShell's common parameters, such as ``-ErrorAction``.
        source: Where it comes from: ``toolkit``, ``built-in``, or ``script``.
        keeps_unknown: Whether it keeps what no parameter takes for the script's own use.
    """

    name: str
    parameters: tuple[Parameter, ...] | None
    sets: tuple[str, ...] = ("",)
    default_set: str = ""
    asks_first: bool = False
    common: bool = True
    source: str = "toolkit"
    keeps_unknown: bool = False

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """The parameters by their names and aliases in lower case."""
        return {name.lower(): parameter for parameter in self.parameters or () for name in parameter.names}

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter with this name or alias, in any case, or None."""
        return self.by_name.get(name.lower())


COMMON = tuple(
    Parameter(name, kind, (alias,))
    for name, kind, alias in (
        ("Verbose", "SwitchParameter", "vb"), ("Debug", "SwitchParameter", "db"),
        ("ErrorAction", "ActionPreference", "ea"), ("WarningAction", "ActionPreference", "wa"),
        ("InformationAction", "ActionPreference", "infa"), ("ErrorVariable", "String", "ev"),
        ("WarningVariable", "String", "wv"), ("InformationVariable", "String", "iv"), ("OutVariable", "String", "ov"),
        ("OutBuffer", "Int32", "ob"), ("PipelineVariable", "String", "pv"),
    )
)  # fmt: skip
"""The parameters that all advanced functions and cmdlets of Windows PowerShell 5.1 have."""
CONFIRMING = (Parameter("WhatIf", "SwitchParameter", ("wi",)), Parameter("Confirm", "SwitchParameter", ("cf",)))


class Catalog(Mapping[str, Command]):
    """The functions of the toolkit by name; names are found in any case."""

    def __init__(self, version: str, functions: list[Command]) -> None:
        self.version = version
        self._functions = {function.name.lower(): function for function in functions}

    def __getitem__(self, name: str) -> Command:
        return self._functions[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (function.name for function in self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._functions


@cache
def catalog() -> Catalog:
    """Return the functions of the toolkit, read on first use."""
    facts = json.loads(FILE.read_text(encoding="utf-8"))
    return Catalog(facts["version"], [_function(name, row, facts) for name, row in facts["functions"].items()])


def _function(name: str, row: dict[str, Any], facts: dict[str, Any]) -> Command:
    sets = tuple(row.get("sets", ())) or ("",)
    parameters = [_parameter(key, value, sets, facts) for key, value in row["parameters"].items()]
    if row.get("positional_by_order"):
        # Parameters that are added while the function is called have no position.
        added = {key for key, value in row["parameters"].items() if value.get("dynamic")}
        parameters = _placed(parameters, added)
    return Command(
        name,
        tuple(parameters),
        sets,
        row.get("default_set", ""),
        row.get("should_process", False),
        keeps_unknown=row.get("keeps_unknown", False),
    )


def _parameter(name: str, row: dict[str, Any], sets: tuple[str, ...], facts: dict[str, Any]) -> Parameter:
    exists_in = frozenset(sets[index] for index in row["sets"]) if "sets" in row else frozenset(sets)
    mandatory = row.get("mandatory", False)
    kind = row["type"]
    names = facts["enumerations"].get(kind.removesuffix("[]"), ())
    return Parameter(
        name,
        kind,
        tuple(row.get("aliases", ())),
        tuple(row.get("values", names)),
        exists_in,
        exists_in if mandatory is True else frozenset(sets[index] for index in mandatory or ()),
        row.get("position"),
        row.get("pipeline", False),
        row.get("mandatory_without_session", False),
        row.get("takes_rest", False),
        row.get("obsolete", False),
        tuple(row.get("extensions", ())),
        bool(names) and "values" not in row,
        kind in facts["flags"],
    )


def _placed(parameters: list[Parameter], without: set[str]) -> list[Parameter]:
    """Give parameters the positions of their order: all but switches, in functions that name no position."""
    placed, position = [], 0
    for parameter in parameters:
        if parameter.is_switch or parameter.name in without:
            placed.append(parameter)
            continue
        placed.append(replace(parameter, position=position))
        position += 1
    return placed
