"""The page of absences: who sees what, entering and ending without a script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.people import Role, Via
from app.services.bundle import Services
from app.services.people.absences import AbsenceState
from app.store.people import Person
from tests.factories import make_person
from tests.web.browsing import Browser, Element

Browse = Callable[[str], Browser]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def typed(moment: datetime) -> str:
    """The moment as a date-time field sends it."""
    return moment.strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def someone(app, services: Services) -> Callable[..., Browser]:  # type: ignore[no-untyped-def]
    """A browser of a new person, who has no absence yet."""
    return lambda name="Somebody new", role=Role.REVIEWER: Browser(app, make_person(services.sessions, name, [role]))


def away(services: Services, person: Person, delegate: Person | None = None, note: str = "") -> str:
    actor, now = person.as_actor(Via.PAGE), services.clock()
    return services.absences.add(actor, actor.id, delegate.id if delegate else None, now, now + DAY, note).id


def table(browser: Browser, label: str) -> list[Element]:
    """The rows under a heading; none if there is no table."""
    found = [
        element for element in browser.page.all("div") if element.attributes.get("aria-label") == f"{label}, table"
    ]
    return found[0].one("tbody").all("tr") if found else []


def test_an_absence_is_entered_and_taken_back_without_a_script(services: Services, someone) -> None:
    me, delegate = someone("Away"), make_person(services.sessions, "Delegate")
    me.get("/absences")
    assert me.page.one("a", href="/absences").attributes["aria-current"] == "page"
    start = datetime.now(UTC) + DAY
    me.send(
        me.form("absence"), starts_at=typed(start), ends_at=typed(start + DAY), delegate_id=delegate.id, note="At sea"
    )
    me.follow()
    assert "Delegate may decide on behalf of Away." in me.page.text
    [row] = table(me, "Your absences")
    assert "Delegate" in row.text and "At sea" in row.text and "Upcoming" in row.text
    [kept] = services.absences.of(me.person.id)
    assert typed(kept.starts_at) == typed(start) and typed(kept.ends_at) == typed(start + DAY)

    me.send(row.one("form"))
    me.follow()
    assert "The absence of Away has ended." in me.page.text
    [row] = table(me, "Your absences")
    assert "Ended early" in row.text and not row.all("form")


def test_the_form_begins_with_now_and_needs_no_delegate(services: Services, someone) -> None:
    me = someone()
    me.get("/absences")
    me.send(me.form("absence"), ends_at=typed(datetime.now(UTC) + DAY))
    me.follow()
    assert "Somebody new has no delegate." in me.page.text
    [kept] = services.absences.of(me.person.id)
    assert kept.state is AbsenceState.CURRENT and kept.delegate_id is None


def test_times_are_in_the_zone_that_is_sent_with_them(services: Services, someone) -> None:
    me = someone()
    me.get("/absences")
    year = datetime.now(UTC).year + 1
    me.send(me.form("absence"), starts_at=f"{year}-01-10T09:00", ends_at=f"{year}-07-10T09:00", zone="Europe/Berlin")
    [kept] = services.absences.of(me.person.id)
    # Winter and summer time: the same hour of the day, not the same offset.
    assert (kept.starts_at.astimezone(UTC).hour, kept.ends_at.astimezone(UTC).hour) == (8, 7)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"ends_at": ""}, "Enter a date and a time."),
        ({"starts_at": "tomorrow"}, "Enter a date and a time."),
        ({"ends_at": "0001-01-01T00:00", "zone": "Asia/Tokyo"}, "Enter a date and a time."),
        ({"zone": "Mars/Olympus"}, "Enter a date and a time."),
        ({"zone": "../../etc/passwd"}, "Enter a date and a time."),
        ({"zone": "Europe"}, "Enter a date and a time."),
        ({"ends_at": "2020-01-01T00:00"}, "An absence must end after it begins."),
        ({"delegate_id": "nobody"}, "A delegate must be a reviewer."),
        ({"delegate_id": "a\x00b"}, "A delegate must be a reviewer."),
        ({"note": "a\x00b"}, "control characters"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_entered(services: Services, someone, sent, words) -> None:
    me = someone()
    me.get("/absences")
    end = typed(datetime.now(UTC) + DAY)
    me.send(me.form("absence"), status=422, **{"ends_at": end, "delegate_id": "", **sent})
    assert words in me.page.one("div", role="alert").text
    assert me.page.all("input", aria_invalid="true") + me.page.all("select", aria_invalid="true")
    assert services.absences.of(me.person.id) == []


def test_what_was_typed_is_kept_and_shown_in_utc(services: Services, someone) -> None:
    me, delegate = someone(), make_person(services.sessions, "Delegate")
    me.get("/absences")
    start = (datetime.now(UTC) + DAY).replace(second=0, microsecond=0)
    local = start.astimezone(ZoneInfo("Asia/Tokyo"))
    me.send(
        me.form("absence"), status=422, zone="Asia/Tokyo", starts_at=typed(local), ends_at=typed(local - HOUR),
        delegate_id=delegate.id, note="At sea",
    )  # fmt: skip
    fields = me.fields(me.form("absence"))
    assert (fields["starts_at"], fields["ends_at"]) == ([typed(start)], [typed(start - HOUR)])
    assert (fields["delegate_id"], fields["note"]) == ([delegate.id], ["At sea"])


def test_two_at_once_are_refused_in_words(services: Services, someone) -> None:
    me = someone("Away")
    away(services, me.person)
    me.get("/absences")
    me.send(me.form("absence"), status=409, ends_at=typed(datetime.now(UTC) + HOUR))
    assert "Away is already absent from" in me.page.text


def test_ending_twice_says_so_and_a_link_ends_nothing(services: Services, someone) -> None:
    me = someone()
    absence_id = away(services, me.person)
    me.get(f"/absences/{absence_id}/end", 303)
    me.follow()
    form = table(me, "Your absences")[0].one("form")
    me.send(form)
    me.send(form, status=409)
    assert "already over" in me.page.text


def test_reviewers_see_their_own_and_who_is_away_and_no_notes_of_others(services: Services, someone, people) -> None:
    me, other = someone("Looks"), someone("Is away")
    away(services, other.person, me.person, "private")
    me.get("/absences")
    assert any("Is away" in row.text for row in table(me, "People away now"))
    assert any("Is away" in row.text for row in table(me, "People you are delegate for"))
    assert table(me, "Your absences") == [] and "private" not in me.page.text
    assert not me.page.all("select", id="f-person_id")


def test_admins_enter_and_end_everybodys(services: Services, browse: Browse, someone) -> None:
    admin, other = browse("admin"), someone("Ill today")
    admin.get("/absences")
    admin.send(admin.form("absence"), person_id=other.person.id, ends_at=typed(datetime.now(UTC) + DAY), note="ill")
    admin.follow()
    [row] = [row for row in table(admin, "All absences") if "Ill today" in row.text]
    assert "ill" in row.text
    admin.send(row.one("form"))
    [ended] = services.absences.of(other.person.id)
    assert ended.state is AbsenceState.ENDED


def test_nobody_else_ends_or_enters_it(services: Services, someone) -> None:
    me, other = someone(), someone("Away")
    absence_id = away(services, other.person)
    me.get("/absences")
    data = me.fields(me.form("absence")) | {"ends_at": [typed(datetime.now(UTC) + DAY)]}
    assert me.caller.client.post("/absences", data=data | {"person_id": other.person.id}).status_code == 403
    assert me.caller.client.post(f"/absences/{absence_id}/end", data=data).status_code == 403
    assert me.caller.client.post("/absences/nothing/end", data=data).status_code == 404
    assert services.absences.of(other.person.id)[0].state is AbsenceState.CURRENT


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_decides_nothing_sees_who_is_away_and_has_no_form(browse: Browse, role: str) -> None:
    browser = browse(role)
    browser.get("/absences")
    assert not browser.page.all("form", id="absence") and "Away now" in browser.page.text
    assert not browser.page.all("a", href="/absences")
    sent = browser.caller.post("/absences", data={"starts_at": "", "ends_at": ""})
    assert sent.status_code == 403


def test_names_and_notes_do_not_deceive(services: Services, someone) -> None:
    me = someone("Eve\u202etxt")
    away(services, me.person, note="<b>x</b>\u202e")
    me.get("/absences")
    assert "<b>x</b>" in me.page.text and "⟨U+202E⟩" in me.page.text


def test_somebody_not_signed_in_is_sent_to_sign_in(browse: Browse) -> None:
    assert browse("anonymous").caller.client.get("/absences").status_code in (302, 303)


@pytest.mark.parametrize("answer", ["confirm", "decline"])
def test_an_absence_entered_by_an_administrator_waits_for_its_person(
    services: Services, someone: Callable[..., Browser], answer: str
) -> None:
    admin, person = someone("Platform lead", Role.ADMIN), someone("DBA on call")
    admin.get("/absences")
    assert admin.person is not None and person.person is not None
    admin.send(
        admin.form("absence"), person_id=person.person.id, delegate_id=admin.person.id,
        ends_at=typed(datetime.now(UTC) + DAY),
    )  # fmt: skip
    admin.follow()
    assert "It has no effect until DBA on call confirms it." in admin.page.text
    assert "Platform lead added an absence for you" in person.get("/profile").text
    person.get("/absences")
    [row] = table(person, "Your absences")
    assert "Not confirmed" in row.text and "added by Platform lead" in row.text
    person.send(next(form for form in row.all("form") if form.attributes["action"].endswith(f"/{answer}")))
    page = person.follow()
    assert {"confirm": "Platform lead may decide on your behalf", "decline": "is declined"}[answer] in page.text
    [absence] = services.absences.of(person.person.id)
    assert absence.state is {"confirm": AbsenceState.CURRENT, "decline": AbsenceState.ENDED}[answer]
    again = person.caller.client.post(
        f"/absences/{absence.id}/{answer}", data={"csrf_token": person.caller.headers["X-CSRFToken"]}
    )
    assert again.status_code == 409 and "is not waiting for confirmation" in again.text
