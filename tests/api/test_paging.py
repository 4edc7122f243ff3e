"""Lists in pages: all of it, once each, in the same order as at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.domain.destinations import destination_terms
from app.domain.people import SYSTEM, Role
from app.services.bundle import Services
from tests.factories import Caller, make_absence, make_grant, make_person

MANY = 5


def absences(app: Flask, services: Services) -> Caller:
    person = make_person(services.sessions, "Away often", [Role.ADMIN])
    for number in range(MANY):
        make_absence(services.sessions, person, days_ago=2 * number)
    return Caller(app, person)


def grants(app: Flask, services: Services) -> Caller:
    for _ in range(MANY):
        make_grant(services.sessions)
    return Caller(app, make_person(services.sessions, "Reviewer", [Role.REVIEWER]))


def policies(app: Flask, services: Services) -> Caller:
    for days in range(1, MANY + 1):
        services.policies.load(SYSTEM, f"version: 1\ndefault: {{deadline: {days} days}}\n", "policies.yaml")
    return Caller(app, make_person(services.sessions, "Reviewer", [Role.REVIEWER]))


def destinations(app: Flask, services: Services) -> Caller:
    for number in range(MANY):
        terms = destination_terms("webhook", f"Chat bot {number}", "https://hooks.example.com/x", ["request.opened"])
        app.extensions["assent"].destinations.add(SYSTEM, terms, "somewhere")
    return Caller(app, make_person(services.sessions, "Platform lead", [Role.ADMIN]))


@pytest.mark.parametrize("kind", [absences, grants, policies, destinations])
def test_page_by_page_it_is_the_same(app: Flask, services: Services, kind: Callable[[Flask, Services], Caller]) -> None:
    caller, path = kind(app, services), f"/api/v1/{kind.__name__}"
    name, key = ("versions", "version") if kind is policies else ("items", "id")
    whole = caller.get(path).json
    assert whole["next_cursor"] is None and len(whole[name]) >= MANY
    found, pages, cursor = [], 0, ""
    while pages == 0 or cursor:
        page = caller.get(f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else "")).json
        assert len(page[name]) <= 2
        found += page[name]
        pages, cursor = pages + 1, page["next_cursor"]
    assert [item[key] for item in found] == [item[key] for item in whole[name]]
    assert pages == (len(found) + 1) // 2


@pytest.mark.parametrize("kind", ["absences", "grants", "policies", "destinations"])
@pytest.mark.parametrize("asked", ["cursor=nonsense", "limit=0", "limit=201"])
def test_what_is_no_page(app: Flask, services: Services, kind: str, asked: str) -> None:
    caller = Caller(app, make_person(services.sessions, "Platform lead", [Role.ADMIN]))
    answer = caller.get(f"/api/v1/{kind}?{asked}")
    assert (answer.status_code, list(answer.json["fields"])) == (422, [asked.partition("=")[0]])
