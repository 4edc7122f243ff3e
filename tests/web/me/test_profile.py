"""One's own account: preferences hold wherever times and colours are shown, and sessions end one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.domain.people import Role, Via
from app.domain.preferences import preferences
from app.services.bundle import Services, build_services
from app.store.people import Person, SignIn
from app.store.record import AuditEntry
from tests.factories import Caller, make_absence, make_person, make_request, make_sign_in
from tests.web.browsing import Browser, Element

Browse = Callable[[str], Browser]


@pytest.fixture
def me(services: Services) -> Person:
    """Somebody of this test's own."""
    return make_person(services.sessions, "Reader", [Role.REVIEWER], ["dba", "sre"])


@pytest.fixture
def browser(app: Flask, me: Person) -> Browser:
    """Their browser."""
    return Browser(app, me)


def html(browser: Browser) -> dict[str, str]:
    """What the page says about its look."""
    attributes = browser.page.one("html").attributes
    return {name: value for name, value in attributes.items() if name.startswith("data-")}


def prefer(browser: Browser, **values: str) -> None:
    """Choose on the page."""
    browser.get("/profile")
    browser.send(browser.form("preferences"), **values)
    browser.follow()


def rows(page: Element) -> list[Element]:
    """The sessions on the page."""
    return page.one("tbody").all("tr")


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(services.engine, "before_cursor_execute", note)
    yield asked
    event.remove(services.engine, "before_cursor_execute", note)


# Who one is


def test_the_page_says_who_one_is(browser: Browser, me: Person) -> None:
    page = browser.get("/profile")
    said = page.one("section", aria_labelledby="you").text
    assert all(words in said for words in ("Reader", me.email, "Reviewer", "dba, sre", "You are not away"))
    assert page.one("a", href="/profile").attributes["aria-current"] == "page"


def test_the_page_says_who_stands_in(browser: Browser, services: Services, me: Person) -> None:
    other = make_person(services.sessions, "Colleague")
    make_absence(services.sessions, me, other)
    make_absence(services.sessions, other, me)
    said = browser.get("/profile").one("section", aria_labelledby="you").text
    assert "Colleague may decide on your behalf." in said
    assert "You are the delegate of Colleague until" in said


@pytest.mark.parametrize("role", list(Role))
def test_everybody_has_the_page(browse: Browse, role: Role) -> None:
    browse(role.value).get("/profile")


# How the pages look


def test_times_are_in_the_chosen_zone_without_a_script(browser: Browser, services: Services) -> None:
    expires = datetime(2100, 1, 10, 20, 30, tzinfo=UTC)
    request = make_request(services.sessions, expires_at=expires)

    def shown() -> set[tuple[str, str]]:
        times = browser.get(f"/requests/{request.id}").all("time", data_time="full")
        return {(time.attributes["datetime"], time.text) for time in times}

    assert ("2100-01-10T20:30:00.000+00:00", "2100-01-10 20:30 UTC") in shown()
    prefer(browser, time_zone="Asia/Tokyo")
    assert ("2100-01-10T20:30:00.000+00:00", "2100-01-11 05:30 JST") in shown()
    prefer(browser, time_zone="")
    assert ("2100-01-10T20:30:00.000+00:00", "2100-01-10 20:30 UTC") in shown()


def test_dates_are_read_in_the_chosen_zone_without_a_script(browser: Browser, services: Services, me: Person) -> None:
    prefer(browser, time_zone="America/New_York")
    browser.get("/absences")
    form = browser.form("absence")
    assert "(America/New York)" in form.text
    [begins] = browser.fields(form)["starts_at"]
    assert abs(datetime.fromisoformat(begins + "-05:00") - datetime.now(UTC)) < timedelta(hours=1, minutes=2)
    year = datetime.now(UTC).year + 2
    browser.send(form, starts_at=f"{year}-01-10T09:00", ends_at=f"{year}-07-10T09:00")
    [kept] = services.absences.of(me.id)
    assert kept.starts_at == datetime(year, 1, 10, 14, tzinfo=UTC)
    assert kept.ends_at == datetime(year, 7, 10, 13, tzinfo=UTC)


def test_colours_and_density_are_on_the_page_itself(app: Flask, browser: Browser, me: Person) -> None:
    browser.get("/queue")
    assert html(browser) == {}
    prefer(browser, theme="dark", density="compact", time_zone="Europe/Berlin", open_next="never")
    shown = {"data-theme": "dark", "data-density": "compact", "data-zone": "Europe/Berlin", "data-next": "never"}
    assert html(browser) == shown
    assert browser.page.one("meta", name="color-scheme").attributes["content"] == "dark"
    # A page that must not ask the database has them too.
    browser.get("/nowhere", 404)
    assert html(browser)["data-theme"] == "dark"
    other = Browser(app, me)
    other.get("/queue")
    assert html(other)["data-theme"] == "dark", "it holds in every browser of the person"
    prefer(browser, theme="system", density="comfortable", time_zone="", open_next="beside")
    other.get("/queue")
    assert html(other) == {}
    other.get("/nowhere", 404)
    assert html(other) == {}


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "Asia/Tokyo\x00"}, "time_zone"),
        ({"theme": "pink"}, "theme"),
        ({"theme": None}, "theme"),
        ({"density": 'x" onload="'}, "density"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    browser: Browser, services: Services, me: Person, sent: dict[str, str], wrong: str
) -> None:
    browser.get("/profile")
    page = browser.send(browser.form("preferences"), status=422, **sent)
    field = page.one(id=f"f-{wrong}")
    about = page.one(id=field.attributes["aria-describedby"])
    assert about.text.endswith(("There is no such time zone.", "Choose one of these."))
    with services.sessions() as session:
        kept = session.get_one(Person, me.id)
    assert (kept.time_zone, kept.theme, kept.density) == ("", "system", "comfortable")


