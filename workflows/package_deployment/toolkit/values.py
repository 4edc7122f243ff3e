"""Values that are written in a script, compared with what a parameter allows."""

from __future__ import annotations

import re

from app.risk.powershell.nodes import BlockValue, Node, Table
from workflows.package_deployment.toolkit.catalog import Parameter
from workflows.package_deployment.toolkit.names import near, shown
from workflows.package_deployment.toolkit.script import UNKNOWN, literal

_WHOLE = frozenset({"Int32", "UInt32", "Int64", "UInt64", "Int16", "UInt16", "IntPtr"})
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\s*", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"\s*(?:[+-]?\d+|0x[0-9a-f]+)\s*", re.IGNORECASE)
_GUID = re.compile(r"\s*(?:[{(]?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[)}]?|[0-9a-f]{32})\s*", re.IGNORECASE)
_VERSION = re.compile(r"\s*\d+(?:\s*\.\s*\d+){1,3}\s*")
_SPAN = re.compile(r"\s*-?(?:\d+\.)?\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,7})?)?\s*")
_FORMS = {
    **dict.fromkeys(_WHOLE, (_WHOLE_NUMBER, "a whole number")),
    "Double": (_NUMBER, "a number"),
    "Guid": (_GUID, "a GUID, such as {00000000-0000-0000-0000-000000000000}"),
    "Version": (_VERSION, "a version, such as 1.0.0"),
}


def problem(parameter: Parameter, value: Node | None) -> tuple[str, str]:
    """Return what is wrong with a value that is written in a script, and a suggestion; both empty if nothing is.

    A value that is only known when the script runs is never wrong.
    """
    if value is None:
        return "", ""
    kind = parameter.type.removesuffix("[]")
    if isinstance(value, BlockValue):
        if kind in _FORMS or parameter.values:
            return f"-{parameter.name} does not take a script block.", ""
        return "", ""
    if isinstance(value, Table):
        if kind in _FORMS or parameter.values or kind == "ScriptBlock":
            return f"-{parameter.name} does not take a table.", ""
        return "", ""
    known = literal(value)
    if known is UNKNOWN:
        return "", ""
    if parameter.is_switch:
        return _switch_problem(parameter, known)
    values = known if isinstance(known, list) else [known]
    if isinstance(known, list) and len(known) > 1 and _takes_one(parameter, kind):
        return f"-{parameter.name} takes one value, not {len(known)}.", ""
    for one in values:
        found = _one_problem(parameter, kind, one)
        if found[0]:
            return found
    return "", ""


def _takes_one(parameter: Parameter, kind: str) -> bool:
    return not parameter.is_list and not parameter.flags and (bool(parameter.values) or kind in _FORMS)


def _switch_problem(parameter: Parameter, known: object) -> tuple[str, str]:
    if isinstance(known, (str, list)) or known is None:
        return f"-{parameter.name} is a switch: it takes $true or $false.", f"-{parameter.name}"
    return "", ""


def _one_problem(parameter: Parameter, kind: str, value: object) -> tuple[str, str]:
    if value is None:
        return "", ""
    text = str(value)
    if parameter.values:
        return _choice_problem(parameter, value, text)
    if kind in _FORMS and not isinstance(value, bool):
        form, words = _FORMS[kind]
        fits = form.fullmatch(text) or (isinstance(value, float) and kind in _WHOLE)
        return ("", "") if fits else (f"-{parameter.name} takes {words}, not '{shown(text)}'.", "")
    if kind == "TimeSpan" and isinstance(value, str) and not (_SPAN.fullmatch(text) or _NUMBER.fullmatch(text)):
        return f"-{parameter.name} takes seconds or a time such as 00:10:00, not '{shown(text)}'.", ""
    if kind == "ScriptBlock":
        return f"-{parameter.name} takes a script block in braces, not '{shown(text)}'.", ""
    return "", ""


def _choice_problem(parameter: Parameter, value: object, text: str) -> tuple[str, str]:
    """An enumeration may be shortened and given as a number; a list of values may not."""
    parts = [part.strip() for part in text.split(",")] if parameter.flags and isinstance(value, str) else [text]
    for part in parts:
        lower = part.lower()
        if any(lower == allowed.lower() for allowed in parameter.values):
            continue
        if parameter.enumeration:
            if _WHOLE_NUMBER.fullmatch(part):
                continue
            if part and sum(allowed.lower().startswith(lower) for allowed in parameter.values) == 1:
                continue
        listed = ", ".join(parameter.values[:30])
        meant = near(part, parameter.values)
        return (
            f"-{parameter.name} does not take '{shown(part)}'. It takes: {listed}.",
            f"-{parameter.name} {_quoted(meant[0])}" if meant else "",
        )
    return "", ""


def _quoted(text: str) -> str:
    return text if text.isalnum() else f"'{text}'"
