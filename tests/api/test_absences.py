"""Absences over REST: times, names, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.people import Role
from app.services.bundle import Services
from tests.factories import Caller, make_absence, make_person

BODY = {"starts_at": "2100-03-01T09:00:00+02:00", "ends_at": "2100-03-08T09:00:00+02:00"}


@pytest.fixture
def someone(app: Flask, services: Services) -> Callable[..., Caller]:
    """A new person, who has no absence yet."""
    return lambda name="Somebody new", role=Role.REVIEWER: Caller(app, make_person(services.sessions, name, [role]))


def test_an_absence_from_entering_to_its_end(services: Services, someone: Callable[..., Caller]) -> None:
    me, delegate = someone("Away"), make_person(services.sessions, "Delegate")
    entered = me.post("/api/v1/absences", BODY | {"delegate": delegate.email.upper(), "note": "At sea"})
    assert entered.status_code == 201
    assert entered.json.items() >= {
        "person_name": "Away", "delegate_name": "Delegate", "delegate_id": delegate.id, "note": "At sea",
        "starts_at": "2100-03-01T07:00:00.000Z", "ends_at": "2100-03-08T07:00:00.000Z", "ended_at": None,
        "state": "upcoming",
    }.items()  # fmt: skip
    assert me.get("/api/v1/absences").json["items"] == [entered.json]

    path = f"/api/v1/absences/{entered.json['id']}/end"
    ended = me.post(path)
    assert (ended.status_code, ended.json["state"]) == (200, "ended")
    again = me.post(path)
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert me.get("/api/v1/absences").json["items"] == [ended.json]


def test_what_each_scope_lists(services: Services, someone: Callable[..., Caller]) -> None:
    me, delegate, admin = someone("Away"), someone("Delegate"), someone("Admin", Role.ADMIN)
    absence = make_absence(services.sessions, me.person, delegate.person)

    def listed(caller: Caller, scope: str) -> list[str]:
        items = caller.get(f"/api/v1/absences?scope={scope}").json["items"]
        return [item["id"] for item in items]

    assert listed(me, "own") == [absence.id] and listed(me, "delegate") == []
    assert listed(delegate, "own") == [] and listed(delegate, "delegate") == [absence.id]
    assert absence.id in listed(delegate, "now") and absence.id in listed(admin, "everybody")
    refused = me.get("/api/v1/absences?scope=everybody")
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")


def test_admins_enter_for_others_and_nobody_else_does(services: Services, someone: Callable[..., Caller]) -> None:
    other = make_person(services.sessions, "Ill today")
    body = BODY | {"person": other.email}
    assert someone().post("/api/v1/absences", body).status_code == 403
    assert services.absences.of(other.id) == []
    assert someone("Admin", Role.ADMIN).post("/api/v1/absences", body).json["person_id"] == other.id


def test_overlapping_ones_conflict(someone: Callable[..., Caller]) -> None:
    me = someone()
    assert me.post("/api/v1/absences", BODY).status_code == 201
    refused = me.post("/api/v1/absences", BODY)
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"starts_at": "2100-03-01T09:00:00"}, "starts_at"),
        ({"starts_at": "2100-03-01"}, "starts_at"),
        ({"starts_at": 4102444800}, "starts_at"),
        ({"starts_at": None}, "starts_at"),
        ({"starts_at": "soon, Tuesday"}, "starts_at"),
        ({"ends_at": "9999-12-31T23:59:59-14:00"}, "ends_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"ends_at": "2100-03-01T07:00:00Z"}, "ends_at"),
        ({"ends_at": "2101-03-08T09:00:00Z"}, "ends_at"),
        ({"delegate": "nobody@example.org"}, "delegate"),
        ({"person": "nobody@example.org"}, "person"),
        ({"note": "x" * 501}, None),
        ({"note": "\x00"}, "note"),
        ({"delegate_id": "x"}, "delegate_id"),
    ],
)
def test_what_cannot_be_used_is_said_where_it_stands(
    services: Services, someone: Callable[..., Caller], changed: dict[str, Any], field: str | None
) -> None:
    me = someone()
    refused = me.post("/api/v1/absences", BODY | changed)
    assert refused.status_code == (422 if field else 413), refused.json
    assert list(refused.json["fields"]) == [field or "note"]
    assert services.absences.of(me.person.id) == []


def test_a_start_a_moment_ago_counts_from_now(someone: Callable[..., Caller]) -> None:
    now = datetime.now(UTC)
    body = {"starts_at": (now - timedelta(hours=1)).isoformat(), "ends_at": (now + timedelta(days=1)).isoformat()}
    entered = someone().post("/api/v1/absences", body).json
    assert datetime.fromisoformat(entered["starts_at"]) >= now.replace(microsecond=0)
    assert entered["state"] == "current"


def test_there_is_no_such_absence(someone: Callable[..., Caller]) -> None:
    nothing = someone().post("/api/v1/absences/00000000-0000-0000-0000-000000000000/end")
    assert (nothing.status_code, nothing.json["code"]) == (404, "not_found")
