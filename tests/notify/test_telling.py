"""Who is told of what, when, and what a mail says; over a real mail server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.domain.choices import DEFAULT, Choice, Choices, Rhythm, Way
from app.domain.events import EventKind
from app.domain.notices import NoticeKind
from app.domain.people import Actor, Role, Via
from app.domain.policy.terms import EscalationStep, Stage, Terms
from app.domain.text import beginning
from app.domain.tokens import TokenKind, token_terms
from app.risk.assess import assess_proposal
from app.services.bundle import build_services
from app.services.notifications.deliveries import Deliveries, DeliveryFilter
from app.services.notifications.planner import CHANGES
from app.services.notifications.preferences import NotificationPreferences
from app.services.record.events import event_row, publish
from app.store.people import Person
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_absence, make_person, make_request, script
from tests.mailserver import MailServer
from tests.notify.conftest import BASE, PostOffice
from tests.services.desk import asked as asks

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
TWO_STAGES = Terms(
    name="two", stages=(Stage(name="DBA", teams=("dba",)), Stage(name="Security", teams=("security",))),
    deadline_seconds=4 * 3600, escalation=(EscalationStep(after_seconds=3600, words="1 hour", teams=("leads",)),),
)  # fmt: skip


def plain(mail: EmailMessage) -> str:
    """The text part."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def html(mail: EmailMessage) -> str:
    """The HTML part."""
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def actor(person: Person) -> Actor:
    """The person as somebody who acts from a page."""
    return person.as_actor(Via.PAGE)


@pytest.fixture
def people(office: PostOffice) -> dict[str, Person]:
    """Two of each team, a lead, somebody who looks, and somebody who starts runs."""
    sessions = office.desk.sessions
    teams = {"dba": "dba", "dba2": "dba", "security": "security", "lead": "leads"}
    made = {name: make_person(sessions, f"The {name}", [Role.REVIEWER], [team]) for name, team in teams.items()}
    made["viewer"] = make_person(sessions, "The viewer", [Role.VIEWER], ["dba"])
    made["starter"] = make_person(sessions, "The starter", [Role.REVIEWER], ["dba"])
    return made


@pytest.fixture
def opened(office: PostOffice, people: dict[str, Person]) -> Callable[..., Any]:
    """Opens a request under the terms of two stages, as a run would."""

    def open_one(**values: Any) -> Any:
        terms = values.pop("terms", TWO_STAGES)
        desk = office.desk
        request = make_request(desk.sessions, requester=people["starter"], terms=terms, **values)
        with desk.sessions.begin() as session:
            publish(session, event_row(EventKind.REQUEST_OPENED, desk.clock(), request_id=request.id))
        return request

    return open_one


def told(office: PostOffice, mail: MailServer) -> set[str]:
    """Names of those who have got a mail since the last look."""
    office.work()
    names = {mail["To"].addresses[0].display_name for mail in mail.mails}
    mail.mails.clear()
    return names


def test_those_are_told_who_may_decide_the_stage_that_is_asked(office, mail, people, opened) -> None:
    request = opened()
    assert told(office, mail) == {"The dba", "The dba2"}, "not the viewer, not the starter, not other teams"
    office.desk.decide(request, actor(people["dba"]))
    assert told(office, mail) == {"The security"}
    office.desk.decide(office.desk.fresh(request), actor(people["security"]), comment="Seen.")
    assert told(office, mail) == {"The starter"}, "the others hear of it in their digest"
    settled = {delivery.person_id: delivery.state for delivery in office.of(request) if delivery.kind == "settled"}
    assert settled == {people["dba2"].id: "held"}


def test_a_message_says_that_lessons_have_changed_the_proposal(office, mail, people, opened) -> None:
    stated = [{"lesson": "a", "path": "/content", "before": "x", "after": "y"}]
    opened(payload=script() | {"summary": "Because.", "lessons": stated})
    office.work()
    words = plain(mail.to(people["dba"])[0])
    assert "1 value changed as people have corrected it before." in words and "Because." in words
    mail.mails.clear()
    opened()
    office.work()
    assert "corrected it before" not in plain(mail.to(people["dba"])[0])


