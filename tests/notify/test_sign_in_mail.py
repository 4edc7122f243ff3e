"""A person asks for a sign-in link: what the mail server gets, and what nobody learns."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.domain.errors import LinkError
from app.domain.people import Role, Via
from app.services.notifications import sign_in_mail
from app.services.notifications.deliveries import Deliveries
from app.services.notifications.sign_in_mail import SignInMail
from app.services.people.accounts import People
from app.store.people import SignInLink
from app.store.record import AuditEntry
from tests.factories import make_person
from tests.mailserver import MailServer
from tests.notify.conftest import BASE, PostOffice, make_office

LINK = re.compile(re.escape(BASE) + r"/sign-in/([\w-]+)")


def ask(office: PostOffice, email: str, source: str = "192.0.2.1") -> int:
    """Somebody asks, and a worker does what is to do."""
    wait = SignInMail(office.desk.sessions, office.desk.clock).ask(email, source)
    answer(office)
    return wait


def answer(office: PostOffice) -> None:
    """What a worker does."""
    for job_id, args in asked(office):
        office.post.sign_in(args, job_id)
    office.work()


def asked(office: PostOffice) -> list[Any]:
    """The jobs that nobody has done."""
    with office.desk.sessions() as session:
        return list(session.execute(text("select id, args from procrastinate_jobs where task_name = 'notify.sign_in'")))


def link_in(mail: Any) -> str:
    """The token in an email; both parts have the same one."""
    found = {LINK.search(mail.get_body((kind,)).get_content())[1] for kind in ("plain", "html")}  # type: ignore[index]
    assert len(found) == 1
    return found.pop()


def test_the_link_arrives_works_once_and_not_for_long(office: PostOffice, mail: MailServer) -> None:
    person, people = make_person(office.desk.sessions, "Link asker"), People(office.desk.sessions, office.desk.clock)
    assert ask(office, f"  {person.email.upper()} ") == 0
    [sent] = mail.to(person)
    assert sent["Subject"] == "Assent: Your sign-in link"
    token = link_in(sent)
    assert "works once" in sent.get_body(("plain",)).get_content()
    with office.desk.sessions() as session:
        [stored] = session.scalars(select(SignInLink).where(SignInLink.person_id == person.id))
        assert token != stored.token_hash and not stored.makers, "their own link; only its hash is stored"
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.link_asked")).all()
    assert [(entry.actor_kind, entry.source, entry.detail["person_id"]) for entry in entries] == [
        ("unknown", "192.0.2.1", person.id)
    ]
    assert people.redeem_link(token, "192.0.2.1").person.id == person.id
    with pytest.raises(LinkError, match="already been used"):
        people.redeem_link(token, "192.0.2.1")
    ask(office, person.email)
    late = link_in(mail.to(person)[-1])
    assert late != token
    office.later(minutes=16)
    with pytest.raises(LinkError, match="expired"):
        people.redeem_link(late, "192.0.2.1")
    assert office.waiting() == 0


def test_who_is_unknown_or_has_left_gets_nothing_and_leaves_nothing(office: PostOffice, mail: MailServer) -> None:
    admin = office.desk.person("Admin", [Role.ADMIN])
    left = make_person(office.desk.sessions, "Has left")
    People(office.desk.sessions, office.desk.clock).change(admin, left.id, "Has left", [Role.VIEWER], [], active=False)
    for email in (left.email, "nobody@example.org", "x\x00@example.org", "a%@example.org"):
        assert ask(office, email) == 0
    with office.desk.sessions() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "person.link_asked")).all() == []
    assert mail.mails == [] and office.waiting() == 0 and office.of() == []


def test_the_web_process_does_the_same_for_every_address(office: PostOffice) -> None:
    """One statement that reads no account, so that neither the answer nor its time tells whether there is one."""
    person = make_person(office.desk.sessions, "Known")
    statements: list[list[str]] = []
    real = office.desk.sessions.together
    for email in (person.email, "unknown@example.org"):
        statements.append([])
        office.desk.sessions.together = lambda given: (  # type: ignore[method-assign]
            statements[-1].extend(statement.text for statement in given),
            real(given),
        )[1]
        assert SignInMail(office.desk.sessions, office.desk.clock).ask(email, "192.0.2.9") == 0
    office.desk.sessions.together = real  # type: ignore[method-assign]
    assert statements[0] == statements[1] and len(statements[0]) == 1 and "people" not in statements[0][0]
    assert [set(args) for _id, args in asked(office)] == [{"email", "source", "asked_at"}] * 2


def test_asking_is_limited_by_account_and_by_network_address(
    office: PostOffice, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make_person(office.desk.sessions, "Asked for by many")
    for number in range(sign_in_mail.BY_ACCOUNT + 2):
        assert ask(office, person.email, f"198.51.100.{number}") == 0, "the answer does not say so"
    assert len(mail.to(person)) == sign_in_mail.BY_ACCOUNT
    waits = [ask(office, f"person{number}@example.org", "203.0.113.5") for number in range(sign_in_mail.BY_ADDRESS + 1)]
    assert waits[:-1] == [0] * sign_in_mail.BY_ADDRESS and 0 < waits[-1] <= 60 * sign_in_mail.WINDOW_MINUTES
    assert ask(office, "person@example.org", "203.0.113.6") == 0, "others can go on"
    with office.desk.sessions.begin() as session:
        session.execute(text("update rate_windows set began_at = began_at - interval '16 minutes'"))
    assert ask(office, person.email, "203.0.113.5") == 0
    assert len(mail.to(person)) == sign_in_mail.BY_ACCOUNT + 1
    monkeypatch.setattr(sign_in_mail, "MOST_AN_HOUR", sign_in_mail.BY_ACCOUNT + 1)
    with office.desk.sessions.begin() as session:
        session.execute(text("delete from rate_windows"))
    ask(office, person.email)
    assert len(mail.to(person)) == sign_in_mail.BY_ACCOUNT + 1


def test_a_retried_email_has_the_same_link_and_a_late_one_is_not_sent(office: PostOffice, mail: MailServer) -> None:
    person = make_person(office.desk.sessions, "Patient")
    mail.answers = ["451 later"]
    ask(office, person.email)
    office.later(seconds=30)
    office.work()
    [sent] = mail.to(person)
    mail.answers = ["451 later"]
    ask(office, person.email)
    office.later(minutes=20)
    office.work()
    assert len(mail.to(person)) == 1 and office.of()[-1].state == "suppressed"
    assert "too long ago" in office.of()[-1].reason
    SignInMail(office.desk.sessions, office.desk.clock).ask(person.email, "")
    office.later(minutes=20)
    answer(office)
    assert len(mail.to(person)) == 1 and office.waiting() == 0, "no worker ran for a while"
    assert link_in(sent)


@pytest.mark.parametrize("demo", [True, False])
def test_only_a_demo_keeps_the_link_in_the_outbox(database_url: str, demo: bool) -> None:
    office = make_office(database_url, demo=demo)
    person = make_person(office.desk.sessions, "No mailbox")
    ask(office, person.email)
    admin = make_person(office.desk.sessions, "Admin", [Role.ADMIN]).as_actor(Via.PAGE)
    [kept] = office.of()
    shown = Deliveries(office.desk.sessions, office.desk.clock, demo).get(admin, kept.id).delivery
    people = People(office.desk.sessions, office.desk.clock)
    for message in (kept.text, kept.html, shown.text, shown.html):
        found = LINK.search(message or "")
        assert found is not None
        if demo:
            assert people.preview_link(found[1]).person_name == "No mailbox"
        else:
            assert found[1] == "link-left-out"
    assert kept.link_expires_at - kept.created_at == timedelta(minutes=15)
    office.desk.engine.dispose()
