"""The pages of standing grants, without a script: from like approvals to a use, and every refusal."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.domain.ballot import Ballot
from app.domain.people import Role, Via
from app.domain.run_protocol import Journal
from app.services.bundle import Services
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from assent.dialects.base import Asked
from assent.digests import digest_of
from tests.factories import make_person, make_run
from tests.web.browsing import Browser, Element

Browse = Callable[[str], Browser]


def call(to: str = "ops@example.org", limit: int = 10, tool: str = "drop_table") -> dict[str, Any]:
    """A tool call as stored."""
    return {
        "kind": "tool_call", "title": "Trim <b>the</b> log", "summary": "", "agent": "", "environment": "production",
        "labels": {}, "risk_floor": "medium", "expires_in_seconds": None, "tool": tool,
        "args": {"to": to, "limit": limit}, "args_schema": None,
    }  # fmt: skip


class House:
    """A workflow of its own on the application's services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.workflow = f"flow_{secrets.token_hex(4)}"
        self.decider = make_person(services.sessions, "Decider", [Role.REVIEWER]).as_actor(Via.PAGE)

    def ask(self, document: dict[str, Any]) -> ApprovalRequest:
        """A run of nobody asks this."""
        run = make_run(self.services.sessions, workflow=self.workflow, attempt=1)
        asked = Asked(secrets.token_hex(8), "assent", document, digest_of(document), None, "ask", "agent")
        assert self.services.checkpoints.suspend(run.id, 1, [asked], Journal(run.id))
        with self.services.sessions() as session:
            return session.query(ApprovalRequest).filter_by(run_id=run.id).one()

    def decide(self, document: dict[str, Any], verdict: Verdict = Verdict.APPROVE) -> ApprovalRequest:
        request = self.ask(document)
        self.services.checkpoints.decide(request.id, self.decider, Ballot(verdict, request.digest, comment="So be it."))
        return request

    def approve_three(self) -> None:
        for limit in (10, 20, 30):
            self.decide(call(limit=limit, tool=self.workflow))


@pytest.fixture
def house(services: Services) -> House:
    return House(services)


@pytest.fixture
def first(app: Flask, services: Services) -> Browser:
    return Browser(app, make_person(services.sessions, "First", [Role.REVIEWER]))


@pytest.fixture
def second(app: Flask, services: Services) -> Browser:
    return Browser(app, make_person(services.sessions, "Second", [Role.REVIEWER]))


def suggestion_of(browser: Browser, house: House) -> str:
    """The address of the suggestion for that workflow."""
    browser.get("/grants")
    notes = [element for element in browser.page.all("div", class_="note") if house.workflow in element.text]
    assert len(notes) == 1
    return notes[0].one("a").attributes["href"]


def proposed(browser: Browser, house: House) -> str:
    """The address of a grant that was proposed through the pages."""
    house.approve_three()
    browser.get(suggestion_of(browser, house))
    browser.send(browser.form("propose"), max_uses="1", days="7", reason="Always the same.", title="Trimming")
    assert browser.response is not None
    return browser.response.headers["Location"]


def test_from_like_approvals_to_a_use_on_the_pages(house: House, first: Browser, second: Browser) -> None:
    address = proposed(first, house)
    first.follow()
    assert "proposed" in first.page.one("div", role="status", class_="notice").text
    assert "You proposed it" in first.page.text and first.page.all("form", action=f"{address}/approve") == []
    assert house.ask(call(limit=15, tool=house.workflow)).state == "pending"

    second.get("/grants")
    assert second.page.one("a", href="/grants", data_nav="grants").attributes["aria-current"] == "page"
    second.get(address)
    assert "args.limit is a whole number from 10 to 30" in second.page.text
    assert "would have approved 3 of 3" in second.page.text
    second.send(second.page.one("form", action=f"{address}/approve"))
    second.follow()
    assert "1 of 1 uses left" in second.page.text

    used = house.ask(call(limit=15, tool=house.workflow))
    assert used.state == "approved"
    second.get(f"/requests/{used.id}")
    assert "approved by First and Second" in second.page.text
    assert second.page.all("a", href=address)
    second.get(address)
    assert "Used up" in second.page.text and second.page.all("a", href=f"/requests/{used.id}")
    assert "this grant" in second.page.text and "nobody" not in second.page.text
    second.get("/grants")
    assert any("Used up" in row.text for row in second.page.all("tr", id=f"grant-{address.rpartition('/')[2]}"))
    assert house.ask(call(limit=15, tool=house.workflow)).state == "pending"


