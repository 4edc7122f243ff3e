"""Opens targets by their configured names. Only this module reads their addresses and roles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from assent import target_address
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import TargetError
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.postgres import PostgresTarget
from workflows.database_maintenance.targets.sqlite import SqliteTarget

_POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://")
_SQLITE = "sqlite:///"
ROLE_VARIABLE = "ASSENT_MEASURING_ROLE_"
"""With the name of a target: the role as which PostgreSQL runs queries that nobody has approved."""


def dialect_of(name: str) -> str:
    """Return the SQL dialect of a configured target: ``postgres`` or ``sqlite``.

    Raises:
        TargetError: its address is of neither kind.
        assent.workflow.UnknownTargetError: nothing is configured under that name.
    """
    address = target_address(name)
    if address.startswith(_POSTGRES):
        return "postgres"
    if address.startswith(_SQLITE):
        return "sqlite"
    raise TargetError(f"The address of target {name!r} starts with neither postgresql:// nor sqlite:///.")


def measuring_role(name: str) -> str:
    """Return the role as which queries of a target are measured; empty: that of its address."""
    return os.environ.get(f"{ROLE_VARIABLE}{name.upper().replace('-', '_')}", "")


def open_target(settings: MaintenanceInput) -> Target:
    """Connect to the target of a run.

    Raises:
        TargetError: it cannot be reached; the message contains no address.
        assent.workflow.UnknownTargetError: nothing is configured under that name.
    """
    address = target_address(settings.target)
    if dialect_of(settings.target) == "sqlite":
        return SqliteTarget(settings, address)
    scratch_address = target_address(settings.restore_target) if settings.restore_target else address
    return PostgresTarget(settings, address, scratch_address, measuring_role(settings.target))


@contextmanager
def opened(settings: MaintenanceInput) -> Iterator[Target]:
    """As `open_target`, but close it at the end of the block."""
    target = open_target(settings)
    try:
        yield target
    finally:
        target.close()
