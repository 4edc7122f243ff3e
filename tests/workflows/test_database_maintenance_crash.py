"""Index creation is interrupted, repeated and raced; each index is there exactly once and valid."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.workflows.conftest import MaintenanceRun, Shop
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import TargetError
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.targets.postgres import PostgresTarget
from workflows.database_maintenance.targets.postgres_apply import LOCK_NAME, applying

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]
BY_CODE, CODE_INDEX = "shipment by tracking code", "idx_shipments_tracking_code"
_BUILDER = "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting%'"


@pytest.fixture
def suspended(shop: Shop, maintenance: Maintenance) -> MaintenanceRun:
    """A run that waits for the decision on one index."""
    return maintenance(shop.input(BY_CODE, backup_required=False)).start()


@contextmanager
def held_back(shop: Shop) -> Iterator[None]:
    """A writer that keeps a concurrent build on shipments waiting."""
    with shop.connect() as writer, writer.transaction():
        writer.execute("UPDATE shipments SET shipped_at = shipped_at WHERE id = 1")
        yield


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[BaseException]]:
    """Start something that may fail; its error is in the list afterwards."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    return thread, errors


def builder_pid(shop: Shop) -> int:
    """The server process that builds an index, once it waits."""
    with shop.connect() as connection:
        for _ in range(500):
            row = connection.execute(_BUILDER).fetchone()
            if row:
                return int(row[0])
            connection.execute("SELECT pg_sleep(0.02)")
    raise AssertionError("no build came to wait")


def test_a_build_that_is_killed_half_way_is_cleared_away_and_done_again(shop: Shop, suspended: MaintenanceRun) -> None:
    with held_back(shop):
        thread, errors = in_thread(lambda: suspended.decide("approve"))
        shop.rows("SELECT pg_terminate_backend(%s)", builder_pid(shop))
        thread.join(30)
    assert [type(error) for error in errors] == [TargetError] and "postgres" not in str(errors[0])
    assert shop.indexes() == {CODE_INDEX: False}, "the killed build left an index that is not valid"

    suspended.carry_on()
    assert shop.indexes() == {CODE_INDEX: True}
    assert suspended.applied == {CODE_INDEX: "rebuilt"}
    assert suspended.receipts[-1]["status"] == "applied"


def test_a_build_that_outlives_its_client_is_waited_for_and_not_doubled(shop: Shop, suspended: MaintenanceRun) -> None:
    statement = suspended.item(CODE_INDEX)["statement"]
    orphan = shop.connect()
    orphan.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (LOCK_NAME,))
    with held_back(shop):
        building, build_errors = in_thread(lambda: orphan.execute(statement))
        builder_pid(shop)
        thread, errors = in_thread(lambda: suspended.decide("approve"))
        thread.join(1.0)
        assert thread.is_alive(), "the second session waits for the first"
    building.join(30)
    orphan.close()
    thread.join(30)
    assert not errors and not build_errors
    assert shop.indexes() == {CODE_INDEX: True}
    assert suspended.applied == {CODE_INDEX: "created"}
    assert "Found complete after an interruption" in suspended.values["report"]


def test_an_index_made_before_the_crash_is_not_made_again(
    shop: Shop, suspended: MaintenanceRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = PostgresTarget.create_index
    made: list[str] = []

    def create_and_die(self: PostgresTarget, *args: Any) -> Any:
        made.append(create(self, *args).status)
        raise KeyboardInterrupt

    monkeypatch.setattr(PostgresTarget, "create_index", create_and_die)
    with pytest.raises(KeyboardInterrupt):
        suspended.decide("approve")
    oid = shop.rows("SELECT %s::regclass::oid", CODE_INDEX)
    monkeypatch.setattr(PostgresTarget, "create_index", create)
    suspended.carry_on()
    assert made == ["created"] and shop.rows("SELECT %s::regclass::oid", CODE_INDEX) == oid
    assert shop.indexes() == {CODE_INDEX: True} and suspended.applied == {CODE_INDEX: "created"}
    assert suspended.values["factor_of_users"] > 1.2, "the time before was measured before the crash"


def test_an_index_that_somebody_made_meanwhile_is_left_as_it_is(shop: Shop, suspended: MaintenanceRun) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE INDEX by_code ON shipments USING btree (tracking_code)")
    suspended.decide("approve")
    assert shop.indexes() == {"by_code": True} and suspended.applied == {}
    assert suspended.proposal is None and suspended.values["status"] == "nothing_to_do", "nothing is left to propose"
    assert "tables.shipments.indexes.by_code is new" in suspended.values["report"]


def test_what_was_there_before_is_never_rolled_back(shop: Shop, suspended: MaintenanceRun) -> None:
    useless = f"CREATE INDEX {CODE_INDEX} ON shipments (shipped_at)"
    with shop.connect() as connection:
        connection.execute(useless)
    suspended.decide("modify", [{**suspended.item(CODE_INDEX), "statement": useless}])
    assert shop.indexes() == {CODE_INDEX: True} and suspended.applied == {CODE_INDEX: "already there"}


def test_a_creation_that_fails_half_way_leaves_nothing(shop: Shop, suspended: MaintenanceRun) -> None:
    unique = f"CREATE UNIQUE INDEX CONCURRENTLY {CODE_INDEX} ON orders (status)"
    suspended.decide("modify", [{**suspended.item(CODE_INDEX), "statement": unique}])
    assert shop.indexes() == {}
    assert suspended.applied == {CODE_INDEX: "failed"} and suspended.receipts[-1]["status"] == "failed"
    assert "could not create unique index" in suspended.values["report"]


def test_an_unfinished_index_of_another_session_is_not_touched(shop: Shop, suspended: MaintenanceRun) -> None:
    other = shop.connect()
    with held_back(shop):
        building, errors = in_thread(lambda: other.execute(suspended.item(CODE_INDEX)["statement"]))
        builder_pid(shop)
        suspended.decide("approve")
        assert suspended.applied == {CODE_INDEX: "refused"}
        assert "Another session is building" in suspended.values["report"]
    building.join(30)
    other.close()
    assert not errors and shop.indexes() == {CODE_INDEX: True}


def test_one_session_at_a_time_may_change_indexes(shop: Shop) -> None:
    settings = MaintenanceInput.model_validate(shop.input())
    refused = pytest.raises(TargetError, match="Another run")
    with opened(settings) as one, one.applying(), shop.connect() as other, refused, applying(other, "shop", 0.3):
        pass
    with shop.connect() as other, applying(other, "shop", 0.3):
        held = other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert held.fetchone() == (1,)


def test_a_lost_connection_is_told_without_the_address(shop: Shop) -> None:
    settings = MaintenanceInput.model_validate(shop.input())
    with opened(settings) as target:
        assert isinstance(target, PostgresTarget)
        shop.rows("SELECT pg_terminate_backend(%s)", target.connection.info.backend_pid)
        with pytest.raises(TargetError, match="lost") as caught:
            target.schema()
        assert caught.value.__suppress_context__
    assert not isinstance(caught.value, psycopg.Error)
