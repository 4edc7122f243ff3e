"""A mail server that is down, slow, busy or says no: nothing is lost, and nothing is sent twice."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select, update

from app.domain.errors import ForbiddenError
from app.domain.events import EventKind
from app.domain.notices import KEPT_TRYING, NoticeKind, next_try
from app.domain.people import Role, Via
from app.services.notifications.deliveries import DeliveryFilter
from app.settings import Settings
from app.store.people import Person
from app.store.requests import ApprovalRequest
from tests.factories import add_event, make_person, make_request
from tests.mailserver import MailServer
from tests.notify.conftest import PostOffice, make_office
from tests.slackserver import TOKEN, SlackServer, words


def ask(office: PostOffice, people: int) -> list[Person]:
    """A request that asks so many people."""
    made = [make_person(office.desk.sessions, f"Reviewer {number}", [Role.REVIEWER]) for number in range(people)]
    request = make_request(office.desk.sessions, expires_in=timedelta(days=3))
    with office.desk.sessions.begin() as session:
        add_event(session, EventKind.REQUEST_OPENED, request_id=request.id)
    return made


def pass_time(office: PostOffice, **span: float) -> None:
    """Let time go by in short steps, with all work done that falls due."""
    until = office.desk.clock.ahead + timedelta(**span)
    while office.desk.clock.ahead < until:
        office.work()
        office.later(seconds=40)
    office.work()


def test_down_for_an_hour(office: PostOffice, mail: MailServer) -> None:
    people = ask(office, 4)
    mail.stop()
    pass_time(office, hours=1)
    rows = office.of()
    assert {row.state for row in rows} == {"pending"} and mail.mails == []
    assert all("cannot be reached" in row.reason and 6 <= row.attempts <= 12 for row in rows)
    assert office.waiting() == len(people), "each has one job that waits for its time"
    mail.start()
    pass_time(office, minutes=20)
    assert [len(mail.to(person)) for person in people] == [1] * 4
    assert {delivery.state for delivery in office.of()} == {"sent"} and office.waiting() == 0
    pass_time(office, hours=1)
    assert len(mail.mails) == 4, "nothing comes twice"


def test_down_for_a_day_is_given_up_and_can_be_sent_again(office: PostOffice, mail: MailServer) -> None:
    [person] = ask(office, 1)
    mail.stop()
    for _ in range(30):
        office.work()
        office.later(hours=1)
    [row] = office.of()
    assert row.state == "failed" and office.waiting() == 0
    mail.start()
    admin = office.desk.person("Admin", [Role.ADMIN])
    office.post.deliveries.again(admin, row.id)
    office.work()
    assert len(mail.to(person)) == 1


def test_a_slow_server_gets_each_mail_once(office: PostOffice, mail: MailServer) -> None:
    """Slower than usual, and faster than the time-out."""
    answered = threading.Event()
    mail.on_data = lambda: (answered.wait(1), None)[1]
    people = ask(office, 2)
    office.work()
    assert [len(mail.to(person)) for person in people] == [1, 1]
    assert {delivery.attempts for delivery in office.of()} == {1}


def test_a_server_that_does_not_answer_in_time_is_tried_again(database_url: str, mail: MailServer) -> None:
    office = make_office(database_url, mail, smtp_timeout_seconds=1)
    release = threading.Event()
    mail.on_data = lambda: (release.wait(2), None)[1]
    [person] = ask(office, 1)
    office.work()
    [row] = office.of()
    assert row.state == "pending" and "did not answer" in row.reason
    mail.on_data = lambda: None
    release.set()
    pass_time(office, minutes=1)
    ids = {message["Message-ID"] for message in mail.to(person)}
    assert len(ids) == 1, "a yes that came too late is the window in which a mail comes twice, with the same id"
    office.desk.engine.dispose()


@pytest.mark.parametrize("answer", ["421 closing", "450 mailbox busy", "451 greylisted", "452 no room"])
def test_temporary_refusals_are_tried_again(office: PostOffice, mail: MailServer, answer: str) -> None:
    mail.answers = [answer, answer]
    [person] = ask(office, 1)
    pass_time(office, minutes=2)
    [row] = office.of()
    assert (row.state, row.attempts, row.reason) == ("sent", 3, "") and len(mail.to(person)) == 1


def test_a_server_that_names_a_time_is_left_alone_until_then(office: PostOffice, mail: MailServer) -> None:
    mail.answers = ["450 too many mails, try again in 600 seconds"]
    [person] = ask(office, 1)
    pass_time(office, minutes=9)
    assert office.of()[0].attempts == 1
    pass_time(office, minutes=2)
    assert len(mail.to(person)) == 1


@pytest.mark.parametrize("answer", ["550 no such mailbox", "554 we take no mail from you"])
def test_permanent_refusals_concern_one_mail_only(office: PostOffice, mail: MailServer, answer: str) -> None:
    people = ask(office, 3)
    mail.refused[people[1].email] = answer
    pass_time(office, minutes=5)
    assert [len(mail.to(person)) for person in people] == [1, 0, 1]
    rows = {delivery.person_id: delivery for delivery in office.of()}
    refused = rows[people[1].id]
    assert (refused.state, refused.attempts) == ("failed", 1) and answer in refused.reason
    assert office.waiting() == 0


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("sender", "550 sender rejected"),
        ("sender", "553 5.7.1 not owned by this account"),
        ("receiver", "550 5.7.1 relaying denied"),
        ("receiver", "554 5.1.8 the domain of the sender does not exist"),
        ("mail", "550 5.4.5 daily sending quota exceeded"),
        ("mail", "554 5.7.26 not authenticated"),
    ],
)
def test_an_answer_about_us_loses_no_mail(
    office: PostOffice, mail: MailServer, stage: str, answer: str
) -> None:  # fmt: skip
    people = ask(office, 2)
    if stage == "sender":
        mail.refused_sender = answer
    elif stage == "receiver":
        mail.refused = {person.email: answer for person in people}
    else:
        mail.answers = [answer] * 2
    office.work()
    assert {row.state for row in office.of()} == {"pending"} and all(answer in row.reason for row in office.of())
    mail.refused_sender, mail.refused, mail.answers = "", {}, []
    office.later(minutes=1)
    office.work()
    assert [len(mail.to(person)) for person in people] == [1, 1] and {row.state for row in office.of()} == {"sent"}


def test_an_answer_about_the_mail_itself_is_final_also_when_it_comes_early(
    office: PostOffice, mail: MailServer
) -> None:
    ask(office, 1)
    mail.refused_sender = "552 5.3.4 the message is too big"
    office.work()
    assert [row.state for row in office.of()] == ["failed"]


@pytest.mark.usefixtures("still")
def test_admins_learn_of_refused_mail_by_slack_and_send_all_again(database_url: str, mail: MailServer) -> None:
    slack = SlackServer()
    slack.start()
    office = make_office(database_url, mail, slack_bot_token=TOKEN, slack_api_url=slack.url)
    admin = make_person(office.desk.sessions, "Portal admin", [Role.ADMIN])
    user = slack.add(admin.email)
    mail.refused_sender = "550 5.7.1 sender rejected"
    people = ask(office, 3)
    office.work()
    [message] = slack.to(user)
    assert "The mail server refuses the emails of Assent" in words(message)
    assert "550 5.7.1 sender rejected" in words(message) and "https://assent.example/deliveries" in words(message)
    pass_time(office, minutes=5)
    assert len(slack.to(user)) == 1, "once a day, not for every mail"
    mail.refused_sender = ""
    deliveries = office.post.deliveries
    number, reason = deliveries.unsent(admin.as_actor(Via.PAGE))
    assert number >= 3 and "sender rejected" in reason
    assert deliveries.all_again(admin.as_actor(Via.PAGE), DeliveryFilter(kind=NoticeKind.ASKED)) >= 3
    office.work()
    assert [len(mail.to(person)) for person in people] == [1] * 3
    assert deliveries.all_again(admin.as_actor(Via.PAGE), DeliveryFilter()) == 0
    assert deliveries.unsent(admin.as_actor(Via.PAGE)) == (0, "")
    slack.stop()
    office.desk.engine.dispose()


def test_failed_mails_are_sent_again_together(office: PostOffice, mail: MailServer) -> None:
    people = ask(office, 2)
    mail.refused = {person.email: "550 no such mailbox" for person in people}
    office.work()
    mail.refused = {}
    admin = office.desk.person("Admin", [Role.ADMIN])
    assert office.post.deliveries.all_again(admin, DeliveryFilter(text=people[0].email)) == 1
    assert office.post.deliveries.all_again(admin, DeliveryFilter()) == 1
    office.work()
    assert [len(mail.to(person)) for person in people] == [1, 1]
    with pytest.raises(ForbiddenError):
        office.post.deliveries.all_again(people[0].as_actor(Via.PAGE), DeliveryFilter())


def test_bounces_and_replies_go_where_the_settings_say(office: PostOffice, mail: MailServer) -> None:
    [person] = ask(office, 1)
    office.work()
    [first] = mail.to(person)
    assert first["Reply-To"] is None and mail.return_paths == ["assent@example.org"]
    assert all("Replies to this email are not read." in part for part in parts_of(first))
    office.reconfigure(mail_reply_to="Database team <dba@example.org>", mail_return_path="bounces@example.org")
    ask(office, 1)
    office.work()
    second = mail.to(person)[1]
    assert second["Reply-To"] == "Database team <dba@example.org>" and second["From"] == "Assent <assent@example.org>"
    assert set(mail.return_paths[1:]) == {"bounces@example.org"}
    assert all("A reply goes to dba@example.org and decides nothing." in part for part in parts_of(second))
    for wrong in ({"mail_return_path": "Bounces <b@example.org>"}, {"mail_reply_to": "nobody"}):
        with pytest.raises(ValueError, match="must be an email address"):
            Settings(**wrong)


def parts_of(mail: EmailMessage) -> list[str]:
    """The text and the HTML of a mail."""
    bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return [body.get_content() for body in bodies if body is not None]


def test_an_address_that_cannot_be_used_harms_nobody_else(office: PostOffice, mail: MailServer) -> None:
    people = ask(office, 3)
    bad = {people[0].id: "not an address", people[1].id: "a@example.org\nBcc: all@example.org"}
    with office.desk.sessions.begin() as session:
        for person_id, address in bad.items():
            session.execute(update(Person).where(Person.id == person_id).values(email=address))
    office.work()
    assert len(mail.mails) == 1 and mail.mails[0]["Bcc"] is None
    assert {delivery.state for delivery in office.of() if delivery.person_id in bad} == {"failed"}


def test_a_fault_of_ours_is_tried_again_and_shows(office: PostOffice, mail: MailServer) -> None:
    [person] = ask(office, 1)
    office.plan()
    with office.desk.sessions.begin() as session:
        request = session.scalars(select(ApprovalRequest)).one()
        terms, request.terms = request.terms, {"stages": "a shape that nobody wrote"}
    office.work()
    [row] = office.of()
    assert row.state == "pending" and row.reason == "Something went wrong on our side; see the log."
    with office.desk.sessions.begin() as session:
        session.scalars(select(ApprovalRequest)).one().terms = terms
    pass_time(office, minutes=1)
    assert len(mail.to(person)) == 1


def test_without_tls_no_password_is_sent_and_certificates_are_checked(office: PostOffice, mail: MailServer) -> None:
    with pytest.raises(ValueError, match="not sent without encryption"):
        Settings(mail_from="a@example.org", smtp_tls="none", smtp_host="h", smtp_user="u")
    made = make_office(office.desk.engine.url.render_as_string(hide_password=False).replace("+psycopg", ""), mail,
                       smtp_tls="starttls")  # fmt: skip
    ask(made, 1)
    made.work()
    assert mail.mails == [] and {delivery.state for delivery in made.of()} == {"pending"}, "the server offers no TLS"
    assert ssl.create_default_context().check_hostname
    made.desk.engine.dispose()


def test_pauses_grow_and_end() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    tries = [next_try(number, now, now, None, 0.0) for number in range(1, 9)]
    seconds = [(moment - now).total_seconds() for moment in tries if moment]
    assert seconds == [10, 30, 60, 120, 300, 600, 900, 900]
    assert next_try(1, now, now, timedelta(hours=2), 1.0) == now + timedelta(hours=2)
    assert next_try(50, now, now + KEPT_TRYING, None, 0.0) is None
