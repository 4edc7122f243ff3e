"""Sessions over REST, and what keeps one alive where sessions end without activity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.services.bundle import Services
from app.store.people import Person, SignIn
from tests.factories import Caller, make_person


def test_who_manages_people_lists_and_ends_sessions(app: Flask, services: Services, people: dict[str, Person]) -> None:
    person = make_person(services.sessions, "Lost phone")
    own, admin = Caller(app, person), Caller(app, people["admin"])
    path = f"/api/v1/people/{person.id}"
    [listed] = admin.get(f"{path}/sessions").get_json()["items"]
    assert own.get(f"{path}/sessions").get_json()["items"][0]["id"] == listed["id"]
    assert Caller(app, people["reviewer"]).get(f"{path}/sessions").status_code == 403
    assert admin.delete(f"{path}/sessions/{listed['id']}").get_json() == {"ended": True}
    assert admin.delete(f"{path}/sessions/{listed['id']}").get_json() == {"ended": False}
    assert own.get(f"{path}/sessions").status_code == 401
    Caller(app, person).get("/queue")
    assert admin.post(f"{path}/sign-out", {"tokens": "own"}).get_json() == {"sessions": 1, "links": 0, "tokens": 0}
    assert admin.post(f"{path}/sign-out", {"tokens": "some"}).status_code == 422
    assert admin.post("/api/v1/people/00000000-0000-0000-0000-000000000000/sign-out", {}).status_code == 404


@pytest.mark.parametrize(
    ("path", "headers", "counts"),
    [
        ("/queue", {}, True),
        ("/api/v1/approvals", {}, True),
        ("/queue?risk=high", {"X-Fragment": "1", "X-Activity": "1"}, True),
        ("/queue", {"X-Fragment": "1"}, False),
    ],
)
def test_pages_and_calls_are_activity_and_what_a_page_fetches_is_not(
    app: Flask, services: Services, people: dict[str, Person], path: str, headers: dict[str, str], counts: bool
) -> None:
    person = make_person(services.sessions, "At the desk")
    caller = Caller(app, person)
    before = datetime.now(UTC) - timedelta(minutes=20)
    with services.sessions.begin() as session:
        session.execute(update(SignIn).where(SignIn.person_id == person.id).values(seen_at=before))
    assert caller.client.get(path, headers=headers).status_code == 200
    with services.sessions() as session:
        [row] = session.query(SignIn).filter(SignIn.person_id == person.id)
    assert (row.seen_at > before) is counts
