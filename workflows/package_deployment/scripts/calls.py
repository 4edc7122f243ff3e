"""Calls of commands, checked against the toolkit's facts when they are made.

A command or a parameter that the toolkit does not have cannot be written: making the call raises. Values are written by
their type, and texts only as literals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workflows.package_deployment.scripts.literals import quoted
from workflows.package_deployment.toolkit.catalog import Command, Parameter, catalog

_BUILT_IN = {
    name: Command(name, tuple(map(Parameter, parameters.split())), source="built-in")
    for name, parameters in {"Join-Path": "Path ChildPath", "New-Object": "ComObject"}.items()
}
"""The commands of PowerShell itself that values here use, with the parameters that they use."""


class UnknownCallError(ValueError):
    """A command or a parameter that does not exist, or a value that the parameter does not take."""


class Variable(Enum):
    """The variables that a value may name: those of the toolkit's session, and those of the script itself."""

    PROCESSES = "$adtSession.AppProcessesToClose"
    RESULT = "$processResult"
    ERROR = "$_"
    USER_SID = "$_.SID"
    MODULE = "$toolkitModule"
    SCRIPT_FOLDER = "$PSScriptRoot"
    DEPLOYMENT_TYPE = "$DeploymentType"
    DEPLOY_MODE = "$DeployMode"
    SUPPRESS_RESTART = "$SuppressRebootPassThru"
    EARLIER = "$earlierProductCode"


class Folder(Enum):
    """Folders that are named by a variable of the toolkit, because where they are differs."""

    FILES = "$adtSession.DirFiles"
    LOGS = "$adtSession.LogPath"
    SUPPORT_FILES = "$adtSession.DirSupportFiles"
    PROGRAM_FILES = "$envProgramFiles"
    PROGRAM_FILES_32_BIT = "$envProgramFilesX86"
    PROGRAM_DATA = "$envProgramData"
    WINDOWS = "$envWinDir"
    SYSTEM_DRIVE = "$envSystemDrive"
    PUBLIC = "$envPublic"
    COMMON_DESKTOP = "$envCommonDesktop"
    COMMON_START_MENU = "$envCommonStartMenuPrograms"


@dataclass(frozen=True)
class Within:
    """A path within a folder."""

    folder: Folder
    path: str = ""


GAP = "<file>"
"""Where a path belongs in a command line."""


@dataclass(frozen=True)
class Filled:
    """A command line in which a path takes the place of each `GAP`."""

    text: str
    path: Within


_COMPARISONS = frozenset({("DisplayVersion", "ne"), ("DisplayVersion", "lt"), ("PSChildName", "eq")})


@dataclass(frozen=True)
class Comparison:
    """A filter over applications: a property compared with a text."""

    property: str
    operator: str
    text: str

    def __post_init__(self) -> None:
        if (self.property, self.operator) not in _COMPARISONS:
            raise UnknownCallError(f"There is no filter of {self.property} with -{self.operator}.")


@dataclass(frozen=True, init=False)
class Call:
    """A call of a command with named parameters, in the order in which they are given."""

    command: str
    parameters: tuple[tuple[str, Value], ...]

    def __init__(self, command: str, /, **parameters: Value | None) -> None:
        given = tuple((name, value) for name, value in parameters.items() if value is not None and value is not False)
        _check(command, given)
        object.__setattr__(self, "command", command)
        object.__setattr__(self, "parameters", given)

    def __str__(self) -> str:
        return " ".join([self.command, *(_parameter(name, value) for name, value in self.parameters)])


Value = str | int | bool | Variable | Within | Filled | Comparison | Call | Sequence[Any]
"""What a parameter may get."""


def _check(command: str, given: tuple[tuple[str, Value], ...]) -> None:
    known = catalog()[command] if command in catalog() else _BUILT_IN.get(command)
    if known is None or known.name != command:
        raise UnknownCallError(f"There is no command {command!r}.")
    every_set = frozenset(known.sets)
    sets = set(known.sets)
    if known.default_set:  # it may be one that no parameter names
        sets.add(known.default_set)
    for name, value in given:
        parameter = known.parameter(name)
        if parameter is None or parameter.name != name:
            raise UnknownCallError(f"{command} has no parameter {name!r}.")
        if parameter.is_switch != (value is True or value is Variable.SUPPRESS_RESTART):
            raise UnknownCallError(f"{command} takes no such value for {name}.")
        _check_value(parameter, value)
        if parameter.sets != every_set:
            sets &= parameter.sets
    names = {name for name, _ in given}
    fitting = [
        choice for choice in sets
        if all(choice not in parameter.mandatory or parameter.name in names for parameter in known.parameters or ())
    ]  # fmt: skip
    if not fitting:
        raise UnknownCallError(f"{command} cannot be called with {', '.join(sorted(names)) or 'nothing'}.")


def _check_value(parameter: Parameter, value: Value) -> None:
    texts = [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []
    for text in texts:
        if parameter.values and text not in parameter.values:
            raise UnknownCallError(f"{parameter.name} does not take {text!r}.")


def _parameter(name: str, value: Value) -> str:
    if value is True:
        return f"-{name}"
    if value is Variable.SUPPRESS_RESTART:
        return f"-{name}:{value.value}"
    return f"-{name} {written(value)}"


def written(value: Value) -> str:
    """Return a value as it is written in a script."""
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Variable):
        return value.value
    if isinstance(value, Within):
        if not value.path:
            return value.folder.value
        return f"(Join-Path -Path {value.folder.value} -ChildPath {quoted(value.path)})"
    if isinstance(value, Filled):
        template = value.text.replace("{", "{{").replace("}", "}}").replace(GAP, "{0}")
        return f"({quoted(template)} -f {written(value.path)})"
    if isinstance(value, Comparison) and value.operator == "lt":
        version = f"($_.{value.property} -as [System.Version])"  # what is no version is not compared
        return f"{{ {version} -and {version} -lt [System.Version]{quoted(value.text)} }}"
    if isinstance(value, Comparison):
        return f"{{ $_.{value.property} -{value.operator} {quoted(value.text)} }}"
    if isinstance(value, Call):
        return f"({value})"
    return ", ".join(written(item) for item in value)


def table(entries: dict[str, Value | None], indent: str = "") -> list[str]:
    """Return the lines of a hashtable's entries, without those that are None. Keys are constants of this code."""
    given = {key: value for key, value in entries.items() if value is not None}
    return [f"{indent}{key} = {_entry(value)}" for key, value in given.items()]


def _entry(value: Value) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"@({written(value)})"
    return written(value)
