"""`assent user sessions` and `assent user sign-out`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from tests.factories import make_person, make_sign_in


@pytest.fixture
def services(database_url, monkeypatch):
    monkeypatch.setenv("ASSENT_DATABASE_URL", database_url)
    monkeypatch.setenv("ASSENT_SECRET_KEY", "x" * 40)
    engine = make_engine(database_url)
    yield build_services(engine)
    engine.dispose()


def told(*words: str) -> str:
    done = CliRunner().invoke(cli, ["user", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_sessions_are_listed_and_ended(services: Services) -> None:
    person = make_person(services.sessions, "Lost tablet")
    for _ in range(2):
        make_sign_in(services.sessions, person)
    told("link", person.email)
    first, second = json.loads(told("sessions", person.email, "--json"))
    ended = json.loads(told("sign-out", person.email, "--session", first["id"], "--json"))
    assert ended == {"sessions": 1, "links": 0, "tokens": 0}
    assert second["id"] in told("sessions", person.email) and first["id"] not in told("sessions", person.email)
    both = CliRunner().invoke(cli, ["user", "sign-out", person.email, "--session", "x", "--tokens", "own"])
    assert both.exit_code != 0 and "exclude each other" in both.output
    assert "1 sessions, 1 unused links, 0 tokens" in told("sign-out", person.email, "--tokens", "all")
    assert "not signed in anywhere" in told("sessions", person.email)
