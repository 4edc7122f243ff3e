"""What version 4 of the toolkit has in place of version 3's functions, parameters, and variables.

Only what the toolkit's own public files say is in the tables; about anything else nothing is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from app.risk.powershell.nodes import Command, Given, Named, Splat
from workflows.package_deployment.toolkit.catalog import catalog
from workflows.package_deployment.toolkit.names import shown
from workflows.package_deployment.toolkit.script import literal_text

FILE = Path(__file__).with_name("earlier-names-3.txt")
SOURCE = (
    "https://github.com/PSAppDeployToolkit/PSAppDeployToolkit/blob/4.2.0-rc1/src/PSAppDeployToolkit/opt/Frontend/v3/"
    "AppDeployToolkit/AppDeployToolkitMain.ps1"
)
"""Where the names of functions and parameters come from."""
VARIABLES_SOURCE = (
    "https://github.com/PSAppDeployToolkit/PSAppDeployToolkit/blob/4.2.0-rc1/src/PSADT/PSAppDeployToolkit/Foundation/"
    "DeploymentSession.cs"
)
"""Where version 4 gives scripts of version 3 the properties of its session as variables of the same names."""
_CHANGE = re.compile(r"(\w+)=(?:(\?)|(~?)(\w+)(?:\((\w+)\))?)")
_PROPERTIES = """
    AppArch AppLang AppName AppRevision AppScriptAuthor AppScriptDate AppScriptVersion AppVendor AppVersion CurrentDate
    CurrentDateTime CurrentTime CurrentTimeZoneBias DefaultMsiFile DefaultMspFiles DefaultMstFile
    DeployAppScriptFriendlyName DeployAppScriptParameters DeployAppScriptVersion DeploymentType DeployMode DirFiles
    DirSupportFiles InstallName InstallPhase InstallTitle LogName ScriptDirectory TerminalServerMode UseDefaultMsi
"""
VARIABLES = {name.lower(): f"$adtSession.{name}" for name in _PROPERTIES.split()}
"""Version 3's variables about the deployment, in lower case, and the properties of version 4's session."""
REMOVED = frozenset(
    {
        "add-adtsessionclosingcallback",
        "add-adtsessionfinishingcallback",
        "add-adtsessionopeningcallback",
        "add-adtsessionstartingcallback",
        "get-adtenvironment",
        "get-adtrunasactiveuser",
        "get-adtschedulertask",
        "get-adtuniversaldate",
        "remove-adtsessionclosingcallback",
        "remove-adtsessionfinishingcallback",
        "remove-adtsessionopeningcallback",
        "remove-adtsessionstartingcallback",
        "show-adtblockedappdialog",
    }
)
"""Functions of versions 4.0 and 4.1 that 4.2 does not have."""


@dataclass(frozen=True)
class Change:
    """What became of a parameter.

    Attributes:
        name: Its new name; empty if no counterpart is known.
        is_opposite: Whether the new one means the opposite.
        value: What the new one is given; empty for the old value.
    """

    name: str
    is_opposite: bool = False
    value: str = ""


@dataclass(frozen=True)
class Earlier:
    """A function of version 3.

    Attributes:
        replacements: What takes its place: functions, a cmdlet, or a variable. Empty if nothing does.
        parameters: What changed, by old names in lower case.
    """

    name: str
    replacements: tuple[str, ...]
    parameters: dict[str, Change] = field(default_factory=dict)

    @property
    def replacement(self) -> str:
        """What takes its place, in words."""
        return " or ".join(self.replacements)


@cache
def functions() -> dict[str, Earlier]:
    """Return version 3's functions by their names in lower case, read on first use."""
    found: dict[str, Earlier] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        old, new, *changes = line.split(" ")
        parameters: dict[str, Change] = {}
        for written in changes:
            match = _CHANGE.fullmatch(written)
            if match is None:
                raise ValueError(f"{FILE.name} has a change that cannot be read: {written}")
            before, _, opposite, after, value = match.groups()
            parameters[before.lower()] = Change(after or "", bool(opposite), value or "")
        found[old.lower()] = Earlier(old, () if new == "-" else tuple(new.split("|")), parameters)
    return found


@dataclass(frozen=True)
class Translation:
    """A call of version 3 as version 4 writes it.

    Attributes:
        call: The new call; empty if nothing takes its place.
        notes: What has to be looked at, in sentences.
    """

    call: str
    notes: tuple[str, ...]


def translate(earlier: Earlier, command: Command) -> Translation:
    """Translate a call of a function of version 3, argument by argument."""
    if not earlier.replacements:
        return Translation("", ("Nothing takes its place in version 4.",))
    target = earlier.replacements[0]
    if len(earlier.replacements) > 1 or target not in catalog():
        return Translation("", (f"Version 4 has {earlier.replacement} in its place.",))
    parts, notes = [target], []
    keep_value = True
    for argument in command.arguments:
        match argument:
            case Named(name=name):
                text, note, keep_value = _parameter(earlier, target, argument)
                if text:
                    parts.append(text)
                if note:
                    notes.append(note)
            case Given():
                if keep_value:
                    parts.append(shown(_value(parts[-1], argument), 200))
                keep_value = True
            case Splat(name=name):
                parts.append(f"@{name}")
                notes.append(f"The entries of @{shown(name)} need version 4's names, too.")
    return Translation(" ".join(parts), tuple(dict.fromkeys(notes)))


def _parameter(earlier: Earlier, target: str, argument: Named) -> tuple[str, str, bool]:
    """Return what is written for a parameter, a note, and whether the value that follows is kept."""
    old = shown(argument.name)
    change = earlier.parameters.get(argument.name.lower())
    _, colon, value = argument.shown.partition(":")
    if change is None:
        known = catalog()[target].parameter(argument.name)
        if known is None:
            return "", f"Whether version 4 has something for -{old} is not known.", False
        return f"-{known.name}{colon}{shown(value, 200)}", "", True
    if not change.name:
        return "", f"No counterpart of -{old} is known.", False
    if change.is_opposite:
        return "", f"-{change.name} means the opposite of -{old}.", False
    if change.value:
        return f"-{change.name} {change.value}", f"-{change.name} {change.value} stands for -{old} being true.", False
    return f"-{change.name}{colon}{shown(value, 200)}", "", True


def _value(parameter: str, argument: Given) -> str:
    """Return a value as version 4 takes it: names of processes are a list, not a text with commas."""
    text = literal_text(argument.value)
    if parameter == "-CloseProcesses" and text is not None and ("," in text or "=" in text):
        return ", ".join(_process(part) for part in text.split(","))
    return argument.shown


def _process(written: str) -> str:
    name, equals, description = (part.strip().replace("'", "''") for part in written.partition("="))
    return f"@{{ Name = '{name}'; Description = '{description}' }}" if equals else f"'{name}'"