def test_a_message_counts_what_the_agent_reports_and_attaches(office, mail, people, opened) -> None:
    found = [{"level": level, "words": f"Found {level}."} for level in ("error", "warning", "warning")]
    attached = [{"title": "Analysis", "content": "All of it."}]
    opened(payload=script() | {"summary": "Because.", "findings": found, "attachments": attached})
    office.work()
    words = " ".join(plain(mail.to(people["dba"])[0]).split())
    assert "The agent reports 1 error, 2 warnings and attaches 1 text." in words and "Because." in words
    assert "Found error" not in words and "All of it" not in words
    assert "shows only part of the proposal" in words


def test_delegates_are_told_in_the_place_of_the_absent(office, mail, people, opened) -> None:
    make_absence(office.desk.sessions, people["dba"], people["lead"])
    make_absence(office.desk.sessions, people["dba2"], None)
    request = opened()
    office.work()
    assert [message["Subject"] for message in mail.to(people["lead"])] == ["Medium risk: Delete paid orders"]
    assert "on behalf of The dba" in plain(mail.to(people["lead"])[0])
    assert not mail.to(people["dba"])
    assert mail.to(people["dba2"]), "nobody else would be told in their place"
    office.desk.decide(request, actor(people["lead"]))
    assert office.desk.decisions(request)[0].on_behalf_of_id == people["dba"].id


def test_an_escalation_tells_whom_it_added_and_a_warning_those_who_are_asked(office, mail, people, opened) -> None:
    request = opened()
    told(office, mail)
    office.desk.checkpoints.escalate(request.id, actor(people["dba"]), "It is urgent.")
    office.work()
    assert [mail["To"].addresses[0].display_name for mail in mail.mails] == ["The lead"]
    assert "This has been escalated.\n\nThe dba: It is urgent." in plain(mail.mails[0])
    mail.mails.clear()
    office.desk.checkpoints.assign(request.id, actor(people["dba"]), people["dba2"].id)
    assert told(office, mail) == {"The dba2"}


def test_time_warns_and_expires(office: PostOffice, mail: MailServer) -> None:
    desk, person, starter = office.desk, office.desk.person("Reviewer"), office.desk.person("Starter")
    request = desk.open(requester=starter)
    assert told(office, mail) == {"Reviewer"}
    desk.clock.ahead = (request.due_at or request.expires_at) - request.opened_at
    assert desk.keep(request) == 1
    office.work()
    assert [mail["To"].addresses[0].addr_spec for mail in mail.mails] == [person.email]
    assert plain(mail.mails[0]).startswith("The deadline is approaching.")
    mail.mails.clear()
    desk.clock.ahead = request.expires_at - request.opened_at
    desk.keep(request)
    office.work()
    [outcome] = mail.to(starter)
    assert "What you asked for is expired.\n\nExpired without a decision" in plain(outcome)


def test_somebody_who_may_not_see_it_any_more_or_has_decided_gets_nothing(office, mail, people, opened) -> None:
    first, second, third = opened(), opened(), opened()
    office.plan()
    office.desk.decide(first, actor(people["dba"]))
    with office.desk.sessions.begin() as session:
        session.execute(update(Person).where(Person.id == people["dba2"].id).values(active=False))
    office.desk.checkpoints.cancel(third.id, actor(people["dba"]), "No longer needed.")
    office.work()
    reasons = {
        (delivery.request_id, delivery.person_id): delivery.reason
        for delivery in office.of()
        if delivery.state == "suppressed"
    }
    assert "can no longer decide it: You have decided" in reasons[first.id, people["dba"].id]
    assert reasons[second.id, people["dba2"].id] == "The account is no longer active."
    assert reasons[third.id, people["dba"].id] == "The request is now canceled."
    assert {mail["To"].addresses[0].addr_spec for mail in mail.mails} == {
        people["dba"].email, people["security"].email, people["starter"].email
    }  # fmt: skip


