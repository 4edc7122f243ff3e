"""The people's pages: who may open them, what they change, and what they never let go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.domain.people import Role, Via
from app.services.bundle import Services
from app.store.record import AuditEntry
from tests.factories import make_person
from tests.web.browsing import Browser, Element

Browse = Callable[[str], Browser]


@pytest.fixture
def admin(browse: Browse) -> Browser:
    """Who manages people."""
    return browse("admin")


def entries(services: Services, action: str) -> list[AuditEntry]:
    """The record's lines of that kind, oldest first."""
    with services.sessions() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.seq)))


def form_to(page: Element, action: str) -> Element:
    """The page's form that goes there."""
    return next(form for form in page.all("form") if form.attributes["action"] == action)


def add(admin: Browser, status: int = 200, **values: object) -> None:
    """Fill in the form for a new person and send it."""
    admin.get("/people")
    admin.send(form_to(admin.page, "/people"), status=status, **values)


def test_a_person_is_added_and_signs_in_with_the_link_that_is_shown_once(admin: Browser, browse: Browse, services):
    add(admin, name="Security lead", email="security@example.org", roles=["reviewer"], teams="security, on-call")
    link = admin.page.one("input", id="f-link").attributes["value"]
    visitor = browse("anonymous")
    visitor.get("/sign-in/" + link.rpartition("/")[2])
    assert visitor.page.one("h1").text == "Sign in as Security lead"
    person = services.people.by_email("security@example.org")
    assert [team.slug for team in person.teams] == ["on-call", "security"]
    again = admin.caller.get(f"/people/{person.id}").text
    assert "f-link" not in again and "it cannot decide requests of The admin" in again


def test_a_change_holds_at_once_and_is_on_the_record(admin: Browser, services, app):
    person = make_person(services.sessions, "Trainee", [Role.REVIEWER])
    trainee = Browser(app, person)
    trainee.get("/runs/new")
    admin.get(f"/people/{person.id}")
    admin.send(form_to(admin.page, f"/people/{person.id}"), status=303, roles=["viewer"], teams="dba")
    assert "is changed" in admin.follow().text
    assert trainee.caller.get("/runs/new").status_code == 403
    last = entries(services, "person.changed")[-1]
    assert last.detail["before"]["roles"] == ["reviewer"]
    assert last.detail["after"] == {"name": "Trainee", "roles": ["viewer"], "teams": ["dba"], "active": True}


def test_nothing_changed_is_not_on_the_record(admin: Browser, services):
    person = make_person(services.sessions, "Same as before", [Role.REVIEWER], ["dba"])
    before = len(entries(services, "person.changed"))
    admin.get(f"/people/{person.id}")
    admin.send(form_to(admin.page, f"/people/{person.id}"))
    assert len(entries(services, "person.changed")) == before


def test_somebody_who_is_made_inactive_is_out_at_once(services, app, people):
    person = make_person(services.sessions, "Left", [Role.REVIEWER])
    left = Browser(app, person)
    left.get("/queue")
    services.people.change(people["admin"].as_actor(Via.PAGE), person.id, "Left", [Role.REVIEWER], [], active=False)
    assert left.caller.get("/queue").status_code == 303


def test_the_last_admin_stays(admin: Browser, services, people):
    admin.get(f"/people/{people['admin'].id}")
    admin.send(form_to(admin.page, f"/people/{people['admin'].id}"), status=409, roles=["reviewer"])
    assert "last active admin" in admin.page.text
    assert services.people.get(people["admin"].id).roles == ["admin"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "Line\nbreak"}, "needs a name"),
        ({"email": "nobody"}, "needs an email address"),
        ({"email": "a b@example.org"}, "needs an email address"),
        ({"roles": []}, "at least one role"),
        ({"roles": ["emperor"]}, "at least one role"),
        ({"teams": "Ops Team!"}, "lowercase letters, digits, and hyphens"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field_and_nothing_typed_is_lost(admin: Browser, services, values, words):
    given = {"name": "Somebody", "email": "somebody@example.org", "roles": ["viewer"], "teams": "dba"} | values
    add(admin, 422, **given)
    assert words in admin.page.text
    assert admin.page.one("input", id="f-teams").attributes["value"] == given["teams"]
    assert all(person.email != "somebody@example.org" for person in services.people.everybody())


def test_an_address_that_is_taken_is_refused(admin: Browser, people):
    add(admin, 409, name="Twin", email=people["viewer"].email.upper(), roles=["viewer"])
    assert "already an account" in admin.page.text


@pytest.mark.parametrize("role", ["viewer", "reviewer", "auditor"])
def test_others_may_not_look(browse: Browse, role: str, people):
    caller = browse(role).caller
    assert caller.get("/people").status_code == 403
    assert caller.get(f"/people/{people['viewer'].id}").status_code == 403


def test_unknown_people_are_not_found(admin: Browser):
    admin.get("/people/no-such-person", 404)
    admin.get("/people/%00", 404)


def test_an_admin_ends_somebodys_sessions_one_by_one_or_all(admin: Browser, app, services):
    person = make_person(services.sessions, "Lost laptop")
    browsers = [Browser(app, person) for _ in range(3)]
    for browser in browsers:
        browser.get("/queue")
    page = admin.get(f"/people/{person.id}")
    ends = [form for form in page.all("form") if form.attributes["action"].endswith("/end")]
    assert len(ends) == 3
    admin.send(ends[0], status=303)
    assert "has ended" in admin.follow().text
    assert sorted(browser.caller.get("/queue").status_code for browser in browsers) == [200, 200, 303]
    another = make_person(services.sessions, "Another", [Role.ADMIN]).as_actor(Via.PAGE)
    link = services.people.make_link(another, person.id)
    admin.get(f"/people/{person.id}")
    admin.send(form_to(admin.page, f"/people/{person.id}/sign-out"), status=303, tokens="all")
    assert "2 sessions, 1 unused link, and 0 tokens" in admin.follow().text
    assert {browser.caller.get("/queue").status_code for browser in browsers} == {303}
    assert admin.caller.get(f"/sign-in/{link}").status_code == 410
    assert entries(services, "person.signed_out")[-1].detail["person"] == "Lost laptop"
    assert "signed somebody out everywhere" in admin.get("/audit").text


def test_which_tokens_end_has_to_be_one_of_the_choices(admin: Browser, services):
    person = make_person(services.sessions, "Somebody")
    admin.get(f"/people/{person.id}")
    assert admin.caller.post(f"/people/{person.id}/sign-out", data={"tokens": "some"}).status_code == 422


def test_who_looks_the_same_is_refused_and_reported(admin: Browser, services):
    manager = make_person(services.sessions, "People manager", [Role.ADMIN]).as_actor(Via.PAGE)
    services.people.add(manager, "Grace Hopper", "grace@example.org", [Role.REVIEWER])
    add(admin, 409, name="Gr\u0430ce Hopper", email="hopper@example.org", roles=["reviewer"])
    assert "looks the same as Grace Hopper" in admin.page.text
    make_person(services.sessions, "Gr\u0430ce Hopper")
    assert "Active accounts that look alike" in admin.get("/people").text
