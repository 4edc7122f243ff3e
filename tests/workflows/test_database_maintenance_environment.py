"""What a run needs is checked first: what is missing is named, with what follows and the SQL that grants it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import TARGET_VARIABLE, MaintenanceRun, Shop, sqlite_input
from workflows.database_maintenance import environment
from workflows.database_maintenance.environment import CheckError
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.opening import opened

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]


@pytest.fixture
def limited(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The shop as a role that may only read; the name of the role."""
    role = f"limited_{secrets.token_hex(6)}"
    with shop.connect() as connection:
        database = connection.info.dbname
        connection.execute(
            f"CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
            f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC; ALTER ROLE {role} SET statement_timeout = '5s'"
        )
    monkeypatch.setenv(TARGET_VARIABLE, shop.address.replace("postgres@", f"{role}@"))
    yield role
    with shop.connect() as connection:
        connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


def found(check: Callable[[Target], str], settings: MaintenanceInput) -> str:
    """What a check finds."""
    with opened(settings) as target:
        return check(target)


def lacks(check: Callable[[Target], str], settings: MaintenanceInput) -> str:
    """What a check finds missing."""
    with pytest.raises(CheckError) as caught:
        found(check, settings)
    return str(caught.value)


def restore(target: Target) -> str:
    return environment.restore(target, MaintenanceInput(target="shop"))


def room(target: Target) -> str:
    return environment.room(target, MaintenanceInput(target="shop"))


GRANTED: dict[str, tuple[Callable[[Target], str], str]] = {
    "measured as temporary views, which this role may not create": (environment.writable, "yes"),
    "6 of 6 tables in public belong to roles that this one is not a member of": (environment.rights, "owner of all"),
    "a scratch database, which this role may not create on shop": (restore, "on shop"),
    "those of other roles are hidden": (environment.transactions, "none over 5 minutes"),
    "statements of this role are stopped after 5s": (environment.limits, "none"),
}


def test_missing_rights_are_named_and_the_sql_beside_them_grants_them(shop: Shop, limited: str) -> None:
    settings = MaintenanceInput.model_validate(shop.input())
    with shop.connect() as administrator:
        try:
            for said, (check, afterwards) in GRANTED.items():
                message = lacks(check, settings)
                assert said in message
                for part in message.split("; "):
                    administrator.execute(part.rpartition(": ")[2].partition(", or ")[0])
                assert found(check, settings).startswith(afterwards), message
        finally:
            administrator.execute(f"REVOKE pg_read_all_stats, postgres FROM {limited}")


def test_a_database_that_only_reads_stops_the_run_with_the_reason(
    shop: Shop, maintenance: Maintenance, limited: str
) -> None:
    with shop.connect() as connection:
        connection.execute(f"ALTER ROLE {limited} SET default_transaction_read_only = on")
    run = maintenance(shop.input(backup_required=False)).start()
    assert run.values["status"] == "unhealthy" and run.steps == ["health", "report"]
    assert "SET default_transaction_read_only = off" in run.values["report"]


def test_statements_that_are_hidden_are_not_taken_for_none(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as connection:
        connection.execute(
            "CREATE TABLE pg_stat_statements AS SELECT oid AS dbid, 10 AS userid, NULL::bigint AS queryid, "
            "'<insufficient privilege>' AS query, 5 AS calls, 500.0 AS total_exec_time, 100.0 AS mean_exec_time "
            "FROM pg_database WHERE datname = current_database()"
        )
    run = maintenance({**shop.input(), "workload": ""}).start()
    assert "No slow queries could be seen: 1 statement of other roles is hidden" in run.values["report"]
    assert "GRANT pg_read_all_stats TO postgres" in run.values["report"]


def test_a_file_that_may_not_be_written_to(shop_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = MaintenanceInput.model_validate(sqlite_input())
    assert found(environment.writable, settings) == "yes" and "free for a backup" in found(room, settings)
    # The account of the tests may be root, which may write everywhere.
    monkeypatch.setattr(environment.os, "access", lambda place, _: place != shop_path)
    assert "may not write to the file" in lacks(environment.writable, settings)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: _Usage(10))
    assert "10 B are free" in lacks(room, settings)


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free
