"""Sign-in links for others, through the pages: an administrator who uses one is not a second person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.domain.people import Role
from app.services.bundle import Services
from app.store.people import Person
from app.store.record import AuditEntry
from tests.factories import make_person, make_request
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


def signed_in_by(admin: Browser, browse: Browse, person: Person) -> Browser:
    """A browser signed in as the person, with a link that the administrator made on the person's page."""
    admin.get(f"/people/{person.id}")
    admin.send(admin.page.one("form", action=f"/people/{person.id}/link"), status=200)
    link = admin.page.one("input", id="f-link").attributes["value"]
    visitor = browse("anonymous")
    visitor.get("/sign-in/" + link.rpartition("/")[2])
    visitor.send(visitor.page.one("form"))
    return visitor


def shown(browser: Browser, request_id: str) -> dict[str, Any]:
    """The request over the API, with the browser's session."""
    answer = browser.caller.client.get(f"/api/v1/approvals/{request_id}")
    assert answer.status_code == 200
    return dict(answer.json or {})


def test_an_administrator_does_not_approve_with_the_link_of_another(
    app: Flask, services: Services, browse: Browse
) -> None:
    lead = make_person(services.sessions, "Platform lead", [Role.ADMIN, Role.REVIEWER])
    dba = make_person(services.sessions, "DBA on call", [Role.REVIEWER])
    request = make_request(services.sessions, requester=lead)
    visitor = signed_in_by(Browser(app, lead), browse, dba)
    page = visitor.get(f"/requests/{request.id}")
    assert "You act with a sign-in link or token from Platform lead, who counts as the requester" in page.text
    assert not page.all("button", value="approve")
    token = visitor.page.all("input", name="csrf_token")[0].attributes["value"]
    data = {"csrf_token": token, "verdict": "approve", "digest": request.digest}
    assert visitor.caller.client.post(f"/requests/{request.id}/decisions", data=data).status_code == 403
    answer = visitor.caller.client.post(
        f"/api/v1/approvals/{request.id}/decisions", json={"verdict": "approve", "digest": request.digest},
        headers={"X-CSRFToken": token},
    )  # fmt: skip
    assert (answer.status_code, answer.json["code"]) == (403, "own_request")
    assert shown(visitor, request.id)["decisions"] == []
    assert "with a link from Platform lead" in visitor.get("/profile").text, "its person sees whose link it was"


def test_a_decision_with_anothers_link_is_marked_on_the_page_in_the_api_and_on_the_audit_log(
    app: Flask, services: Services, browse: Browse
) -> None:
    lead = make_person(services.sessions, "Platform lead", [Role.ADMIN, Role.REVIEWER])
    dba = make_person(services.sessions, "DBA on call", [Role.REVIEWER])
    request = make_request(services.sessions)
    visitor = signed_in_by(Browser(app, lead), browse, dba)
    page = visitor.get(f"/requests/{request.id}")
    visitor.send(page.one("form", id="decide"), visitor.button("Approve"))
    assert "acting with a sign-in link or token from Platform lead" in visitor.get(f"/requests/{request.id}").text
    [decision] = shown(visitor, request.id)["decisions"]
    assert (decision["person_name"], decision["made_by"]) == ("DBA on call", "Platform lead")
    with services.sessions() as session:
        query = select(AuditEntry).where(AuditEntry.request_id == request.id, AuditEntry.action == "request.decided")
        entry = session.scalars(query).one()
    assert entry.detail["acting_by"] == "Platform lead"
    auditor = Browser(app, make_person(services.sessions, "Auditor", [Role.AUDITOR]))
    assert "with a link or token from Platform lead" in auditor.get(f"/audit?request_id={request.id}").text
