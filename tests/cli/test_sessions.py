"""`assent user sessions` and `assent user sign-out`."""

from __future__ import annotations

import json

from app.services.bundle import Services
from tests.cli.conftest import Told
from tests.factories import make_person, make_sign_in


def test_sessions_are_listed_and_ended(services: Services, told: Told) -> None:
    person = make_person(services.sessions, "Lost tablet")
    for _ in range(2):
        make_sign_in(services.sessions, person)
    told("user", "link", person.email)
    first, second = json.loads(told("user", "sessions", person.email, "--json"))
    ended = json.loads(told("user", "sign-out", person.email, "--session", first["id"], "--json"))
    assert ended == {"sessions": 1, "links": 0, "tokens": 0}
    listed = told("user", "sessions", person.email)
    assert second["id"] in listed and first["id"] not in listed
    both = told("user", "sign-out", person.email, "--session", "x", "--tokens", "own", code=2)
    assert "cannot be combined" in both
    assert "1 session, 1 unused link, and 0 tokens ended" in told("user", "sign-out", person.email, "--tokens", "all")
    assert "not signed in anywhere" in told("user", "sessions", person.email)
