"""Health checks and backups."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.workflows.conftest import ORDERS, MaintenanceRun, Shop
from workflows.database_maintenance import backup
from workflows.database_maintenance.health import DEADLINE_S, Check, CheckError, run_checks
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import TargetError
from workflows.database_maintenance.targets import postgres_backup
from workflows.database_maintenance.targets.counts import compare
from workflows.database_maintenance.targets.opening import opened

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]
BY_CODE = "shipment by tracking code"


def failing(message: str) -> Callable[[], str]:
    def run() -> str:
        raise CheckError(message)

    return run


def test_checks_run_at_once_and_what_hangs_is_given_up() -> None:
    release = threading.Event()
    meet = threading.Barrier(2)
    try:
        checks = [
            Check("one", "One", True, 60.0, lambda: f"met {meet.wait() >= 0}"),
            Check("two", "Two", True, 60.0, lambda: f"met {meet.wait() >= 0}"),
            Check("failing", "Failing", False, 60.0, failing("no luck")),
            Check("broken", "Broken", False, 60.0, lambda: str(1 // 0)),
            Check("hanging", "Hanging", True, 0.3, lambda: str(release.wait())),
            Check("patient", "Patient", True, 60.0, lambda: str(release.wait())),
        ]
        results = {result.name: result for result in run_checks(checks, deadline_s=3.0)}
    finally:
        release.set()
    assert list(results) == [check.name for check in checks]
    assert {name for name, result in results.items() if result.ok} == {"one", "two"}
    assert results["failing"].message == "no luck" and results["broken"].message.startswith("ZeroDivisionError")
    assert "0.3 s" in results["hanging"].message and "3 s" in results["patient"].message


def test_a_healthy_target_passes_in_under_two_seconds(shop: Shop, maintenance: Maintenance) -> None:
    health = maintenance(shop.input(BY_CODE, min_duration_ms=60_000)).start().values["health"]
    assert health["healthy"] and health["seconds"] < DEADLINE_S + 0.1
    assert all(check["ok"] for check in health["checks"]), health["checks"]


def test_an_unreachable_target_stops_the_run_with_a_report(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSENT_TARGET_SHOP", "postgresql://dba:hunter2-secret@127.0.0.1:1/shop")
    run = maintenance(shop.input(BY_CODE)).start()
    assert run.steps == ["health", "report"] and run.values["status"] == "unhealthy"
    text = str(run.values) + str(run.artifacts)
    assert "hunter2-secret" not in text and "127.0.0.1" not in text
    monkeypatch.delenv("ASSENT_TARGET_SHOP")
    run = maintenance(shop.input(BY_CODE)).start()
    assert run.values["status"] == "unhealthy" and "No target named" in run.values["report"]
    monkeypatch.setenv("ASSENT_TARGET_SHOP", "mysql://dba:hunter2-secret@host/shop")
    run = maintenance(shop.input(BY_CODE)).start()
    assert "neither postgresql" in run.values["report"] and "hunter2-secret" not in str(run.values)


def test_critical_only_where_the_input_needs_it(shop: Shop, maintenance: Maintenance) -> None:
    blocker = shop.folder / "a-file"
    blocker.write_text("")
    unwritable = shop.input(BY_CODE, backup_directory="a-file/inside")
    assert maintenance(unwritable).start().values["status"] == "unhealthy"
    run = maintenance({**unwritable, "backup_required": False}).start()
    assert run.proposal is not None and "There is no backup" in run.proposal["summary"]
    check = next(check for check in run.values["health"]["checks"] if check["name"] == "backup_directory")
    assert not check["ok"] and not check["critical"]


def test_a_backup_is_restored_while_others_write(shop: Shop) -> None:
    settings = MaintenanceInput.model_validate(shop.input())
    stop = threading.Event()

    def write() -> None:
        with shop.connect() as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO shop_sample VALUES (0, 0, 0)")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        with opened(settings) as target:
            made = backup.make_backup(target, settings, "run-1", datetime.now(UTC))
    finally:
        stop.set()
        writer.join(10)
    assert made.verified and made.tables == 6 and made.rows > ORDERS
    assert Path(made.path).stat().st_mode & 0o077 == 0
    assert shop.rows("SELECT count(*) FROM pg_database WHERE datname LIKE 'assent_restore_%'") == [(0,)]
    assert not list(Path(made.path).parent.glob("*.partial"))


def test_what_a_crash_left_behind_is_replaced(shop: Shop, postgres_server: Any) -> None:
    settings = MaintenanceInput.model_validate(shop.input())
    with opened(settings) as target:
        first = backup.make_backup(target, settings, "run-1", datetime.now(UTC))
        digest = Path(first.path).stem.split("-")[-1]
        postgres_server.create(f"assent_restore_{digest}")
        left = Path(first.path).with_name(f"shop-20260101T000000Z-{digest}.dump.partial")
        left.write_text("half")
        second = backup.make_backup(target, settings, "run-1", datetime.now(UTC) + timedelta(seconds=2))
    assert second.verified and not left.exists()
    assert shop.rows("SELECT count(*) FROM pg_database WHERE datname LIKE 'assent_restore_%'") == [(0,)]


def test_a_backup_that_lacks_rows_is_no_backup(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_tool = postgres_backup._run

    def lossy(name: str, program: Path, address: str, *arguments: str) -> None:
        run_tool(name, program, address, *arguments)
        if program.name == "pg_restore":
            with psycopg.connect(address, autocommit=True) as restored:
                restored.execute("DELETE FROM customers WHERE id = 1")

    monkeypatch.setattr(postgres_backup, "_run", lossy)
    settings = MaintenanceInput.model_validate(shop.input())
    with opened(settings) as target, pytest.raises(TargetError, match=r"public\.customers has 3,999 rows, not 4,000"):
        backup.make_backup(target, settings, "run-1", datetime.now(UTC))
    assert list((shop.folder / "backups").iterdir()) == []
    assert compare({"a": 1}, {}) == "table a is missing" and compare({"a": 1}, {"a": 1, "b": 2}) == ""


def test_a_role_that_may_not_read_everything_makes_no_backup(shop: Shop) -> None:
    role = f"reader_{secrets.token_hex(6)}"
    with shop.connect() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        try:
            connection.execute(f"GRANT SELECT ON shipments TO {role}")
            connection.execute(f"SET ROLE {role}")
            with pytest.raises(TargetError, match="permission denied for table customers"):
                postgres_backup._dump(connection, "shop", Path("pg_dump"), shop.address, shop.folder / "never")
        finally:
            connection.execute("RESET ROLE")
            connection.execute(f"REVOKE ALL ON shipments FROM {role}")
            connection.execute(f"DROP ROLE {role}")


def test_the_password_goes_by_environment_and_not_by_argument(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], str | None]] = []
    real = postgres_backup.subprocess.run

    def watch(command: list[str], **options: Any) -> Any:
        if "--version" not in command:
            seen.append((command, options["env"].get("PGPASSWORD")))
        return real(command, **options)

    monkeypatch.setattr(postgres_backup.subprocess, "run", watch)
    separator = "&" if "?" in shop.address else "?"
    monkeypatch.setenv("ASSENT_TARGET_SHOP", f"{shop.address}{separator}password=correct-horse")
    settings = MaintenanceInput.model_validate(shop.input())
    with opened(settings) as target:
        backup.make_backup(target, settings, "run-1", datetime.now(UTC))
    assert [Path(command[0]).name for command, _ in seen] == ["pg_dump", "pg_restore"]
    assert all("correct-horse" not in " ".join(command) and password == "correct-horse" for command, password in seen)


def test_tools_fit_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(version: int) -> Path:
        folder = tmp_path / str(version)
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            tool = folder / name
            tool.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.1'\n")
            tool.chmod(0o755)
        return folder

    old, same, new = fake(90), fake(91), fake(93)
    monkeypatch.setenv("PATH", os.pathsep.join([str(old), str(new), str(same), os.environ["PATH"]]))
    assert postgres_backup.find_tools(91) == same
    assert postgres_backup.find_tools(92) == new
    with pytest.raises(TargetError, match="version 94"):
        postgres_backup.find_tools(94)


def test_only_our_own_old_backups_are_deleted(tmp_path: Path) -> None:
    old, fresh = "shop-20250101T000000Z-0123456789ab", "shop-20260601T000000Z-0123456789ab"
    for name in (
        f"{old}.dump",
        f"{old}.sqlite",
        f"{fresh}.dump",
        "shop-notes.dump",
        f"other{old[4:]}.dump",
        f"{old}.txt",
    ):
        (tmp_path / name).write_text("")
    deleted = backup.prune(tmp_path, "shop", datetime(2026, 1, 1, tzinfo=UTC))
    assert sorted(path.name for path in deleted) == [f"{old}.dump", f"{old}.sqlite"]
    assert len(list(tmp_path.iterdir())) == 4
    for name in (f"{fresh}.dump.partial", "shop-20260609T000000Z-0123456789ab.sqlite.partial"):
        (tmp_path / name).write_text("")
    deleted = backup.prune(tmp_path, "shop", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 5, tzinfo=UTC))
    assert [path.name for path in deleted] == [f"{fresh}.dump.partial"], "what is being written is left alone"
