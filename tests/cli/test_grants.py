"""`assent grants`: what there is, and ending one at once."""

from __future__ import annotations

import json

import pytest

from app.store.engine import make_engine, make_sessions
from tests.factories import make_grant, make_person
from tests.processes.harness import Desk

pytestmark = pytest.mark.processes


@pytest.fixture
def desk(database_url, tmp_path):
    with Desk(database_url, tmp_path) as desk:
        yield desk


@pytest.fixture
def sessions(database_url):
    engine = make_engine(database_url, pool_size=1)
    yield make_sessions(engine)
    engine.dispose()


def told(desk: Desk, *arguments: str) -> str:
    done = desk.assent("grants", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(desk: Desk, *arguments: str) -> str:
    done = desk.assent("grants", *arguments)
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_grants_at_the_command_line(desk, sessions):
    assert "There are no standing grants." in told(desk, "list")
    grant = make_grant(sessions, make_person(sessions, "First"), make_person(sessions, "Second"))
    assert grant.id in told(desk, "list") and "0 of 3" in told(desk, "list")
    [listed] = json.loads(told(desk, "list", "--json"))
    assert (listed["state"], listed["uses_left"], listed["pattern"]["kind"]) == ("active", 3, "script")
    shown = told(desk, "show", grant.id)
    assert "Counting: active" in shown and "approved by Second" in shown and "language is “sql”" in shown
    assert "The grant has not approved any request." in shown
    assert len(json.loads(told(desk, "show", grant.id, "--json"))["evidence"]) == 3

    viewer = ("--as", make_person(sessions, "Viewer", []).email)
    assert "needs the role" in refused(desk, "revoke", grant.id, "--reason", "No.", *viewer)
    assert "Give a reason" in refused(desk, "revoke", grant.id, "--reason", " ")
    assert "is revoked" in told(desk, "revoke", grant.id, "--reason", "It changed.")
    assert "revoked" in refused(desk, "revoke", grant.id, "--reason", "Again.")
    assert "Ended: It changed." in told(desk, "show", grant.id)
    assert "no such standing grant" in refused(desk, "show", "nothing")
