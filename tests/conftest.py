"""What all tests share: one real PostgreSQL, and a fresh, migrated database for each test that asks for one.

ASSENT_TEST_SERVER names a server to use instead of the embedded one (an address whose account may create databases).
"""

from __future__ import annotations

import gc
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from app.settings import Settings
from tests.database_server import MIGRATED, SHOP, Server, running_server

for _name in [name for name in os.environ if name.startswith("ASSENT_") and not name.startswith("ASSENT_TEST_")]:
    del os.environ[_name]  # the developer's own settings are not the tests'
os.environ["ASSENT_REFUSALS_PER_MINUTE"] = "0"  # tests are refused a lot, all from one address

# How long drawing an example takes says more about what else the machine does than about a test.
hypothesis_settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("tests")

_SPREAD = 0.8
"""The share of the other files among which those are spread that wait."""


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


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of this test session."""
    if given := os.environ.get("ASSENT_TEST_SERVER"):
        server = Server(given, f"_{secrets.token_hex(4)}")
        yield server
        server.drop_templates()
        return
    shared = tmp_path_factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else None
    with running_server(shared) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Server) -> str:
    """The name of a migrated, empty database that nobody is connected to."""
    return postgres_server.template(MIGRATED)


@pytest.fixture(scope="session")
def shop_template(postgres_server: Server) -> str:
    """The name of a database that holds the sample shop and that nobody is connected to."""
    return postgres_server.template(SHOP)


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
