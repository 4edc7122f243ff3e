"""The custom actions of an MSI, with their types in words."""

from __future__ import annotations

from workflows.package_deployment.analysis import CustomAction
from workflows.package_deployment.installers.msi_database import Database, Row, text_of

MOST_ACTIONS = 2_000
EXECUTE_SEQUENCE = "InstallExecuteSequence"
UI_SEQUENCE = "InstallUISequence"
SETS_PROPERTY, SETS_FOLDER = 51, 35
_BASIC = 0x3F
_ROLLBACK, _COMMIT, _IN_SCRIPT, _NO_IMPERSONATION, _HIDES_TARGET = 0x100, 0x200, 0x400, 0x800, 0x2000
_KINDS = {
    1: "DLL from the Binary table",
    2: "program from the Binary table",
    5: "JScript from the Binary table",
    6: "VBScript from the Binary table",
    7: "installation of an MSI inside this one",
    17: "DLL that is installed",
    18: "program that is installed",
    19: "error message that ends the installation",
    21: "JScript that is installed",
    22: "VBScript that is installed",
    23: "installation of an MSI beside this one",
    34: "program in a folder",
    35: "sets a folder",
    37: "JScript in the MSI",
    38: "VBScript in the MSI",
    39: "installation of an advertised product",
    50: "program whose path is in a property",
    51: "sets a property",
    53: "JScript in a property",
    54: "VBScript in a property",
}
HARMLESS = {19, SETS_FOLDER, SETS_PROPERTY}
"""Basic types that run no code."""


def basic_type(number: int) -> int:
    """Return the type without its options."""
    return number & _BASIC


def read_actions(database: Database) -> list[CustomAction]:
    """Read the CustomAction table, with the conditions from the tables of sequences."""
    conditions = _conditions(database)
    return [_action(row, conditions) for row in database.rows("CustomAction")[:MOST_ACTIONS] if row.get("Action")]


def _action(row: Row, conditions: dict[str, tuple[str, str]]) -> CustomAction:
    name = text_of(row, "Action")
    number = row.get("Type")
    kind = number & 0xFFFF if isinstance(number, int) else 0
    in_script = bool(kind & _IN_SCRIPT)
    sequence, condition = conditions.get(name, ("", ""))
    return CustomAction(
        name=name, type=kind, kind=_KINDS.get(basic_type(kind), "unknown"), source=text_of(row, "Source"),
        target=text_of(row, "Target"), condition=condition, sequence=sequence, when=_when(kind),
        is_elevated=in_script and bool(kind & _NO_IMPERSONATION) and basic_type(kind) not in HARMLESS,
    )  # fmt: skip


def _when(kind: int) -> str:
    if not kind & _IN_SCRIPT:
        return "immediate"
    if kind & _ROLLBACK:
        return "rollback"
    return "commit" if kind & _COMMIT else "deferred"


def _conditions(database: Database) -> dict[str, tuple[str, str]]:
    """Return for each action the first sequence that has it, and its condition there."""
    found: dict[str, tuple[str, str]] = {}
    for table in (EXECUTE_SEQUENCE, UI_SEQUENCE, "AdminExecuteSequence", "AdminUISequence", "AdvtExecuteSequence"):
        for row in database.rows(table):
            found.setdefault(text_of(row, "Action"), (table, text_of(row, "Condition")))
    return found