def test_what_people_refused_stands_out_before_anybody_proposes(house: House, first: Browser) -> None:
    house.decide(call(limit=12, tool=house.workflow), Verdict.REJECT)
    house.approve_three()
    first.get(suggestion_of(first, house))
    [warning] = first.page.all("div", class_="notice bad")
    assert "1 request that people rejected" in warning.text and "Decider" in warning.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_uses", "0"), ("max_uses", "1001"), ("max_uses", "²"), ("max_uses", ""), ("days", "91"), ("days", "x"),
     ("max_risk", "high"), ("max_risk", "none"), ("reason", " ")],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    house: House, first: Browser, name: str, value: str
) -> None:
    house.approve_three()
    first.get(suggestion_of(first, house))
    first.send(first.form("propose"), status=422, **{"reason": "Because of routine.", "title": "Mine"} | {name: value})
    field = first.page.one("", id=f"f-{name}")
    assert field.attributes["aria-invalid"] == "true"
    assert first.page.one("input", id="f-title").attributes["value"] == "Mine"
    if name != "reason":
        assert "Because of routine." in first.page.one("textarea", id="f-reason").text
    assert first.page.all("div", role="alert")


def test_a_suggestion_that_no_longer_stands_is_told_so(house: House, first: Browser) -> None:
    house.approve_three()
    address = suggestion_of(first, house)
    first.get(address)
    form = first.form("propose")
    house.decide(call(limit=11, tool=house.workflow), Verdict.REJECT)
    first.send(form, status=409, reason="Always.")
    assert "is outdated" in first.page.one("div", role="alert").text
    first.get(address, 409)
    first.get("/grants/suggestions/nothing", 409)


def test_declined_and_revoked_with_a_reason(house: House, first: Browser, second: Browser) -> None:
    address = proposed(first, house)
    second.get(address)
    second.send(second.form("decline"), status=422, reason=" ")
    assert second.page.one("div", role="alert")
    second.send(second.form("decline"), reason="Too wide.")
    second.follow()
    assert "Declined" in second.page.text and "Too wide." in second.page.text
    data = {"csrf_token": second.caller.headers["X-CSRFToken"]}
    assert second.caller.client.post(f"{address}/approve", data=data).status_code == 409

    house.workflow += "x"
    address = proposed(first, house)
    second.get(address)
    second.send(second.page.one("form", action=f"{address}/approve"))
    first.get(address)
    first.send(first.page.one("form", action=f"{address}/revoke"), reason="It changed.")
    first.follow()
    assert "Revoked" in first.page.text and "by First" in first.page.text
    assert house.ask(call(limit=15, tool=house.workflow)).state == "pending"


def test_who_proposed_it_cannot_give_it_by_any_way(house: House, first: Browser) -> None:
    address = proposed(first, house)
    data = {"csrf_token": first.caller.headers["X-CSRFToken"]}
    answer = first.caller.client.post(f"{address}/approve", data=data)
    assert answer.status_code == 403 and "needs the approval of a second person" in answer.text


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_those_who_do_not_decide_only_look(house: House, first: Browser, browse: Browse, role: str) -> None:
    address = proposed(first, house)
    visitor = browse(role)
    visitor.get("/grants")
    assert "Suggestions" not in visitor.page.text
    visitor.get(address)
    assert visitor.page.all("form", id="decline") == [] and "viewing, but not deciding" in visitor.page.text
    data = {"csrf_token": visitor.caller.headers["X-CSRFToken"], "reason": "No."}
    for act in ("approve", "decline", "revoke"):
        assert visitor.caller.client.post(f"{address}/{act}", data=data).status_code == 403
    assert visitor.caller.client.get("/grants/suggestions/any").status_code == 403


def test_opening_the_address_of_an_act_only_shows(house: House, first: Browser, second: Browser) -> None:
    address = proposed(first, house)
    for act in ("approve", "decline", "revoke"):
        second.get(f"{address}/{act}", 303)
    second.follow()
    assert "Waiting for a second person" in second.page.text
    second.get("/grants/nothing", 404)


def test_a_page_hears_of_what_happens_to_grants(house: House, first: Browser) -> None:
    address = proposed(first, house)
    first.get(address)
    live: list[Element] = [element for element in first.page.all() if element.attributes.get("data-live") == "grants"]
    assert {element.attributes["id"] for element in live} == {"grant-head", "grant-bounds", "grant-uses"}
    assert {element.attributes["data-live-src"] for element in live} == {address}
