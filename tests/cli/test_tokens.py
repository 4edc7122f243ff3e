"""`assent token`: making, listing and revoking."""

from __future__ import annotations

import json

from app.cli.actors import operator
from app.domain.people import Role
from app.services.bundle import Services
from tests.cli.conftest import Told
from tests.factories import make_person


def test_a_token_at_the_command_line(services: Services, told: Told) -> None:
    person = make_person(services.sessions, "Release engineer", [Role.REVIEWER])
    assert "no tokens yet" in told("token", "list")
    words = ("add", "Agent", "--for", person.email, "--agent", "--scope", "approvals:request", "--days", "3")
    made = told("token", *words).strip()
    bearer = services.tokens.find(made, "")
    assert (bearer.actor.kind, bearer.actor.name, bearer.scopes) == ("agent", "Agent", {"approvals:request"})
    [listed] = json.loads(told("token", "list", "--json"))
    assert (listed["owner"], listed["state"], made.startswith(listed["begins_with"][:-1])) == (
        person.email, "active", True,
    )  # fmt: skip
    assert made not in told("token", "list")
    assert "is revoked" in told("token", "revoke", listed["id"])
    assert "was already revoked" in told("token", "revoke", listed["id"])


def test_an_agents_token_with_a_scope_that_decides_is_refused(services: Services, told: Told) -> None:
    person = make_person(services.sessions)
    told("token", "add", "X", "--for", person.email, "--agent", "--scope", "approvals:decide", code=1)
    assert services.tokens.every(operator()) == []
