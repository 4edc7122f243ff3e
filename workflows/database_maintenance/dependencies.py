"""What the tools need: configured targets that answer, and the programs for backups."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

from assent.toolbox import Dependency
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import TargetError
from workflows.database_maintenance.targets.opening import dialect_of, opened
from workflows.database_maintenance.targets.postgres_backup import find_tools

_PREFIX = "ASSENT_TARGET_"
_MOST = 20
"""How many targets are checked."""
_HOLDS_S = 5.0
_answers: dict[tuple[str, str], tuple[float, Dependency]] = {}


def configured_targets() -> list[str]:
    """Return the names of all targets that are configured, of whatever kind."""
    names = [name for name, address in os.environ.items() if name.startswith(_PREFIX) and address]
    return sorted(name.removeprefix(_PREFIX).lower() for name in names)


def for_targets() -> list[Dependency]:
    """Return whether each configured database answers; targets of other kinds are left out."""
    databases = [name for name in configured_targets() if _is_database(name)][:_MOST]
    if not databases:
        return [Dependency("a database", False, f"None is configured: set {_PREFIX}<NAME> to its address.")]
    with ThreadPoolExecutor(len(databases)) as pool:
        return list(pool.map(_reached, databases))


def for_backups() -> list[Dependency]:
    """Return whether each configured database answers, and whether pg_dump is there if one of them needs it."""
    found = for_targets()
    if any(dependency.available and "PostgreSQL" in dependency.detail for dependency in found):
        found.append(_dump())
    return found


def _is_database(name: str) -> bool:
    try:
        return bool(dialect_of(name))
    except (TargetError, LookupError):
        return False


def _reached(name: str) -> Dependency:
    """Return whether a target answers; the tools ask one after the other, so that the answer holds for a moment."""
    address = os.environ.get(f"{_PREFIX}{name.upper()}", "")
    known = _answers.get((name, address))
    if known is None or time.monotonic() - known[0] > _HOLDS_S:
        known = _answers[name, address] = time.monotonic(), _asked(name)
    return known[1]


def _asked(name: str) -> Dependency:
    label = f"target {name}"
    try:
        with opened(MaintenanceInput(target=name)) as target:
            return Dependency(label, True, target.version())
    except (TargetError, LookupError, ValueError) as error:
        return Dependency(label, False, str(error).strip("'\""))


def _dump() -> Dependency:
    try:
        return Dependency("pg_dump and pg_restore", True, f"in {find_tools(1)}")
    except TargetError as error:
        return Dependency("pg_dump and pg_restore", False, str(error))
