"""Each list as a file: what it shows as it is filtered, in pieces, safe for spreadsheets, and in the audit log."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.lifecycle import RequestState, RunState
from app.domain.people import Role, Via
from app.domain.prepared_reasons import ReasonUse
from app.domain.tokens import TokenKind
from app.services.bundle import Services
from app.services.record import exports
from app.services.record.search import AuditFilter
from app.store.people import Person
from app.store.policies import DecisionSample
from assent.contracts import RiskLevel
from tests.factories import (
    make_absence,
    make_delivery,
    make_destination,
    make_grant,
    make_lesson,
    make_person,
    make_request,
    make_run,
    make_sample,
    make_token,
    script,
)
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]
FORMULA = '=HYPERLINK("http://evil.example","x"),\n"y"'


@dataclass(frozen=True)
class Listed:
    """A list: at `path`, for `who`, narrowed by `query`; its `column` has the texts of `wanted`, in its order."""

    path: str
    who: str
    query: str
    column: str
    wanted: list[str]
    name: str
    admins_only: bool = False


TITLES = [f"{FORMULA} {number}" for number in range(7)]
NAMES = [f"@Person {number}" for number in range(3)]
POLICY = "version: 1\nrules:\n  - name: Like {}\n    when: 'true'\n    ask: {{teams: [dba]}}\n"
PLACES = [f"=Place {number}" for number in range(3)]
LISTS = [
    Listed("decided", "viewer", "outcome=rejected", "title", TITLES, "decided requests"),
    Listed("queue", "viewer", "risk=high", "title", TITLES, "pending requests"),
    Listed("runs", "viewer", "state=failed", "title", TITLES, "runs"),
    Listed("deliveries", "admin", "state=failed", "request_title", TITLES, "deliveries", admins_only=True),
    Listed("people", "admin", "", "name", NAMES, "people", admins_only=True),
    Listed("grants", "viewer", "", "title", TITLES, "standing grants"),
    Listed("lessons", "viewer", "workflow=mapping", "why", TITLES, "lessons"),
    Listed("tokens", "admin", "", "name", TITLES, "agents’ tokens", admins_only=True),
    Listed("profile/tokens", "viewer", "", "name", TITLES, "their own tokens"),
    Listed("absences", "viewer", "", "person", NAMES, "absences"),
    Listed("profile/files", "reviewer", "", "name", NAMES, "their own files"),
    Listed("reasons", "viewer", "", "text", PLACES, "prepared reasons"),
    Listed("destinations", "admin", "", "name", PLACES, "destinations", admins_only=True),
    Listed("policies", "viewer", "", "source", PLACES, "policy versions"),
    Listed("samples", "auditor", "reviewed=1", "title", TITLES, "samples"),
    Listed("samples", "auditor", "", "comment", [], "samples"),
]


@pytest.fixture(scope="module")
def filled(app: Flask, people: dict[str, Person]) -> None:
    """Something in each list, and in each that can be narrowed something that its filter leaves out."""
    services: Services = app.extensions["assent"]
    sessions, viewer, other, now = services.sessions, people["viewer"], people["other"], datetime.now(UTC)
    for number, title in enumerate(TITLES):
        at = now - timedelta(minutes=number)
        run = make_run(sessions, other, RunState.FAILED, title=title, created_at=at)
        what = script("select '\ud800\x00'", title)
        request = make_request(sessions, run, what, state=RequestState.REJECTED, resolved_at=at)
        make_delivery(sessions, request, other, created_at=at)
        make_request(sessions, payload=what, risk=RiskLevel.HIGH, attention_at=now + timedelta(minutes=number))
        make_grant(sessions, title=title, proposed_at=at)
        make_lesson(sessions, request, workflow="mapping", why=title, learned_at=at)
        for kind, person in ((TokenKind.AGENT, other), (TokenKind.PERSON, viewer)):
            make_token(app, person, kind, name=title, created_at=at)
        sample = make_sample(sessions, payload=what)
        with sessions.begin() as session:
            row = session.get_one(DecisionSample, sample.id)
            row.reviewed_at, row.reviewer_id, row.reviewer_name, row.agrees = at, other.id, other.name, True
    make_request(sessions, run, state=RequestState.APPROVED, resolved_at=at)
    make_request(sessions, risk=RiskLevel.LOW)
    make_delivery(sessions, request, other, state="sent")
    make_lesson(sessions, request, workflow="another")
    make_sample(sessions)
    make_absence(sessions, other, starts_at=now + timedelta(days=3), ends_at=now + timedelta(days=4))
    for number, name in enumerate(NAMES):
        person = make_person(sessions, name, [Role.REVIEWER])
        make_absence(sessions, person, starts_at=now - timedelta(minutes=9 - number), note="Private")
    admin = people["admin"].as_actor(Via.PAGE)
    make_person(sessions, "Of a team", [Role.VIEWER], ["dba"])
    for place in PLACES:
        make_destination(services, place)
        services.prepared_reasons.add(admin, "dba", ReasonUse.BOTH, place)
    for place in reversed(PLACES):
        services.policies.load(admin, POLICY.format(place), place)
    for name in reversed(NAMES):
        services.files.begin(people["reviewer"].as_actor(Via.PAGE), name, 3)


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: f"{listed.path}?{listed.query}")
@pytest.mark.usefixtures("filled")
def test_a_list_is_exported_as_it_is_filtered(
    services: Services, browse: Browse, people: dict[str, Person], listed: Listed, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(exports, "LINES_AT_ONCE", 3)
    visitor, query = browse(listed.who), listed.query
    page = visitor.get(f"/{listed.path}?{query}")
    [link] = page.all("a", href=f"/{listed.path}/export?format=csv{'&' if query else ''}{query}")
    answer = visitor.caller.get(link.attributes["href"])
    assert answer.status_code == 200 and answer.mimetype == "text/csv" and answer.is_streamed
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    cells = [row[listed.column] for row in rows]
    assert [cell for cell in cells if cell[1:2] in ("=", "@")] == [f"'{text}" for text in listed.wanted]
    assert len(rows) == len(listed.wanted) or not query
    lines = visitor.caller.get(f"/{listed.path}/export?format=jsonl&{query}").text.splitlines()
    assert len(lines) == len(rows) > 0
    read = [json.loads(line)[listed.column] for line in lines]
    assert [text for text in read if text[:1] in ("=", "@")] == listed.wanted, "every character as it is"
    [entry, _] = services.records.page(
        people["admin"].as_actor(Via.PAGE), AuditFilter(action="record.exported", actor=people[listed.who].id), limit=2
    ).entries
    assert (entry.detail["list"], entry.detail["format"]) == (listed.name, "jsonl")
    parts = dict(part.split("=") for part in query.split("&") if part)
    if listed.path == "samples":
        parts = {"reviewed": "yes" if parts else "no"}
    assert entry.detail["filter"] == parts
    assert visitor.caller.get(f"/{listed.path}/export?format=xlsx").status_code == 422
    if listed.admins_only:
        assert browse("reviewer").caller.get(f"/{listed.path}/export").status_code == 403


@pytest.mark.usefixtures("filled")
def test_an_export_has_no_more_than_the_page(browse: Browse) -> None:
    def lines(who: str, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in browse(who).caller.get(f"{path}&format=jsonl").text.splitlines()]

    assert [row["note"] for row in lines("viewer", "/absences/export?")] == [""] * 3, "notes are private"
    everybody = lines("admin", "/absences/export?")
    assert [row["state"] for row in everybody] == ["current"] * 3 + ["upcoming"]
    assert [row["note"] for row in everybody] == ["Private"] * 3 + [""]
    assert lines("other", "/profile/tokens/export?") and not lines("reviewer", "/profile/tokens/export?")
    assert all("hash" not in name for row in lines("admin", "/tokens/export?") for name in row)
    assert {row["state"] for row in lines("admin", "/tokens/export?")} == {"active"}
    assert not any("secret" in name for row in lines("admin", "/destinations/export?") for name in row)
    assert [row["person"] for row in everybody][-1] == "The other reviewer"
    assert lines("reviewer", "/queue/export?snoozed=1") == []


@pytest.mark.usefixtures("filled")
def test_an_export_says_which_version_is_in_force(browse: Browse) -> None:
    lines = browse("viewer").caller.get("/policies/export?format=jsonl").text.splitlines()
    assert [json.loads(line)["state"] for line in lines][:3] == ["in force", "replaced", "replaced"]


@pytest.mark.usefixtures("filled")
def test_the_audit_log_says_what_was_exported(browse: Browse) -> None:
    visitor = browse("admin")
    for name in ("people", "runs"):
        visitor.caller.get(f"/{name}/export")
    text = visitor.get("/audit?action=record.exported").text
    assert "exported the people" in text and "exported runs" in text


def test_an_export_of_one_persons_decisions_is_in_their_order(services: Services, browse: Browse, people: Any) -> None:
    visitor = browse("viewer")
    answer = visitor.caller.get(f"/decided/export?decided_by={people['other'].id}&text=x&format=jsonl")
    assert answer.status_code == 200 and answer.text == ""
