"""Health checks: all at once, each with a timeout, critical or not, together under two seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from pydantic import BaseModel

from assent import target_address
from workflows.database_maintenance import backup as backups
from workflows.database_maintenance import environment
from workflows.database_maintenance.environment import CheckError
from workflows.database_maintenance.inputs import MaintenanceInput, QuerySource
from workflows.database_maintenance.model import StatementRefused, TargetError
from workflows.database_maintenance.statements import read_definition
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.opening import dialect_of, open_target, opened
from workflows.database_maintenance.targets.postgres import PostgresTarget
from workflows.database_maintenance.targets.postgres_backup import find_tools
from workflows.database_maintenance.workload import WorkloadError, file_named, load_workload

DEADLINE_S = 1.9
"""Longest time for all checks together, even if some of them hang."""

_ROLE = """
SELECT r.rolsuper, pg_has_role(r.oid, 'MEMBER'), current_user FROM pg_roles r WHERE r.rolname = %s
"""


@dataclass(frozen=True)
class Check:
    """One check. `run` returns its finding in words, or raises."""

    name: str
    title: str
    critical: bool
    timeout_s: float
    run: Callable[[], str]


class CheckResult(BaseModel):
    """The result of a check."""

    name: str
    title: str
    critical: bool
    ok: bool
    message: str
    milliseconds: float


def run_checks(checks: Sequence[Check], deadline_s: float = DEADLINE_S) -> list[CheckResult]:
    """Run all checks at once, and return their results in the given order.

    A check that takes too long counts as failed; its thread continues, and ends when its wait ends.
    """
    answers: Queue[CheckResult] = Queue()
    started = time.monotonic()
    for check in checks:
        threading.Thread(target=_run_one, args=(check, answers), name=f"health-{check.name}", daemon=True).start()
    results: dict[str, CheckResult] = {}
    limits = {check.name: min(check.timeout_s, deadline_s) for check in checks}
    while waiting := [limit for name, limit in limits.items() if name not in results]:
        remaining = started + min(waiting) - time.monotonic()
        try:
            answer = answers.get(timeout=max(remaining, 0.001))
            results.setdefault(answer.name, answer)
        except Empty:
            spent = time.monotonic() - started
            for check in checks:
                if check.name not in results and limits[check.name] <= spent:
                    results[check.name] = _result(check, False, f"no answer within {limits[check.name]:g} s", started)
    return [results[check.name] for check in checks]


def _run_one(check: Check, answers: Queue[CheckResult]) -> None:
    started = time.monotonic()
    try:
        answers.put(_result(check, True, check.run(), started))
    except (CheckError, TargetError, WorkloadError, StatementRefused, LookupError, OSError) as error:
        answers.put(_result(check, False, str(error).strip("'\""), started))
    except Exception as error:  # a defect in a check must not count as healthy
        answers.put(_result(check, False, f"{type(error).__name__} in the check itself", started))


def _result(check: Check, ok: bool, message: str, started: float) -> CheckResult:
    spent = round((time.monotonic() - started) * 1000, 1)
    return CheckResult(
        name=check.name, title=check.title, critical=check.critical, ok=ok, message=message, milliseconds=spent
    )


class _Shared:
    """One connection for several checks, one after the other, because opening one is most of their work."""

    def __init__(self, settings: MaintenanceInput, users: int) -> None:
        self._settings = settings
        self._users = users
        self._lock = threading.Lock()
        self._target: Target | None = None

    def ask(self, check: Callable[[Target], str]) -> str:
        """Run a check; after the last one, the connection is closed."""
        with self._lock:
            try:
                self._target = self._target or open_target(self._settings)
                return check(self._target)
            finally:
                self._users -= 1
                if self._target and self._users == 0:
                    self._target.close()


def checks_for(settings: MaintenanceInput) -> list[Check]:
    """The checks of a run."""
    needed = settings.backup_required
    shared = _Shared(settings, users=7)
    return [
        Check("database_connection", "Database answers", True, 1.8, lambda: _connection(settings)),
        Check("writable", "Database can be changed", True, 1.8, lambda: shared.ask(environment.writable)),
        Check("privileges", "Tables may be indexed", False, 1.8, lambda: shared.ask(environment.rights)),
        Check("measuring_role", "Role for measuring", True, 1.8, lambda: shared.ask(_measuring_role)),
        Check("long_transactions", "No long transactions", False, 1.8, lambda: shared.ask(environment.transactions)),
        Check("limits", "No limits for long statements", False, 1.8, lambda: shared.ask(environment.limits)),
        Check("named_files", "Files named in the input", True, 1.0, lambda: _named_files(settings)),
        Check("query_source", "Queries to examine", False, 1.8, lambda: _query_source(settings)),
        Check("backup_tools", "Backup tools", needed, 1.8, lambda: _backup_tools(settings)),
        Check(
            "restore",
            "Backup can be verified",
            needed,
            1.8,
            lambda: shared.ask(lambda target: environment.restore(target, settings)),
        ),
        Check(
            "room",
            "Room for a backup",
            False,
            1.8,
            lambda: shared.ask(lambda target: environment.room(target, settings)),
        ),
        Check("backup_directory", "Backup directory", needed, 1.0, lambda: _backup_directory(settings)),
        Check("safety_controller", "Statement guard", True, 1.0, lambda: _guard(settings)),
    ]


def _connection(settings: MaintenanceInput) -> str:
    with opened(settings) as target:
        return target.version()


def _measuring_role(target: Target) -> str:
    role = target.measuring_role if isinstance(target, PostgresTarget) else ""
    rows = target.rows(_ROLE, role) if isinstance(target, PostgresTarget) and role else []
    if not role:
        return "none is configured; queries run as the role of the target's address"
    if not rows:
        raise CheckError(f"the configured role {role} does not exist")
    is_superuser, is_member, current = rows[0]
    if is_superuser:
        raise CheckError(f"the configured role {role} is a superuser; use one that may only read")
    if not is_member:
        raise CheckError(f"queries are to run as {role}, which this role cannot become: GRANT {role} TO {current}")
    return role


def _named_files(settings: MaintenanceInput) -> str:
    """Return an error for a run that names files outside the directory; it is stopped, not continued without them."""
    backups.directory(settings)
    file = file_named(settings.workload)
    return "in the maintenance directory" if file or settings.backup_directory else "none"


def _query_source(settings: MaintenanceInput) -> str:
    if settings.query_source is not QuerySource.WORKLOAD:
        with opened(settings) as target:
            if target.statement_statistics(0, 1) is not None:
                return "pg_stat_statements"
    queries, _ = load_workload(settings.workload, dialect_of(settings.target))
    return f"{len(queries)} queries in the workload"


def _backup_tools(settings: MaintenanceInput) -> str:
    if dialect_of(settings.target) == "sqlite":
        return "SQLite's backup API"
    with opened(settings) as target:
        assert isinstance(target, PostgresTarget)
        major = target.connection.info.server_version // 10_000
    find_tools(major)
    if settings.restore_target:
        target_address(settings.restore_target)
    return f"pg_dump and pg_restore for version {major}"


def _backup_directory(settings: MaintenanceInput) -> str:
    folder: Path = backups.directory(settings)
    backups.require_usable(folder)
    return "writable"


def _guard(settings: MaintenanceInput) -> str:
    """Check that the guard refuses forbidden statements; a guard that does not must not protect a database."""
    dialect = dialect_of(settings.target)
    read_definition("CREATE INDEX i ON t (a)", dialect)
    for forbidden in ("DROP TABLE t", "CREATE INDEX i ON t (a); DROP TABLE t", "DELETE FROM t"):
        try:
            read_definition(forbidden, dialect)
        except StatementRefused:
            continue
        raise CheckError("the guard accepted a forbidden statement")
    return "refuses everything but CREATE INDEX"
