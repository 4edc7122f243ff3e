"""What a run needs of its environment: checked first, and said with what follows and the SQL that grants it.

Otherwise the lack of a right would show only as an error after minutes of work, or as an empty result.
"""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from typing import Any

from workflows.database_maintenance import backup as backups
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.measure import size
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.targets.postgres import PostgresTarget
from workflows.database_maintenance.targets.sqlite import SqliteTarget

_LONG_MINUTES = 5

_WRITABLE = """
SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
       has_database_privilege(current_database(), 'TEMPORARY'),
       quote_ident(current_database()), quote_ident(current_user)
"""
_RIGHTS = """
SELECT quote_ident(n.nspname), quote_ident(current_user), has_schema_privilege(n.oid, 'CREATE'),
       count(*) FILTER (WHERE NOT pg_has_role(c.relowner, 'MEMBER')),
       (array_agg(DISTINCT quote_ident(pg_get_userbyid(c.relowner)))
           FILTER (WHERE NOT pg_has_role(c.relowner, 'MEMBER')))[1],
       count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)'
GROUP BY n.oid, n.nspname ORDER BY n.nspname
"""
_MAY_CREATE = "SELECT rolcreatedb OR rolsuper, quote_ident(rolname) FROM pg_roles WHERE rolname = current_user"
_SIZE = "SELECT pg_database_size(current_database())"
_LIMITS = """
SELECT current_setting('statement_timeout'), quote_ident(current_user),
       (SELECT count(*) FROM pg_stat_replication), pg_has_role('pg_read_all_stats', 'USAGE')
"""
_TRANSACTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
          AND xact_start < now() - make_interval(mins => %s)),
       (SELECT count(*) FROM pg_prepared_xacts
        WHERE database = current_database() AND prepared < now() - make_interval(mins => %s)),
       pg_has_role('pg_read_all_stats', 'USAGE'), quote_ident(current_user)
"""


class CheckError(Exception):
    """A check did not pass; the message says why."""


def writable(target: Target) -> str:
    """Check that the target can be changed, and that queries can be measured at all."""
    if isinstance(target, SqliteTarget):
        return _writable_file(target)
    in_recovery, is_read_only, may_create_temporary, database, role = _one(target, _WRITABLE)
    if in_recovery:
        raise CheckError("it is a replica, which cannot be changed: name the primary server as the target")
    if is_read_only:
        raise CheckError(
            "transactions of this role are read-only, so that queries cannot be measured and indexes not be created: "
            f"ALTER ROLE {role} IN DATABASE {database} SET default_transaction_read_only = off"
        )
    if not may_create_temporary:
        raise CheckError(
            f"queries are measured as temporary views, which this role may not create: "
            f"GRANT TEMPORARY ON DATABASE {database} TO {role}"
        )
    return "yes"


def _writable_file(target: SqliteTarget) -> str:
    """SQLite writes a journal beside the file, so that it must be able to create files there."""
    for place, what in ((target.path, "the file"), (target.path.absolute().parent, "its folder")):
        if not os.access(place, os.W_OK):
            raise CheckError(f"the worker may not write to {what}, so that no index can be created")
    return "yes"


def rights(target: Target) -> str:
    """Check that indexes can be created on every table."""
    rows = target.rows(_RIGHTS) if isinstance(target, PostgresTarget) else []
    lacks = []
    for schema, role, may_create, foreign, owner, tables in rows:
        if foreign:
            lacks.append(
                f"{foreign} of {tables} tables in {schema} belong to roles that this one is not a member of, so that "
                f"they cannot be indexed: GRANT {owner} TO {role}"
            )
        if not may_create:
            lacks.append(f"indexes cannot be created in {schema}: GRANT CREATE ON SCHEMA {schema} TO {role}")
    if lacks:
        raise CheckError("; ".join(lacks))
    tables = sum(row[-1] for row in rows)
    return f"owner of all {tables} tables" if rows else "all tables of the file"


def restore(target: Target, settings: MaintenanceInput) -> str:
    """Check that a backup can be verified by restoring it."""
    if not isinstance(target, PostgresTarget):
        return "in a temporary file"
    name = settings.restore_target or settings.target
    elsewhere = settings.model_copy(update={"target": name})
    with opened(elsewhere) if settings.restore_target else nullcontext(target) as server:
        may_create, role = _one(server, _MAY_CREATE) if isinstance(server, PostgresTarget) else (False, "")
    if not may_create:
        raise CheckError(
            f"a backup is verified in a scratch database, which this role may not create on {name}: "
            f"ALTER ROLE {role} CREATEDB, or name another restore target"
        )
    return f"on {name}"


def room(target: Target, settings: MaintenanceInput) -> str:
    """Check that a backup fits into its folder. The server's own disk cannot be seen from here."""
    if isinstance(target, SqliteTarget):
        needed = target.path.stat().st_size
    else:
        (needed,) = _one(target, _SIZE)
    folder = backups.directory(settings)
    free = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free
    if free < needed:
        raise CheckError(
            f"{size(free)} are free in the backup directory, and the database has {size(needed)}: "
            "its backup may not fit"
        )
    return f"{size(free)} free for a backup of {size(needed)}"


def limits(target: Target) -> str:
    """Check what would stop long statements, and say who else is affected."""
    if not isinstance(target, PostgresTarget):
        return "none"
    timeout, role, replicas, sees_all = _one(target, _LIMITS)
    if timeout != "0":
        raise CheckError(
            f"statements of this role are stopped after {timeout}, which may be too short for counting and analyzing "
            f"large tables: ALTER ROLE {role} SET statement_timeout = 0"
        )
    if replicas:
        return f"none; {replicas} replicas build every new index as well"
    return "none; no replicas" if sees_all else "none; replicas cannot be seen by this role"


def transactions(target: Target) -> str:
    """Check that no long transaction would stall a concurrent build."""
    if not isinstance(target, PostgresTarget):
        return "none over 5 minutes"
    long, prepared, sees_all, role = _one(target, _TRANSACTIONS, _LONG_MINUTES, _LONG_MINUTES)
    found = [f"{long} open"] if long else []
    found += [f"{prepared} prepared"] if prepared else []
    if found:
        raise CheckError(
            f"{' and '.join(found)} for more than {_LONG_MINUTES} minutes; "
            "a concurrent index build waits until they end"
        )
    if not sees_all:
        raise CheckError(f"those of other roles are hidden: GRANT pg_read_all_stats TO {role}")
    return f"none over {_LONG_MINUTES} minutes"


def _one(target: Target, question: str, *params: Any) -> tuple[Any, ...]:
    assert isinstance(target, PostgresTarget)
    return target.rows(question, *params)[0]
