"""The cmdlets of Windows PowerShell 5.1 and of the modules of Windows, with their parameters, and PowerShell's aliases.

The list was made from the public reference of these modules. A line of ``cmdlets-5.1.txt`` is a cmdlet with its
parameters: ``!`` marks a switch, ``:0`` a position, ``<`` input from the pipeline, ``*`` what is mandatory, and ``=``
begins the aliases. Lines with ``?`` hold cmdlets whose parameters are not known.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from app.risk.powershell.aliases import ALIASES
from workflows.package_deployment.toolkit.catalog import Command, Parameter

FILE = Path(__file__).with_name("cmdlets-5.1.txt")
_PARAMETER = re.compile(r"([\w-]+)(!?)(?::(\d+))?(<?)(\*?)(?:=(\S+))?")
ANY_NUMBER = frozenset(
    {"write-host", "write-output", "foreach-object", "new-object", "invoke-command", "start-job", "write-verbose"}
)
"""Cmdlets that take any number of arguments without a name."""


@cache
def cmdlets() -> dict[str, Command]:
    """Return the cmdlets by their names in lower case, read on first use."""
    found: dict[str, Command] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        name, *rest = line.split(" ")
        if name == "?":
            found |= {other.lower(): Command(other, None, source="built-in") for other in rest}
        else:
            found[name.lower()] = Command(name, tuple(map(_parameter, rest)), source="built-in")
    return found


def _parameter(written: str) -> Parameter:
    found = _PARAMETER.fullmatch(written)
    if found is None:
        raise ValueError(f"{FILE.name} has a parameter that cannot be read: {written}")
    name, switch, position, pipeline, mandatory, aliases = found.groups()
    return Parameter(
        name,
        "SwitchParameter" if switch else "",
        tuple(aliases.split("|")) if aliases else (),
        mandatory=frozenset({""}) if mandatory else frozenset(),
        position=int(position) if position else None,
        pipeline=bool(pipeline),
    )


def cmdlet(name: str) -> Command | None:
    """Return the cmdlet of this name, in any case, or None."""
    return cmdlets().get(name.lower())


def alias(name: str) -> str:
    """Return the name of the cmdlet for which one of PowerShell's aliases stands, or an empty text."""
    target = ALIASES.get(name.lower(), "")
    known = cmdlet(target) if target else None
    return known.name if known else target
