"""What all tests share: one real PostgreSQL, and a fresh, migrated database for each test that asks for one.

ASSENT_TEST_SERVER names a server to use instead of the embedded one (an address whose account may create databases).
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from app.cli.schema import upgrade_everything
from app.embedded import EmbeddedServer
from app.settings import Settings

for _name in [name for name in os.environ if name.startswith("ASSENT_") and not name.startswith("ASSENT_TEST_")]:
    del os.environ[_name]  # the developer's own settings are not the tests'
os.environ["ASSENT_REFUSALS_PER_MINUTE"] = "0"  # tests are refused a lot, all from one address

# How long drawing an example takes says more about what else the machine does than about a test.
hypothesis_settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("tests")

_MEMORY, _MEMORY_NEEDED = Path("/dev/shm"), 3 << 30

_SPREAD = 0.8
"""The share of the other files among which those are spread that wait."""

SHOP_ORDERS = 40_000
"""Rows of the sample shop's largest table but one; the demo's has 300,000."""


@pytest.hookimpl(trylast=True)  # the marks are known by then
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In several processes, spread the files whose tests wait for browsers and processes among the others.

    Otherwise, all of them would wait at once, or compute at once. The last files are short ones, so that the processes
    end at about the same time.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [of_file for of_file in files.values() if any(item.get_closest_marker("processes") for item in of_file)]
    others = [of_file for of_file in files.values() if of_file not in waiting]
    apart = _SPREAD * len(others) / max(1, len(waiting))
    placed = [(number * apart, of_file) for number, of_file in enumerate(waiting)]
    placed += [(float(number), of_file) for number, of_file in enumerate(others)]
    items[:] = [item for _, of_file in sorted(placed, key=lambda pair: pair[0]) for item in of_file]


def pytest_collection_finish() -> None:
    """Keep what was collected out of the searches for garbage: there are ten thousand tests, and they stay."""
    gc.collect()
    gc.freeze()


class Server:
    """A server on which tests make databases; `url(name)` is the address of one."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url

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

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


def _server_folder() -> Path | None:
    """A folder in memory if there is one with enough room, because a database is a thousand files; else the default.

    Copying the template takes a third of the processor time there, and each test that looks at the whole of a database
    has one of its own.
    """
    try:
        return _MEMORY if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED else None
    except OSError:
        return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The server of this test session."""
    given = os.environ.get("ASSENT_TEST_SERVER")
    if given:
        yield Server(given)
        return
    with (
        tempfile.TemporaryDirectory(prefix="assent-tests-", dir=_server_folder()) as folder,
        EmbeddedServer(Path(folder), throwaway=True) as server,
    ):
        yield Server(server.url("postgres"))


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Server) -> Iterator[str]:
    """The name of a migrated, empty database that nobody is connected to."""
    name = f"assent_template_{secrets.token_hex(4)}"
    upgrade_everything(postgres_server.create(name))
    yield name
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def shop_template(postgres_server: Server) -> Iterator[str]:
    """The name of a database that holds the sample shop and that nobody is connected to."""
    from workflows.database_maintenance.sample import create_sample

    name = f"shop_template_{secrets.token_hex(4)}"
    address = postgres_server.create(name)
    create_sample(address, orders=SHOP_ORDERS)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ANALYZE")
    yield name
    postgres_server.drop(name)


@pytest.fixture
def make_database(postgres_server: Server, migrated_template: str) -> Iterator[Callable[[], str]]:
    """Makes migrated databases; they go when the test ends."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{secrets.token_hex(6)}")
        return postgres_server.create(made[-1], migrated_template)

    yield make
    for name in made:
        postgres_server.drop(name)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: Server, migrated_template: str) -> Iterator[str]:
    """The address of a migrated database that the tests of a module share."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.create(name, migrated_template)
    postgres_server.drop(name)


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """The address of a migrated, empty database for this test alone."""
    return make_database()


@pytest.fixture
def empty_database_url(postgres_server: Server) -> Iterator[str]:
    """The address of a database in which nothing was migrated, for this test alone."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings on this test's database."""
    return Settings(database_url=database_url, data_dir=tmp_path / "data", secret_key=secrets.token_urlsafe(48))


@pytest.fixture
def at_once() -> Callable[[list[Callable[[], Any]]], list[Any]]:
    """Calls all at the same moment, each in a thread; gives results and exceptions in the order of the calls."""

    def run(calls: list[Callable[[], Any]]) -> list[Any]:
        gate = threading.Barrier(len(calls))
        results: list[Any] = [None] * len(calls)

        def one(number: int) -> None:
            gate.wait(30)
            try:
                results[number] = calls[number]()
            except Exception as error:
                results[number] = error

        threads = [threading.Thread(target=one, args=(number,)) for number in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        return results

    return run