def test_planning_twice_tells_once(office, mail, people, opened) -> None:
    request = opened()
    first = office.plan()
    [event] = {delivery.event_id for delivery in office.of(request)}
    assert len(first) == 2 and office.post.planning.plan([event]) == []
    office.work()
    assert len(mail.mails) == 2 and office.waiting() == 0


def test_what_is_chosen_holds(office, mail, people, opened) -> None:
    choosing = NotificationPreferences(office.desk.sessions, office.desk.clock)
    off = Choice(Way.OFF, RiskLevel.SAFE, Way.OFF)
    choosing.choose(actor(people["dba"]), Choices(dict(DEFAULT) | {NoticeKind.ASKED: off}))
    high = Choice(Way.MAIL, RiskLevel.HIGH, Way.DIGEST)
    choosing.choose(actor(people["dba2"]), Choices(dict(DEFAULT) | {NoticeKind.ASKED: high}, Rhythm.HOURLY))
    opened(risk=RiskLevel.MEDIUM)
    assert told(office, mail) == set()
    opened(risk=RiskLevel.HIGH)
    assert told(office, mail) == {"The dba2"}
    states = {
        (delivery.person_id, delivery.state, delivery.reason)
        for delivery in office.of()
        if delivery.person_id == people["dba"].id
    }
    assert states == {(people["dba"].id, "suppressed", "They have turned this notification off.")}


def test_a_digest_tells_together_what_still_matters(office, mail, people, opened) -> None:
    digest = Choice(Way.DIGEST, RiskLevel.SAFE, Way.DIGEST)
    chosen = Choices(dict(DEFAULT) | {NoticeKind.ASKED: digest}, Rhythm.HOURLY)
    NotificationPreferences(office.desk.sessions, office.desk.clock).choose(actor(people["dba"]), chosen)
    opened(), opened(assessment=assess_proposal(script("ls docs") | {"language": "shell"}).to_json())
    gone = opened()
    office.work()
    assert not mail.to(people["dba"])
    office.desk.checkpoints.cancel(gone.id, actor(people["dba2"]), "")
    office.later(hours=1)
    office.work()
    [digest_mail] = mail.to(people["dba"])
    assert digest_mail["Subject"] == "Assent: 2 updates in your notification roundup"
    assert plain(digest_mail).count("Your decision is needed.") == 2 and gone.id not in plain(digest_mail)
    shown = html(digest_mail).partition("<body>")[2]
    assert shown.count("in your notification roundup") == 1 and "Open the queue" in shown
    assert f"Open the queue: {BASE}/queue" in plain(digest_mail)
    for text in (plain(digest_mail), html(digest_mail)):
        assert text.count(" risk, not understood") == 1
    own = [delivery for delivery in office.of() if delivery.person_id == people["dba"].id and delivery.kind == "asked"]
    assert sorted(delivery.state for delivery in own) == ["sent", "sent", "suppressed"]
    office.later(hours=1)
    office.work()
    assert len(mail.to(people["dba"])) == 1, "nothing is told a second time"


def test_a_digest_says_each_thing_about_a_request_once(office, mail, people, opened) -> None:
    later = {kind: Choice(Way.DIGEST, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT}
    NotificationPreferences(office.desk.sessions, office.desk.clock).choose(
        actor(people["dba"]), Choices(later, Rhythm.HOURLY)
    )
    request = opened()
    with office.desk.sessions.begin() as session:
        event = event_row(EventKind.REQUEST_CHANGED, office.desk.clock(), request_id=request.id, what="warned")
        publish(session, event)
    office.work()
    assert sorted(row.kind for row in office.of(request) if row.person_id == people["dba"].id) == ["asked", "expiring"]
    office.later(hours=1)
    office.work()
    [digest_mail] = mail.to(people["dba"])
    assert digest_mail["Subject"] == "Assent: 1 update in your notification roundup"
    assert plain(digest_mail).count(f"/requests/{request.id}") == 1
    assert "The deadline is approaching." in plain(digest_mail) and "Your decision is needed" not in plain(digest_mail)


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("abcdef", 3, "abc"),
        ("ab", 3, "ab"),
        ("ok \U0001f469\u200d\U0001f4bb x", 4, "ok "),
        ("ok \U0001f469\u200d\U0001f4bb x", 5, "ok "),
        ("ok \U0001f469\u200d\U0001f4bb x", 6, "ok \U0001f469\u200d\U0001f4bb"),
        ("e\u0301tude", 1, ""),
        ("e" + "\u0301" * 40, 30, "e" + "\u0301" * 29),
        ("ok \U0001f44d\U0001f3fd!", 4, "ok "),
    ],
)
def test_a_text_that_is_cut_ends_with_a_whole_character(text: str, length: int, shown: str) -> None:
    assert beginning(text, length) == shown


