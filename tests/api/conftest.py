"""An application on a database that the tests of a module share, and one person for each role."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.factory import create_app
from app.logs import configure_logs
from app.services.bundle import Services
from app.settings import Settings
from app.store.people import Person
from tests.factories import Caller, Program, close_app, make_person, make_token, make_workflow


@pytest.fixture(scope="module")
def app(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The web application, without a server around it."""
    folder: Path = tmp_path_factory.mktemp("data")
    settings = Settings(database_url=module_database_url, data_dir=folder, secret_key=secrets.token_urlsafe(48))
    configure_logs(settings, "test")
    made = create_app(settings.model_copy(update={"async_mode": "threading"}))
    make_workflow(made.extensions["assent"].sessions)
    yield made
    close_app(made)


@pytest.fixture(scope="module")
def services(app: Flask) -> Services:
    """The application's use cases."""
    return app.extensions["assent"]


@pytest.fixture(scope="module")
def people(services: Services) -> dict[str, Person]:
    """A person for each role."""
    return {role.value: make_person(services.sessions, f"The {role.value}", [role]) for role in Role}


@pytest.fixture
def call(app: Flask, people: dict[str, Person]) -> Callable[[str], Caller]:
    """A caller by role; `anonymous` is not signed in."""
    return lambda role: Caller(app, people.get(role))


@pytest.fixture(scope="module")
def owner(services: Services) -> Person:
    """Who answers for the agent."""
    return make_person(services.sessions, "Release engineer", [Role.REVIEWER])


@pytest.fixture(scope="module")
def agent(app: Flask, owner: Person) -> Program:
    """An agent somewhere."""
    return Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES, name="Deploy agent"))
