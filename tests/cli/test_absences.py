"""`assent absence`: entering, listing and ending, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.processes.harness import Desk

pytestmark = pytest.mark.processes


@pytest.fixture
def desk(database_url, tmp_path):
    with Desk(database_url, tmp_path) as desk:
        yield desk


def told(desk: Desk, *arguments: str) -> str:
    done = desk.assent("absence", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(desk: Desk, *arguments: str) -> str:
    done = desk.assent("absence", *arguments)
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_absences_at_the_command_line(desk):
    for name in ("away", "delegate", "other"):
        assert desk.assent("user", "add", f"{name}@example.com", "--name", name.title(), "--role", "reviewer")
    assert "Nobody is away." in told(desk, "list")

    until = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    period = ("--until", until.isoformat(), "--delegate", "delegate@example.com")
    as_other = ("--as", "other@example.com")
    assert "needs the role admin" in refused(desk, "add", "away@example.com", *period, *as_other)
    assert "ISO 8601" in refused(desk, "add", "away@example.com", "--until", "Monday")
    assert "No reviewer has" in refused(desk, "add", "away@example.com", "--until", "2100-01-01", "--delegate", "x")
    assert "Nobody has the address" in refused(desk, "add", "nobody@example.com", *period)

    said = told(desk, "add", "away@example.com", *period, "--as", "away@example.com")
    assert "Away is away until" in said and "the delegate is Delegate" in said
    assert "already absent" in refused(desk, "add", "away@example.com", *period)
    told(desk, "add", "other@example.com", "--from", (until - timedelta(days=1)).isoformat(), "--until",
         until.isoformat())  # fmt: skip

    first, second = json.loads(told(desk, "list", "--json"))
    assert (first["person"], first["delegate"], first["state"]) == ("Away", "Delegate", "current")
    assert datetime.fromisoformat(first["ends_at"]) == until
    assert (second["person"], second["delegate"], second["state"]) == ("Other", "", "upcoming")
    assert "Delegate" in told(desk, "list", "--person", "away@example.com")

    assert "needs the role admin" in refused(desk, "end", first["id"], *as_other)
    assert "has ended" in told(desk, "end", first["id"])
    assert "already over" in refused(desk, "end", first["id"])
    assert "no such absence" in refused(desk, "end", "nothing")
    assert [load["person"] for load in json.loads(told(desk, "list", "--json"))] == ["Other"]

    record = json.loads(desk.assent("audit", "list", "--json").stdout)
    acts = [(entry["action"], entry["via"]) for entry in record if entry["action"].startswith("absence.")]
    assert acts.count(("absence.added", "command_line")) == 2 and acts.count(("absence.ended", "command_line")) == 1
