"""Signing in: opening a link never does anything, pressing its button does it once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from itsdangerous import TimestampSigner
from sqlalchemy import select, text

from app.domain.people import Role, Via
from app.factory import create_app
from app.services.bundle import Services
from app.services.notifications.sign_in_mail import BY_ADDRESS
from app.store.people import Person
from app.store.record import AuditEntry
from tests.factories import close_app, make_person, session_cookie
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def admin(people: dict[str, Person]):
    """Who makes links."""
    return people["admin"].as_actor(Via.PAGE)


def test_a_link_signs_in_once_and_only_when_pressed(services: Services, browse: Browse, admin, people) -> None:
    token = services.people.make_link(admin, people["reviewer"].id)
    visitor = browse("anonymous")
    for _ in range(3):
        visitor.caller.client.head(f"/sign-in/{token}")
        visitor.get(f"/sign-in/{token}")
    assert visitor.page.one("h1").text == "Sign in as The reviewer"
    assert visitor.caller.get("/queue").status_code == 303, "opening the link signed somebody in"
    visitor.send(visitor.page.one("form"))
    visitor.get("/", 303)
    assert visitor.caller.get("/queue").status_code == 200
    other = browse("anonymous")
    assert other.get(f"/sign-in/{token}", 410).one("h1").text == "This link has already been used"


def test_after_signing_in_one_is_where_one_wanted_to_be(services: Services, browse: Browse, admin, people) -> None:
    visitor = browse("anonymous")
    visitor.get("/runs?state=failed", 303)
    visitor.follow()
    token = services.people.make_link(admin, people["viewer"].id)
    visitor.get(f"/sign-in/{token}")
    visitor.send(visitor.page.one("form"))
    assert visitor.response is not None
    assert visitor.response.headers["Location"] == "/runs?state=failed"


@pytest.mark.parametrize("seconds", [-180, -3, 3, 180])
def test_a_session_that_began_in_a_process_with_another_clock_is_one(
    services: Services, browse: Browse, admin, people, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    visitor = browse("anonymous")
    visitor.get(f"/sign-in/{services.people.make_link(admin, people['viewer'].id)}")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(TimestampSigner, "get_timestamp", lambda self: int(time.time()) + seconds)
        visitor.send(visitor.page.one("form"))
    visitor.get("/queue")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(services: Services, browse: Browse, admin, people, target: str) -> None:
    visitor = browse("anonymous")
    visitor.get(f"/sign-in?next={target}")
    visitor.get(f"/sign-in/{services.people.make_link(admin, people['viewer'].id)}")
    visitor.send(visitor.page.one("form"))
    assert visitor.response is not None
    assert visitor.response.headers["Location"] == "/"


def test_links_that_do_not_work_say_why(services: Services, browse: Browse, admin) -> None:
    visitor = browse("anonymous")
    assert "Unknown link" in visitor.get("/sign-in/nonsense", 404).one("h1").text
    person = make_person(services.sessions, "Late", [Role.VIEWER])
    old = services.people.make_link(admin, person.id, timedelta(seconds=-1))
    assert "has expired" in visitor.get(f"/sign-in/{old}", 410).one("h1").text


def test_signing_out_ends_this_session_and_no_other(app: Flask, services: Services, browse: Browse, admin) -> None:
    leaving = make_person(services.sessions, "Leaving", [Role.VIEWER])
    visitor, phone = browse("anonymous"), browse("anonymous")
    for browser in (visitor, phone):
        browser.get(f"/sign-in/{services.people.make_link(admin, leaving.id)}")
        browser.send(browser.page.one("form"))
        browser.get("/queue")
    copied = visitor.caller.client.get_cookie("assent_session")
    assert copied is not None
    visitor.send(visitor.page.one("form", action="/sign-out"))
    visitor.get("/queue", 303)
    phone.get("/queue")
    thief = app.test_client()
    thief.set_cookie("assent_session", copied.value)
    assert thief.get("/queue").status_code == 303
    with services.sessions() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.actor_id == leaving.id).order_by(AuditEntry.seq))
        *signed_in, signed_out = entries
    assert [entry.action for entry in signed_in] == ["person.signed_in", "person.signed_in"]
    assert (signed_out.action, signed_out.detail["scope"]) == ("person.signed_out", "session")


def test_signing_in_again_in_the_same_browser_ends_what_it_had(
    app: Flask, services: Services, browse: Browse, admin, people
) -> None:
    visitor = browse("anonymous")
    copies = []
    for who in ("viewer", "viewer", "auditor"):
        visitor.get(f"/sign-in/{services.people.make_link(admin, people[who].id)}")
        visitor.send(visitor.page.one("form"))
        visitor.get("/queue")
        copies.append(visitor.caller.client.get_cookie("assent_session"))
    answers = []
    for copy in copies:
        thief = app.test_client()
        thief.set_cookie("assent_session", copy.value)
        answers.append(thief.get("/queue").status_code)
    assert answers == [303, 303, 200]


def test_a_cookie_from_before_sessions_were_kept_signs_nobody_in(app: Flask, people) -> None:
    thief = app.test_client()
    thief.set_cookie("assent_session", session_cookie(str(app.secret_key), f"{people['viewer'].id}:0"))
    assert thief.get("/queue").status_code == 303


def test_a_form_without_its_token_does_nothing(browse: Browse, services: Services, admin, people) -> None:
    token = services.people.make_link(admin, people["viewer"].id)
    visitor = browse("anonymous")
    visitor.get(f"/sign-in/{token}")
    page = visitor.send(visitor.page.one("form"), status=400, csrf_token=None)
    assert "The form has expired" in page.text
    visitor.get(f"/sign-in/{token}")  # it still works


@pytest.fixture(scope="module")
def mailing(app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The same portal with a mail server; no worker sends anything."""
    settings = app.extensions["assent_portal"].settings
    made = create_app(
        settings.model_copy(
            update={"smtp_host": "127.0.0.1", "mail_from": "assent@example.org", "sign_in_contact": "Desk <17>"}
        )
    )
    yield made
    close_app(made)


