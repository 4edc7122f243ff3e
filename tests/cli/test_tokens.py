"""`assent token`: making, listing and revoking."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from app.cli.acting import operator
from app.cli.main import cli
from app.domain.people import Role
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from tests.factories import make_person


@pytest.fixture
def services(database_url, monkeypatch):
    monkeypatch.setenv("ASSENT_DATABASE_URL", database_url)
    monkeypatch.setenv("ASSENT_SECRET_KEY", "x" * 40)
    engine = make_engine(database_url)
    yield build_services(engine)
    engine.dispose()


def told(*words: str) -> str:
    done = CliRunner().invoke(cli, ["token", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_token_at_the_command_line(services: Services) -> None:
    person = make_person(services.sessions, "Release engineer", [Role.REVIEWER])
    assert "no tokens yet" in told("list")
    made = told("add", "Agent", "--for", person.email, "--agent", "--scope", "approvals:request", "--days", "3").strip()
    bearer = services.tokens.find(made, "")
    assert (bearer.actor.kind, bearer.actor.name, bearer.scopes) == ("agent", "Agent", {"approvals:request"})
    [listed] = json.loads(told("list", "--json"))
    assert (listed["owner"], listed["state"], made.startswith(listed["begins_with"][:-1])) == (
        person.email, "active", True,
    )  # fmt: skip
    assert made not in told("list")
    assert "is revoked" in told("revoke", listed["id"])
    assert "revoked already" in told("revoke", listed["id"])


def test_an_agents_token_with_a_scope_that_decides_is_refused(services: Services) -> None:
    person = make_person(services.sessions)
    words = ["add", "X", "--for", person.email, "--agent", "--scope", "approvals:decide"]
    done = CliRunner().invoke(cli, ["token", *words])
    assert done.exit_code != 0
    assert services.tokens.every(operator()) == []