def test_quiet_hours_hold_everything_but_escalations(office, mail, people, opened) -> None:
    now = office.desk.clock().astimezone(UTC)
    quiet = ((now - timedelta(hours=1)).time().replace(microsecond=0), (now + timedelta(hours=2)).time())
    quiet = (quiet[0], quiet[1].replace(second=0, microsecond=0))
    choosing = NotificationPreferences(office.desk.sessions, office.desk.clock)
    for name in ("dba", "dba2", "lead"):
        choosing.choose(actor(people[name]), Choices(quiet=quiet))
    request = opened()
    assert told(office, mail) == set()
    assert {delivery.state for delivery in office.of(request)} == {"held"}
    office.desk.checkpoints.escalate(request.id, actor(people["dba"]), "It is urgent.")
    assert told(office, mail) == {"The lead"}
    office.later(hours=2)
    assert told(office, mail) == {"The dba", "The dba2"}


@pytest.mark.parametrize(("expires_in", "held"), [(timedelta(minutes=50), False), (timedelta(hours=30), True)])
@pytest.mark.parametrize("hold", ["quiet hours", "roundup"])
def test_what_would_expire_before_the_hold_ends_breaks_through(
    office, mail, people, opened, hold: str, expires_in: timedelta, held: bool
) -> None:  # fmt: skip
    now = office.desk.clock().astimezone(UTC)
    ends = now.replace(minute=0, second=0) + timedelta(hours=2)
    quiet = ((now - timedelta(hours=1)).time().replace(second=0, microsecond=0), ends.time().replace(microsecond=0))
    roundup = dict(DEFAULT) | {kind: Choice(Way.DIGEST, RiskLevel.SAFE, Way.DIGEST) for kind in (NoticeKind.ASKED,)}
    chosen = Choices(quiet=quiet) if hold == "quiet hours" else Choices(roundup, digest_at=ends.time())
    NotificationPreferences(office.desk.sessions, office.desk.clock).choose(actor(people["dba"]), chosen)
    request = opened(expires_in=expires_in)
    assert ("The dba" in told(office, mail)) != held
    states = {delivery.state for delivery in office.of(request) if delivery.person_id == people["dba"].id}
    assert states == {"held" if held else "sent"}


def test_secrets_and_deceiving_characters_do_not_leave(office, mail, people) -> None:
    desk = office.desk
    title = f"Count \u202eorders\r\nBcc: all@example.org {TOKEN}"
    payload = script(f"select 1; -- {TOKEN}\n-- \u202edelete\u202c", title)
    desk.suspend(desk.run(actor(people["starter"])), asks(payload))
    office.work()
    assert mail.mails
    for message in mail.mails:
        whole = message.as_string() + plain(message) + html(message)
        assert TOKEN not in whole and "\u202e" not in whole
        assert message["Bcc"] is None and "\n" not in message["Subject"]
        assert "⟨U+202E⟩" in message["Subject"] and "⟨U+202E⟩" in plain(message) and "⟨U+202E⟩" in html(message)


