"""Commands that are called in the test's own process, on a database of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.services.bundle import Services, build_services
from app.store.engine import make_engine

Told = Callable[..., str]


@pytest.fixture
def services(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The use cases on the database that the commands use."""
    monkeypatch.setenv("ASSENT_DATABASE_URL", database_url)
    monkeypatch.setenv("ASSENT_SECRET_KEY", "x" * 40)
    engine = make_engine(database_url)
    yield build_services(engine, secret_key="x" * 40)
    engine.dispose()


@pytest.fixture
def told(services: Services) -> Told:
    """What a command prints that works, or fails with `code`."""

    def call(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == code, done.output
        return done.output if code else done.stdout

    return call
