"""An application, and someone to use it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.factory import create_app
from app.logs import configure_logs
from app.settings import Settings
from app.store.people import Person
from tests.factories import close_app, make_person

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="module")
def make_app(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeApp]:
    """Makes applications with settings of the test's choice."""
    folder: Path = tmp_path_factory.mktemp("data")
    made: list[Flask] = []

    def make(**values: Any) -> Flask:
        given = {"database_url": module_database_url, "data_dir": folder, "secret_key": secrets.token_urlsafe(48)}
        settings = Settings(**given | {"async_mode": "threading"} | values)
        configure_logs(settings, "test")
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        close_app(app)


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """The application with its defaults."""
    return make_app()


@pytest.fixture(scope="module")
def person(app: Flask) -> Person:
    """Somebody who may decide."""
    return make_person(app.extensions["assent"].sessions, "Reviewer on call")