def test_a_mail_is_what_mail_programs_expect(office, mail, people, opened) -> None:
    request = opened(payload=script("x" * 500, "T" * 300))
    office.work()
    office.desk.decide(request, actor(people["dba"]), Verdict.REJECT, comment="No.")
    office.work()
    first, last = mail.to(people["dba2"])[0], mail.to(people["starter"])[-1]
    assert first["Subject"].startswith("Medium risk: TTT") and len(first["Subject"]) <= 110
    assert last["Subject"] == f"Re: {first['Subject']}", "some programs put only mails with one subject together"
    assert first["References"] == last["References"] == f"<request.{request.id}@assent.example>"
    assert first["Message-ID"] != last["Message-ID"]
    assert first["List-Unsubscribe"] == "<https://assent.example/profile/notifications>"
    assert first["Auto-Submitted"] == "auto-generated"
    for message in (first, last):
        page = html(message)
        assert "prefers-color-scheme: dark" in page and "width=device-width" in page
        assert "<img" not in page and "<script" not in page and "src=" not in page and "url(" not in page
    assert "/decide/" in plain(first) and "/decide/" in html(first)
    assert "/decide/" not in plain(last), "there is nothing left to decide"
    assert "What you asked for is rejected, by The dba" in plain(last) and "No." in plain(last)


def test_admins_see_what_became_of_it_and_send_it_again(office, mail, people, opened) -> None:
    mail.refused[people["dba"].email] = "550 no such mailbox"
    request = opened()
    office.work()
    admin = make_person(office.desk.sessions, "Admin", [Role.ADMIN]).as_actor(Via.PAGE)
    deliveries = Deliveries(office.desk.sessions, office.desk.clock)
    found = deliveries.page(admin, DeliveryFilter(text="THE DBA", request_id=request.id)).rows
    [failed] = [delivery for delivery in found if delivery.name == "The dba"]
    assert failed.delivery.state == "failed" and "550 no such mailbox" in failed.delivery.reason
    mail.refused.clear()
    deliveries.again(admin, failed.delivery.id)
    office.work()
    assert [delivery.state for delivery in office.of(request)] == ["sent", "sent"]
    with pytest.raises(Exception, match="Only deliveries that failed"):
        deliveries.again(admin, failed.delivery.id)


# Pure


@pytest.mark.parametrize(
    ("now", "quiet", "until"),
    [
        ("2026-11-26T21:30", ("22:00", "07:00"), None),
        ("2026-11-26T22:00", ("22:00", "07:00"), "2026-11-27T07:00"),
        ("2026-11-27T03:00", ("22:00", "07:00"), "2026-11-27T07:00"),
        ("2026-11-27T07:00", ("22:00", "07:00"), None),
        ("2026-11-27T12:30", ("12:00", "13:00"), "2026-11-27T13:00"),
        ("2026-03-28T23:30", ("22:00", "07:00"), "2026-03-29T07:00"),
    ],
)
def test_quiet_hours_are_those_of_the_person(now: str, quiet: tuple[str, str], until: str | None) -> None:
    zone = ZoneInfo("Europe/Berlin")
    choices = Choices(quiet=(time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1])))
    at = datetime.fromisoformat(now).replace(tzinfo=zone)
    expected = datetime.fromisoformat(until).replace(tzinfo=zone) if until else None
    assert choices.quiet_until(at.astimezone(UTC), zone) == expected


def test_a_digest_is_due_at_the_chosen_time_and_not_in_quiet_hours() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    now = datetime(2026, 11, 26, 20, 15, tzinfo=zone)
    daily = Choices(digest_at=time(8), quiet=(time(22), time(9)))
    assert daily.next_digest(now, zone) == datetime(2026, 11, 27, 9, 0, tzinfo=zone)
    assert Choices(digest_at=time(21)).next_digest(now, zone) == datetime(2026, 11, 26, 21, 0, tzinfo=zone)
    assert Choices(rhythm=Rhythm.HOURLY).next_digest(now, zone) == datetime(2026, 11, 26, 21, 0, tzinfo=zone)
    stored = Choices.from_json(daily.to_json())
    assert stored == daily


# Together with what caused it