def test_every_zone_on_the_page_can_be_chosen(browser: Browser) -> None:
    offered = [option.attributes["value"] for option in browser.get("/profile").one("select").all("option")]
    assert {"", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"} <= set(offered)
    assert len(offered) == len(set(offered))
    for name in offered:
        assert preferences(name, "system", "compact").time_zone == name


# Where one is signed in


def test_a_session_is_ended_from_another_browser(app: Flask, services: Services, browser: Browser, me: Person) -> None:
    phone = Caller(app, me)
    assert phone.get("/queue").status_code == 200
    page = browser.get("/profile")
    assert len(rows(page)) == 2
    [other] = [row for row in rows(page) if "this browser" not in row.text]
    browser.send(other.one("form"))
    assert "That session has ended." in browser.follow().text
    assert phone.get("/queue").status_code == 303
    assert phone.get("/api/v1/runs").status_code == 401
    assert len(rows(browser.get("/profile"))) == 1
    browser.send(other.one("form"))
    assert "had ended already" in browser.follow().text


def test_ones_own_row_is_a_sign_out(browser: Browser) -> None:
    browser.send(rows(browser.get("/profile"))[0].one("form"))
    assert browser.response is not None and browser.response.headers["Location"] == "/sign-in"
    browser.get("/profile", 303)


def test_signing_out_everywhere(app: Flask, services: Services, browser: Browser, me: Person) -> None:
    phone = Caller(app, me)
    browser.send(browser.get("/profile").one("form", action="/profile/sign-out"))
    assert phone.get("/queue").status_code == 303
    browser.get("/queue", 303)
    with services.sessions() as session:
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.actor_id == me.id))
    ended = {"scope": "everywhere", "sessions": 2, "links": 0, "tokens": 0}
    assert (entry.action, entry.detail) == ("person.signed_out", ended)


def test_nobody_ends_what_is_somebody_elses(app: Flask, services: Services, browser: Browser, people) -> None:
    stranger = Caller(app, people["other"])
    theirs = {sign_in.id for sign_in in services.sign_ins.of(people["other"].as_actor(Via.PAGE), timedelta(hours=1))}
    form = rows(browser.get("/profile"))[0].one("form")
    for their in theirs:
        form.attributes["action"] = f"/profile/sessions/{their}/end"
        browser.send(form)
        assert "had ended already" in browser.follow().text
    assert stranger.get("/queue").status_code == 200
    assert not any(their in browser.page.text for their in theirs)


def test_somebody_who_was_inactive_is_not_signed_in_again_by_coming_back(
    app: Flask, services: Services, browser: Browser, me: Person, people: dict[str, Person]
) -> None:
    admin = people["admin"].as_actor(Via.PAGE)
    services.people.change(admin, me.id, f"Reader {me.id}", [Role.REVIEWER], [], active=True)
    for active in (False, True):
        services.people.change(admin, me.id, f"Reader {me.id}", [Role.REVIEWER], [], active=active)
        browser.get("/queue", 303)


def test_opening_an_address_of_an_act_ends_nothing(browser: Browser) -> None:
    action = rows(browser.get("/profile"))[0].one("form").attributes["action"]
    for path in (action, "/profile/sign-out"):
        browser.get(path, 303)
        browser.follow()


def test_no_choice_complains_before_anything_was_sent(browser: Browser) -> None:
    assert "built-in method" not in browser.get("/profile").text


# What it costs


def test_who_is_signed_in_is_one_statement(services: Services, browser: Browser) -> None:
    with statements(services) as asked:
        browser.get("/profile")
    names = ("people", "sign_ins", "token_hash =")
    assert len([statement for statement in asked if all(name in statement for name in names)]) == 1
    assert not [statement for statement in asked if "FROM teams" in statement or statement.startswith("UPDATE")]


def test_the_last_use_is_noted_once_a_minute(services: Services, me: Person) -> None:
    now = [datetime.now(UTC)]
    mine = build_services(services.engine, lambda: now[0])
    token, day = make_sign_in(services.sessions, me), timedelta(days=1)
    with services.sessions() as session:
        [row] = session.scalars(select(SignIn).where(SignIn.person_id == me.id))
        began = row.seen_at

    def seen() -> datetime:
        with services.sessions() as session:
            return session.get_one(SignIn, row.id).seen_at

    now[0] = began + timedelta(seconds=59)
    assert mine.sign_ins.find(token, day) is not None
    assert seen() == began
    now[0] = began + timedelta(seconds=61)
    with statements(services) as asked:
        for _ in range(3):
            assert mine.sign_ins.find(token, day) is not None
    assert seen() == now[0]
    assert len([statement for statement in asked if statement.startswith("UPDATE")]) == 1
    now[0] = began + day
    assert mine.sign_ins.find(token, day) is None


def test_the_database_does_not_hold_what_the_cookie_holds(services: Services, me: Person) -> None:
    token = make_sign_in(services.sessions, me)
    with services.sessions() as session:
        [row] = session.scalars(select(SignIn).where(SignIn.person_id == me.id))
        assert token not in [str(getattr(row, column.key)) for column in SignIn.__table__.columns]
    assert services.sign_ins.find(row.token_hash, timedelta(hours=1)) is None