def test_one_asks_for_a_link_and_learns_nothing_about_accounts(mailing: Flask, services: Services, people) -> None:
    def asked() -> list[str]:
        with services.sessions() as session:
            rows = session.execute(text("select args ->> 'email' from procrastinate_jobs where task_name = :name"),
                                   {"name": "notify.sign_in"})  # fmt: skip
            return [row[0] for row in rows]

    visitor = Browser(mailing, None)
    visitor.get("/runs", 303)
    page = visitor.follow()
    assert "Desk <17>" in page.text and "assent user" not in page.text
    answers = []
    for email in (people["reviewer"].email, "stranger@example.org"):
        visitor.send(visitor.get("/sign-in").one("form", action="/sign-in"), email=email)
        answers.append(visitor.follow().text)
    assert answers[0] == answers[1] and "Check your email" in answers[0]
    assert asked() == [people["reviewer"].email, "stranger@example.org"]
    form = visitor.get("/sign-in").one("form", action="/sign-in")
    page = visitor.send(form, status=422, email="no address")
    assert page.one("p", id="f-email-wrong").text == "Enter an address such as you@example.com."
    for number in range(BY_ADDRESS):
        data = {"csrf_token": visitor.fields(form)["csrf_token"][0], "email": f"a{number}@example.org"}
        answer = visitor.caller.client.post("/sign-in", data=data)
    assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 900
    assert visitor.caller.client.post("/sign-in", data={"email": "x@example.org"}).status_code == 400, "no CSRF token"


def test_without_a_mail_server_the_page_says_whom_to_ask_and_no_command(browse: Browse) -> None:
    visitor = browse("anonymous")
    page = visitor.get("/sign-in")
    assert "Ask an administrator of this portal for a link." in page.text
    assert not page.all("form") and "assent user" not in page.text and not page.all("code")
    token = {"csrf_token": visitor.caller.headers.get("X-CSRFToken", "")}
    assert visitor.caller.client.post("/sign-in", data={**token, "email": "x@example.org"}).status_code in (400, 409)


def test_signing_in_again_begins_with_ones_own_address(mailing: Flask, people) -> None:
    visitor = Browser(mailing, people["reviewer"])
    page = visitor.get("/sign-in?again=1")
    assert visitor.fields(page.one("form", action="/sign-in"))["email"] == [people["reviewer"].email]