def test_a_change_and_its_telling_commit_together(outbox: PostOffice) -> None:
    desk = outbox.desk
    request = make_request(desk.sessions, terms=TWO_STAGES)
    with pytest.raises(RuntimeError), desk.sessions.begin() as session:
        publish(session, event_row(EventKind.REQUEST_OPENED, desk.clock(), request_id=request.id))
        session.flush()
        raise RuntimeError("the transaction fails")
    assert outbox.waiting() == 0
    request, person = desk.open(), desk.person()
    assert outbox.waiting() == 1, "the event that opened it"
    outbox.work()
    assert outbox.waiting() == 0
    desk.decide(request, person)
    assert outbox.waiting() == 1, "the event that settled it"
    assert desk.jobs(request.run_id) == 1


def test_only_what_concerns_people_leaves_a_job(outbox: PostOffice) -> None:
    desk = outbox.desk
    request = make_request(desk.sessions)
    silent: list[dict[str, Any]] = [
        {"kind": EventKind.REQUEST_CHANGED, "what": "claimed"}, {"kind": EventKind.REQUEST_COMMENT},
        {"kind": EventKind.REQUEST_RECEIPT, "status": "delivered"}, {"kind": EventKind.RUN_CHANGED, "state": "queued"},
    ]  # fmt: skip
    for values in silent:
        with desk.sessions.begin() as session:
            kind = values.pop("kind")
            publish(session, event_row(kind, desk.clock(), request_id=request.id, **values))
    assert outbox.waiting() == 0
    for what in CHANGES:
        with desk.sessions.begin() as session:
            publish(session, event_row(EventKind.REQUEST_CHANGED, desk.clock(), request_id=request.id, what=what))
    assert outbox.waiting() == len(CHANGES), "the trigger knows the words of the planning"


def test_somebody_who_gets_a_token_or_an_absence_from_others_is_told(office: PostOffice, mail: MailServer) -> None:
    sessions, services = office.desk.sessions, build_services(office.desk.engine, office.desk.clock)
    admin = make_person(sessions, "Platform lead", [Role.ADMIN, Role.REVIEWER])
    person = make_person(sessions, "DBA on call")
    now = office.desk.clock()
    absence = services.absences.add(actor(admin), person.id, admin.id, now, now + timedelta(days=1))
    terms = token_terms(TokenKind.AGENT, "CI", ["approvals:request"], 7)
    services.tokens.make(actor(admin), terms, person.id)
    _token, declined = services.tokens.make(actor(admin), terms, person.id)
    services.confirmations.decline_token(actor(person), declined.id)
    office.work()
    sent = {str(mail["Subject"]): mail for mail in mail.mails if person.email in str(mail["To"])}
    assert set(sent) == {
        "Assent: Platform lead added an absence for you",
        "Assent: Platform lead created an agent token you are responsible for",
    }
    about = plain(sent["Assent: Platform lead added an absence for you"])
    assert "Platform lead would decide on your behalf" in about and "no effect until you confirm it" in about
    assert "https://assent.example/absences" in about
    about = html(sent["Assent: Platform lead created an agent token you are responsible for"])
    assert "“CI”" in about and "https://assent.example/profile/tokens" in about
    states = {delivery.key.split(":")[2]: delivery.state for delivery in office.of() if delivery.kind == "account"}
    assert (states[absence.id], states[declined.id]) == ("sent", "suppressed")


@pytest.mark.parametrize(("content", "clear"), [("./deploy.sh", False), ("ls docs", True)])
def test_a_mail_says_what_was_not_understood(
    office: PostOffice,
    mail: MailServer,
    people: dict[str, Person],
    opened: Callable[..., Any],
    content: str,
    clear: bool,
) -> None:
    payload = script(content, "Deploy") | {"language": "shell"}
    opened(payload=payload, risk=RiskLevel.HIGH, assessment=assess_proposal(payload).to_json())
    office.work()
    [message] = mail.to(people["dba"])
    for text in (plain(message), " ".join(html(message).replace("<b>", "").replace("</b>", "").split())):
        assert ("Not understood: not everything that would run" in text) == (not clear)
        assert (", not understood: " in text) == (not clear)
        assert ("High risk, not understood" in text) == (not clear)
