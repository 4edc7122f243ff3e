"""Lessons over REST: what an agent outside the portal recalls, and what people change."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from flask import Flask

from app.domain.people import Role
from app.domain.tokens import Scope, TokenKind
from app.services.bundle import Services
from tests.factories import Caller, make_lesson, make_person, make_request, make_run, make_token

PATH = "/api/v1/lessons"


@pytest.fixture
def workflow() -> str:
    return f"import_{secrets.token_hex(4)}"


def asked(workflow: str, *columns: tuple[str, list[str], str]) -> dict[str, Any]:
    return {
        "workflow": workflow,
        "proposed": [
            {"value": value,
             "situation": {"kind": "column", "texts": {"heading": heading}, "samples": {"values": values}}}
            for heading, values, value in columns
        ],
    }  # fmt: skip


def test_recalling_finds_what_applies_and_what_is_a_suggestion(app: Flask, services: Services, workflow: str) -> None:
    person = make_person(services.sessions, "Agent's owner", [Role.REVIEWER])
    lesson = make_lesson(services.sessions, make_request(services.sessions), workflow=workflow)
    caller = Caller(app, person)
    found = caller.post(
        f"{PATH}/recall",
        asked(workflow, ("Owner", ["Ann"], "name"), ("RAM", ["4096", "2048"], "name"), ("RAM", ["4096"], "disk_gb")),
    )
    assert found.status_code == 200
    first, second = found.json["items"]
    assert first.items() >= {
        "lesson": lesson.id, "number": 1, "before": "name", "after": "memory_mb", "applies": True, "reason": "",
        "by": "Data steward", "why": "It is memory.",
    }.items()  # fmt: skip
    assert (second["number"], second["applies"]) == (2, False)
    assert second["reason"] == "What is proposed here differs from what was corrected."
    assert caller.post(f"{PATH}/recall", asked(f"{workflow}x", ("RAM", ["4096"], "name"))).json == {"items": []}


def test_an_agent_recalls_only_lessons_of_its_own_account(app: Flask, services: Services, workflow: str) -> None:
    owner = make_person(services.sessions, "Owner", [Role.REVIEWER])
    run = make_run(services.sessions, owner)
    own = make_lesson(services.sessions, make_request(services.sessions, run), workflow=workflow)
    make_lesson(services.sessions, make_request(services.sessions), workflow=workflow, after="disk_gb")
    program = Caller(app, None)
    agent = {"Authorization": f"Bearer {make_token(app, owner, TokenKind.AGENT, [Scope.APPROVALS_REQUEST])}"}
    body = asked(workflow, ("RAM", ["4096", "2048"], "name"))
    everything = Caller(app, owner).post(f"{PATH}/recall", body).json["items"]
    assert {item["after"] for item in everything} == {"memory_mb", "disk_gb"}
    recalled = program.post(f"{PATH}/recall", body, headers=agent)
    assert [item["lesson"] for item in recalled.json["items"]] == [own.id]
    assert program.get(PATH, headers=agent).status_code == 403


def test_reading_and_changing(app: Flask, services: Services, workflow: str) -> None:
    lesson = make_lesson(services.sessions, make_request(services.sessions), workflow=workflow)
    caller = Caller(app, make_person(services.sessions, "Data steward", [Role.REVIEWER]))
    listed = caller.get(f"{PATH}?workflow={workflow}").json
    assert [item["id"] for item in listed["items"]] == [lesson.id] and listed["next_cursor"] is None
    shown = caller.get(f"{PATH}/{lesson.id}").json
    assert (shown["before"], shown["after"], shown["state"], shown["uses"]) == ("name", "memory_mb", "active", [])
    assert caller.post(f"{PATH}/{lesson.id}/edit", {"after": 7}).status_code == 422
    edited = caller.post(f"{PATH}/{lesson.id}/edit", {"after": "disk_gb", "version": 1}).json
    assert (edited["after"], edited["version"], edited["edited_by_name"]) == ("disk_gb", 2, "Data steward")
    stale = caller.post(f"{PATH}/{lesson.id}/switch", {"on": False, "version": 1})
    assert (stale.status_code, stale.json["code"]) == (409, "conflict")
    assert caller.post(f"{PATH}/{lesson.id}/switch", {"on": False}).json["state"] == "off"
    again = caller.post(f"{PATH}/{lesson.id}/switch", {"on": False})
    assert (again.status_code, again.json["code"]) == (409, "illegal_transition")
    assert caller.post(f"{PATH}/{lesson.id}/switch", {"on": True}).json["state"] == "active"
    assert caller.delete(f"{PATH}/{lesson.id}").status_code == 200
    assert caller.get(f"{PATH}/{lesson.id}").status_code == 404
    assert caller.get(f"{PATH}?cursor=nothing").status_code == 422


def test_a_number_may_get_a_fraction(app: Flask, services: Services) -> None:
    lesson = make_lesson(services.sessions, before=3, after=4)
    caller = Caller(app, make_person(services.sessions, "Data steward", [Role.REVIEWER]))
    assert caller.post(f"{PATH}/{lesson.id}/edit", {"after": True}).status_code == 422
    assert caller.post(f"{PATH}/{lesson.id}/edit", {"after": 4.5}).json["after"] == 4.5
