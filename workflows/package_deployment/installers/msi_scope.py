"""For whom an MSI is installed, by what Microsoft's documents say about ALLUSERS, MSIINSTALLPERUSER, and Word Count.

- ALLUSERS is 1: for all users. It is not set: for one user.
- ALLUSERS is 2: MSIINSTALLPERUSER decides (1: one user, else all users); its value in the package is only the default.
- Bit 3 of Word Count says that no rights of an administrator are needed. It does not change the scope by itself.
"""

from __future__ import annotations

from typing import NamedTuple

from workflows.package_deployment.analysis import CustomAction, Scope
from workflows.package_deployment.installers.msi_actions import EXECUTE_SEQUENCE, SETS_PROPERTY, basic_type
from workflows.package_deployment.installers.msi_database import Database

_NO_ELEVATION = 0x8
_ALL_USERS = "ALLUSERS"


class ScopeFacts(NamedTuple):
    """The scope, why, and whether an administrator has to install it (None: it depends)."""

    scope: Scope
    reason: str
    requires_administrator: bool | None


def read_scope(database: Database, properties: dict[str, str], actions: list[CustomAction]) -> ScopeFacts:
    """Return for whom the MSI is installed if nothing is said on the command line."""
    needs_no_administrator = bool((database.summary.word_count or 0) & _NO_ELEVATION)
    value, by_action = _value(properties, actions)
    origin = f", set by the custom action {by_action}" if by_action else ""
    if value is None:
        return ScopeFacts(Scope.EITHER, "A custom action sets ALLUSERS on a condition.", None)
    if value == "2":
        default = "one user" if properties.get("MSIINSTALLPERUSER") == "1" or needs_no_administrator else "all users"
        reason = f"ALLUSERS is 2{origin}, so that the command line or the user decides. Otherwise, it is for {default}."
        return ScopeFacts(Scope.EITHER, reason, None)
    if _is_chosen_in_dialogs(database):
        default = "all users" if value else "one user"
        return ScopeFacts(Scope.EITHER, f"Its dialogs offer a choice. Without them, it is for {default}.", None)
    if value:
        return ScopeFacts(Scope.MACHINE, f"ALLUSERS is {value}{origin}.", True)
    reason = f"ALLUSERS is {'emptied' if by_action else 'not set'}{origin}."
    return ScopeFacts(Scope.USER, reason, not needs_no_administrator)


def _value(properties: dict[str, str], actions: list[CustomAction]) -> tuple[str | None, str]:
    """Return the value of ALLUSERS (None: it depends), and the custom action that sets it."""
    setters = [
        action for action in actions
        if basic_type(action.type) == SETS_PROPERTY and action.source == _ALL_USERS
        and action.sequence == EXECUTE_SEQUENCE
    ]  # fmt: skip
    if not setters:
        return properties.get(_ALL_USERS, ""), ""
    last = setters[-1]
    own = {action.target for action in setters if not action.target.startswith("[")}
    if len(own) == 1 and (not last.condition or own == {properties.get(_ALL_USERS, "")}):
        return last.target.strip("{}"), last.name
    return None, ""


def _is_chosen_in_dialogs(database: Database) -> bool:
    """Return whether a control of the dialogs sets ALLUSERS."""
    events = database.rows("ControlEvent")
    if any(row.get("Event") == f"[{_ALL_USERS}]" for row in events):
        return True
    return any(row.get("Property") == _ALL_USERS for row in database.rows("Control"))
