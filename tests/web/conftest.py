"""An application on a database that the tests of a module share, one person for each role, and their browsers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.domain.people import Role
from app.factory import create_app
from app.services.bundle import Services
from app.settings import Settings
from app.store.people import Person
from tests.factories import close_app, make_person, make_workflow
from tests.web.browsing import Browser


@pytest.fixture(scope="module")
def app(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The web application, without a server around it."""
    settings = Settings(
        database_url=module_database_url,
        data_dir=tmp_path_factory.mktemp("data"),
        secret_key=secrets.token_urlsafe(48),
        async_mode="threading",
    )
    made = create_app(settings)
    make_workflow(made.extensions["assent"].sessions, title="Test gate", examples=[{"target": "shop", "limit": 3}])
    yield made
    close_app(made)


@pytest.fixture(scope="module")
def services(app: Flask) -> Services:
    """The application's use cases."""
    found: Services = app.extensions["assent"]
    return found


@pytest.fixture(scope="module")
def people(services: Services) -> dict[str, Person]:
    """A person for each role, and a second reviewer."""
    everybody = {role.value: make_person(services.sessions, f"The {role.value}", [role]) for role in Role}
    return everybody | {"other": make_person(services.sessions, "The other reviewer", [Role.REVIEWER])}


@pytest.fixture
def browse(app: Flask, people: dict[str, Person]) -> Callable[[str], Browser]:
    """A browser by role; `anonymous` is not signed in."""
    return lambda role: Browser(app, people.get(role))


@pytest.fixture
def reviewer(browse: Callable[[str], Browser]) -> Browser:
    """A reviewer's browser."""
    return browse("reviewer")
