"""A web process for each way of serving, on one database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.people import Role
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from app.store.people import Person
from tests.factories import make_person
from tests.webprocess import Web


@pytest.fixture(scope="module")
def services(module_database_url: str) -> Iterator[Services]:
    """The use cases in this process, which to the web process is another one."""
    engine = make_engine(module_database_url, pool_size=40)
    yield build_services(engine)
    engine.dispose()


@pytest.fixture(scope="module", params=["eventlet", "threading"])
def web(request: pytest.FixtureRequest, module_database_url: str) -> Iterator[Web]:
    """A running web process."""
    server = Web(module_database_url, request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def reviewer(services: Services) -> Person:
    """Somebody who may decide."""
    return make_person(services.sessions, "Reviewer on call")


@pytest.fixture(scope="module")
def viewer(services: Services) -> Person:
    """Somebody who may look."""
    return make_person(services.sessions, "Viewer", [Role.VIEWER])
