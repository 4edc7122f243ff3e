"""The pages on which tokens are made and revoked; who may use them is in `tests.access`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.domain.errors import TokenError
from app.domain.people import Via
from app.domain.tokens import TokenKind, token_terms
from app.services.bundle import Services
from tests.factories import Program
from tests.web.browsing import Browser, Element

Browse = Callable[[str], Browser]


def form_to(page: Element, action: str) -> Element:
    """The page's form that goes there."""
    return next(form for form in page.all("form") if form.attributes["action"].startswith(action))


def shown(browser: Browser) -> str:
    """The token on the page."""
    return str(browser.page.one("input", id="f-token").attributes["value"])


def test_a_token_is_shown_once_works_and_is_revoked(app: Flask, reviewer: Browser) -> None:
    reviewer.get("/profile/tokens")
    form = form_to(reviewer.page, "/profile/tokens")
    reviewer.send(form, status=200, name="My script", scopes=["approvals:read"], days="30")
    program = Program(app, shown(reviewer))
    assert program.get("/api/v1/approvals").status_code == 200
    assert "My script" in reviewer.get("/profile/tokens").text
    assert not reviewer.page.all("input", id="f-token")
    reviewer.send(form_to(reviewer.page, "/profile/tokens/"), status=303)
    assert "is revoked" in reviewer.follow().text
    assert program.get("/api/v1/approvals").status_code == 401


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(reviewer: Browser) -> None:
    reviewer.get("/profile/tokens")
    form = form_to(reviewer.page, "/profile/tokens")
    reviewer.send(form, status=422, name="Kept", days="400")
    assert reviewer.page.one("input", id="f-name").attributes["value"] == "Kept"
    assert "Choose at least one." in reviewer.page.text and "1 to 366 days" in reviewer.page.text


def test_an_admin_makes_an_agents_token_for_somebody_who_confirms_it(
    app: Flask, browse: Browse, services: Services, people
) -> None:
    admin = browse("admin")
    admin.get("/people")
    admin.get("/tokens")
    offered = {field.attributes["value"] for field in admin.page.all("input", name="scopes")}
    assert "approvals:decide" not in offered and "approvals:request" in offered
    form = form_to(admin.page, "/tokens")
    admin.send(form, status=422, name="Deployer", owner="nobody@example.org", scopes=["approvals:request"])
    assert "Nobody has the address" in admin.page.text
    owner = people["reviewer"]
    admin.send(form_to(admin.page, "/tokens"), status=200, name="Deployer", owner=owner.email,
               scopes=["approvals:request"])  # fmt: skip
    assert f"It has no effect until {owner.name} confirms it" in admin.page.text
    token, program = shown(admin), Program(app, shown(admin))
    answer = program.get("/api/v1/approvals")
    assert (answer.status_code, answer.json["reason"]) == (401, "not_confirmed")
    person = browse("reviewer")
    assert "The admin created an agent token, Deployer" in person.get("/profile").text
    person.get("/profile/tokens")
    person.send(next(form for form in person.page.all("form") if form.attributes["action"].endswith("/confirm")))
    assert "is confirmed; it works now" in person.follow().text
    assert "created by The admin" in person.page.text and "Deployer" not in person.get("/profile").text
    bearer = services.tokens.find(token, "")
    assert (bearer.actor.kind, bearer.actor.id, bearer.actor.name) == ("agent", owner.id, "Deployer")
    assert "Deployer" in browse("reviewer").get("/profile/tokens").text, "the person responsible for it can stop it"
    assert "Deployer" not in browse("viewer").get("/profile/tokens").text


def test_a_token_that_was_not_expected_is_declined(browse: Browse, services: Services, people) -> None:
    terms = token_terms(TokenKind.AGENT, "Unexpected", ["approvals:request"], 7)
    token, _view = services.tokens.make(people["admin"].as_actor(Via.PAGE), terms, people["other"].id)
    person = browse("other")
    person.get("/profile/tokens")
    person.send(next(form for form in person.page.all("form") if form.attributes["action"].endswith("/decline")))
    assert "“Unexpected” is declined" in person.follow().text
    assert not [form for form in person.page.all("form") if form.attributes["action"].endswith("/confirm")]
    with pytest.raises(TokenError):
        services.tokens.find(token, "")
