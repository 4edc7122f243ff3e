"""The page of prepared reasons, and how they are offered beside the comment, without JavaScript."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from app.domain.people import Role
from app.services.bundle import Services
from app.store.requests import Decision
from tests.factories import make_person, make_request
from tests.web.browsing import Browser


def test_a_reason_is_prepared_changed_given_and_removed(app: Flask, services: Services) -> None:
    browser = Browser(app, make_person(services.sessions, "DBA", [Role.REVIEWER], ["dba"]))
    page = browser.get("/reasons")
    assert [option.attributes["value"] for option in page.one("select", id="reason-team").all("option")] == ["dba"]
    browser.send(browser.form("add-reason"), use="reject", text="Too broad.\r\nAdd a where.")
    page = browser.follow()
    assert "Too broad. Add a where." in page.text
    edit = page.one("ul", class_="reasons").one("details")
    browser.send(edit.all("form")[0], status=422, use="both", text=" ")
    edit = browser.page.one("ul", class_="reasons").one("details")
    assert "open" in edit.attributes and edit.one("p", class_="wrong").text == "This field is required."
    assert edit.one("textarea").attributes["aria-invalid"] == "true"
    assert len(browser.page.all("p", class_="wrong")) == 1, "not at the form for another reason"
    browser.send(browser.page.one("ul", class_="reasons").all("form")[0], use="both", text="Too broad, <b>sorry</b>.")
    assert "Too broad, <b>sorry</b>." in browser.follow().text

    request = make_request(services.sessions)
    page = browser.get(f"/requests/{request.id}")
    groups = page.one("select", name="prepared").all("optgroup")
    assert [group.attributes["label"] for group in groups] == ["For rejecting", "For requesting changes"]
    browser.send(browser.form("decide"), browser.button("Reject"), prepared="Too broad, <b>sorry</b>.")
    with services.sessions() as session:
        decision = session.scalars(select(Decision).where(Decision.request_id == request.id)).one()
    assert (decision.verdict, decision.comment) == ("reject", "Too broad, <b>sorry</b>.")

    page = browser.get("/reasons")
    browser.send(page.one("ul", class_="reasons").all("form")[1])
    assert "No team has prepared reasons yet." in browser.follow().text
    assert not browser.get(f"/requests/{make_request(services.sessions).id}").all("select", name="prepared")


def test_an_approval_takes_no_prepared_reason(app: Flask, services: Services) -> None:
    browser = Browser(app, make_person(services.sessions, "DBA", [Role.REVIEWER], ["dba"]))
    request = make_request(services.sessions)
    browser.get(f"/requests/{request.id}")
    browser.send(browser.form("decide"), browser.button("Approve"), prepared="Too broad.")
    with services.sessions() as session:
        assert session.scalars(select(Decision.comment).where(Decision.request_id == request.id)).one() == ""
