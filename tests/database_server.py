"""The PostgreSQL server of a test session, with the databases that tests copy.

Sessions with several processes have a server for each process. Its data is prepared once, because making and migrating
it takes as long as many tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from app.cli.schema import upgrade_everything
from app.embedded import EmbeddedServer

MIGRATED, SHOP = "assent_template", "shop_template"
"""Databases that nobody is connected to: a migrated, empty one, and the sample shop."""
SHOP_ORDERS = 40_000
"""Rows of the sample shop's largest table but one; the demo's has 300,000."""
_MEMORY, _MEMORY_NEEDED = Path("/dev/shm"), 3 << 30


class Server:
    """A server on which tests make databases; `url(name)` is the address of one.

    Args:
        suffix: of the names of its templates, on a server that others use as well.
    """

    def __init__(self, admin_url: str, suffix: str = "") -> None:
        self._admin_url = admin_url
        self._suffix = suffix

    def url(self, database: str) -> str:
        """The address of a database, whether or not it exists."""
        parts = urlsplit(self._admin_url)
        return urlunsplit(parts._replace(path=f"/{database}"))

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database and return its address."""
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, throwing its clients out."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def has(self, name: str) -> bool:
        """Whether there is a database."""
        with psycopg.connect(self._admin_url) as connection:
            return connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None

    def template(self, kind: str) -> str:
        """The name of one of the databases that tests copy, which is made unless it is there."""
        name = f"{kind}{self._suffix}"
        if not self.has(name):
            scratch = f"{name}_{os.getpid()}"
            {MIGRATED: upgrade_everything, SHOP: _make_shop}[kind](self.create(scratch))
            self._run("ALTER DATABASE {} RENAME TO {}", scratch, name)
        return name

    def drop_templates(self) -> None:
        """Remove the databases that tests copy."""
        for kind in (MIGRATED, SHOP):
            self.drop(f"{kind}{self._suffix}")

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


def _make_shop(address: str) -> None:
    from workflows.database_maintenance.sample import create_sample

    create_sample(address, orders=SHOP_ORDERS)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ANALYZE")


@contextmanager
def running_server(shared: Path | None) -> Iterator[Server]:
    """The server of a process of the session.

    Args:
        shared: the folder that all processes of the session share; None: there are no others.
    """
    with tempfile.TemporaryDirectory(prefix="assent-tests-", dir=_folder()) as folder:
        if shared is not None:
            _copy(_prepared(shared), Path(folder))
        with EmbeddedServer(Path(folder), throwaway=True) as server:
            yield Server(server.url("postgres"))


def _prepared(shared: Path) -> Path:
    """The data of a stopped server that has both templates; the first process makes it."""
    ready = shared / "server"
    with (shared / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            with tempfile.TemporaryDirectory(prefix="assent-tests-", dir=_folder()) as folder:
                with EmbeddedServer(Path(folder), throwaway=True) as server:
                    for name in (MIGRATED, SHOP):
                        Server(server.url("postgres")).template(name)
                scratch = shared / "server.new"
                scratch.mkdir()
                _copy(Path(folder), scratch)
            scratch.rename(ready)
    return ready


def _copy(source: Path, target: Path) -> None:
    # With its owners, which Python's own functions leave out.
    subprocess.run(["cp", "-a", f"{source / 'postgres'}", f"{target}/"], check=True)


def _folder() -> Path | None:
    """A folder in memory if there is one with enough room, because a database is a thousand files; else the default.

    Copying the template takes a third of the processor time there, and each test that looks at the whole of a database
    has one of its own.
    """
    try:
        return _MEMORY if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED else None
    except OSError:
        return None
