"""Webhooks, channels of teams and other places: what they are told, over real servers, and what becomes of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.domain.destinations import destination_terms
from app.domain.errors import ConflictError, ForbiddenError, InvalidInputError
from app.domain.events import EventKind
from app.domain.notices import WebhookCall
from app.domain.people import Actor, Role, Via
from app.domain.policy.terms import Stage, Terms
from app.notify.addresses import shown_address
from app.notify.webhook.sender import signatures
from app.services.notifications.deliveries import DeliveryFilter
from app.services.notifications.destinations import Destinations
from app.services.people.accounts import People
from app.services.record.events import event_row, publish
from app.services.vault.ring import KeyRing, SealError
from app.services.vault.values import Vault
from app.store.notify import Delivery, Destination
from app.store.record import AuditEntry
from assent.contracts import Verdict
from tests.factories import make_delivery, make_person, make_request, script
from tests.hookserver import HookServer
from tests.notify.conftest import SECRET_KEY, PostOffice, make_office
from tests.slackserver import TOKEN, SlackServer, buttons, words

LOOPBACK = ("127.0.0.0/8",)
A_SECRET = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """A receiver of webhooks."""
    server = HookServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A workspace."""
    server = SlackServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def office(database_url: str, slack: SlackServer) -> Iterator[PostOffice]:
    """A post office that may reach this machine."""
    made = make_office(
        database_url, allowed_networks=LOOPBACK, webhook_timeout_seconds=1, slack_bot_token=TOKEN,
        slack_api_url=slack.url, slack_timeout_seconds=1,
    )  # fmt: skip
    yield made
    with made.desk.sessions.begin() as session:
        session.execute(update(Destination).values(removed_at=made.desk.clock()))
    made.desk.engine.dispose()


@pytest.fixture
def places(office: PostOffice) -> Destinations:
    """Its destinations."""
    return Destinations(office.desk.sessions, office.desk.clock, Vault(KeyRing(SECRET_KEY)))


@pytest.fixture
def admin(office: PostOffice) -> Actor:
    """Who manages them."""
    return make_person(office.desk.sessions, "Portal admin", roles=[Role.ADMIN]).as_actor(Via.PAGE)


def add(
    office: PostOffice, admin: Actor, address: str, channel: str = "webhook", secret: str = "", **values: Any
) -> tuple[Destination, str]:
    """A destination, and its secret."""
    terms = destination_terms(channel, "Chat bot", address, **values)
    places = Destinations(office.desk.sessions, office.desk.clock, Vault(KeyRing(SECRET_KEY)))
    return places.add(admin, terms, shown_address(terms, office.settings.networks), secret)


def to(office: PostOffice, place: Destination) -> list[Delivery]:
    """Its deliveries, oldest first."""
    query = select(Delivery).where(Delivery.destination_id == place.id).order_by(Delivery.created_at, Delivery.event_id)
    with office.desk.sessions() as session:
        return list(session.scalars(query))


def state_of(office: PostOffice, place: Destination) -> Destination:
    """As it is now."""
    with office.desk.sessions() as session:
        return session.get_one(Destination, place.id)


def test_a_webhook_is_told_of_what_it_wants_signed_and_without_payloads(office, hooks, admin) -> None:
    place, secret = add(office, admin, hooks.url, topics=["request.opened", "request.resolved"])
    request = office.desk.open(script(f"export TOKEN={A_SECRET}", title=f"Set {A_SECRET}"))
    office.work()
    [call] = hooks.calls
    told = Webhook(secret).verify(call.body, call.headers)
    assert told["type"] == "request.opened" and told["data"]["request"]["id"] == request.id
    assert told["data"]["request"]["url"] == f"https://assent.example/requests/{request.id}"
    assert A_SECRET not in call.body.decode() and "export" not in call.body.decode()
    [delivery] = to(office, place)
    assert (delivery.state, delivery.subject, delivery.reference) == ("sent", "request.opened", "HTTP 204")
    assert call.headers["webhook-id"] == delivery.id and "key" not in delivery.address
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(call.body.replace(b"opened", b"closed"), call.headers)
    dba = office.desk.person("DBA on call")
    office.desk.decide(request, dba, Verdict.REJECT, comment="Not now.")
    office.work()
    assert [json.loads(call.body)["type"] for call in hooks.calls] == ["request.opened", "request.resolved"]
    assert json.loads(hooks.calls[1].body)["data"]["state"] == "rejected"


def test_every_kind_of_event_can_be_told(office, hooks, admin) -> None:
    place, _ = add(office, admin, hooks.url)
    with office.desk.sessions.begin() as session:
        publish(session, *(event_row(kind, office.desk.clock(), what="x", run_id=None) for kind in EventKind))
    office.work()
    assert {json.loads(call.body)["type"] for call in hooks.calls} == {kind.value for kind in EventKind}
    assert {delivery.state for delivery in to(office, place)} == {"sent"}


def test_without_webhooks_events_that_tell_nobody_leave_no_job(office) -> None:
    with office.desk.sessions.begin() as session:
        publish(session, event_row(EventKind.STEP_STARTED, office.desk.clock(), step="x"))
    assert office.waiting() == 0


def test_signatures_are_those_of_standard_webhooks() -> None:
    # The vector of the specification's reference libraries.
    call = WebhookCall(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", "x", "", ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), b'{"test": 2432232314}'
    )
    at = datetime.fromtimestamp(1614265330, UTC)
    assert signatures(call, at) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_and_the_former_one_sign_for_a_day(office, hooks, admin, places) -> None:
    place, former = add(office, admin, hooks.url, topics=["request.opened"])
    secret = places.rotate(admin, place.id)
    office.desk.open(script("a"))
    office.work()
    for key in (former, secret):
        Webhook(key).verify(hooks.calls[-1].body, hooks.calls[-1].headers)
    office.later(hours=24, minutes=1)
    office.desk.open(script("b"))
    office.work()
    headers = hooks.calls[-1].headers | {"webhook-timestamp": hooks.calls[-1].headers["webhook-timestamp"]}
    assert len(headers["webhook-signature"].split()) == 1


def test_nothing_that_is_secret_can_be_read_in_the_database(office, hooks, admin) -> None:
    place, secret = add(office, admin, hooks.url)
    row = state_of(office, place)
    kept = repr([getattr(row, column.name) for column in row.__table__.columns])
    about = f"secret of destination {row.id}"
    assert secret not in kept and "key=abc" not in kept and Vault(KeyRing(SECRET_KEY)).open(row.secret, about) == secret
    with pytest.raises(SealError):
        Vault(KeyRing("another secret key, which was not there before")).open(row.secret, about)
    with office.desk.sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "destination.added")).all()[-1]
    assert "key=abc" not in json.dumps(entry.detail) and secret not in json.dumps(entry.detail)


@pytest.mark.parametrize("status", [500, 404, 301, 429])
def test_whatever_is_no_yes_is_tried_again(office, hooks, admin, status) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    after = "7200" if status == 429 else "0"
    elsewhere = {"Location": f"http://127.0.0.1:{hooks.port}/elsewhere", "Retry-After": after}
    hooks.answers = [(status, elsewhere)]
    office.desk.open(script("a"))
    office.work()
    assert len(hooks.calls) == 1  # a redirection is not followed
    [delivery] = to(office, place)
    assert delivery.state == "pending" and str(status) in delivery.reason
    office.later(minutes=30)
    office.work()
    assert len(hooks.calls) == (1 if status == 429 else 2)
    office.later(hours=2)
    office.work()
    assert to(office, place)[0].state == "sent" and len({call.headers["webhook-id"] for call in hooks.calls}) == 1


def test_one_that_does_not_answer_is_left_alone_and_holds_nobody_up(office, hooks, admin) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.stop()
    for number in range(5):
        office.desk.open(script(f"select {number}"))
    office.work()
    assert sum(delivery.attempts for delivery in to(office, place)) == 1  # the others wait for the outcome of this one
    assert state_of(office, place).failures == 1
    hooks.start()
    office.later(minutes=1)
    office.work()
    office.later(minutes=1)
    office.work()
    assert {delivery.state for delivery in to(office, place)} == {"sent"} and len(hooks.calls) == 5
    assert state_of(office, place).failures == 0


def test_an_answer_byte_by_byte_ends_with_the_time(office, hooks, admin) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.trickle = 0.2
    office.desk.open(script("a"))
    began = time.monotonic()
    office.work()
    assert time.monotonic() - began < 10
    assert "within 1 s" in to(office, place)[0].reason


def test_after_a_day_without_an_answer_it_is_switched_off_and_admins_are_told(office, hooks, admin, places) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.always = (503, {})
    office.desk.open(script("a"))
    for _ in range(110):
        office.work()
        office.later(minutes=16)
    assert to(office, place)[0].state == "failed"
    row = state_of(office, place)
    assert row.disabled_at is not None and "503" in row.disabled_reason
    told = [delivery for delivery in office.of() if delivery.kind == "disabled" and delivery.person_id == admin.id]
    assert [(delivery.state, delivery.subject) for delivery in told] == [
        ("sent", "Assent: The destination “Chat bot” has been disabled")
    ]
    # Disabled since until it is switched on; then what it has not got can be sent again.
    calls = len(hooks.calls)
    office.desk.open(script("b"))
    office.work()
    assert len(hooks.calls) == calls
    hooks.always = (204, {})
    places.switch(admin, place.id, True)
    assert places.replay(admin, place.id, office.desk.clock() - timedelta(days=3)) == 2
    office.work()
    assert {delivery.state for delivery in to(office, place)} == {"sent"} and len(to(office, place)) == 2
    assert places.replay(admin, place.id, office.desk.clock() - timedelta(days=3)) == 0


def test_one_that_works_for_others_is_not_switched_off(office, hooks, admin) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.always = (400, {})
    office.desk.open(script("a"))
    for _ in range(60):
        office.work()
        office.later(minutes=16)
    hooks.always = (204, {})
    office.desk.open(script("b"))
    office.later(minutes=20)
    office.work()
    assert state_of(office, place).disabled_at is None and state_of(office, place).failures == 0


def test_what_is_retried_can_be_sent_now_once_and_not_to_a_destination_that_is_off(
    office, hooks, admin, places, at_once
) -> None:  # fmt: skip
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.always = (500, {})
    request = office.desk.open(script("a"))
    for _ in range(3):
        office.work()
        office.later(minutes=2)
    [row] = to(office, place)
    assert row.state == "pending" and row.due_at > office.desk.clock() - timedelta(minutes=2) and row.attempts >= 2
    tried = len(hooks.calls)

    places.switch(admin, place.id, on=False)
    with pytest.raises(ConflictError, match=r"“Chat bot” is disabled\. Disabled by Portal admin\. Enable it first\."):
        office.post.deliveries.again(admin, row.id)
    places.switch(admin, place.id, on=True)
    assert actions_about(office, row) == []

    hooks.always = (204, {})
    # Each failure moved the next attempt further away; now it is wanted at once, by two admins at the same moment.
    office.later(minutes=-2)
    results = at_once([lambda: office.post.deliveries.again(admin, row.id)] * 2)
    assert sorted(isinstance(result, ConflictError) for result in results) == [False, True]
    office.work()
    office.later(hours=2)
    office.work()
    assert len(hooks.calls) == tried + 1 and [delivery.state for delivery in to(office, place)] == ["sent"]
    assert actions_about(office, row) == ["delivery.repeated"] and office.waiting() == 0
    found = office.post.deliveries.page(admin, DeliveryFilter(text=request.title[:12].upper(), request_id=request.id))
    assert {listed.title for listed in found.rows} == {request.title}
    with pytest.raises(ConflictError, match="is not active"):
        refused_to_the_inactive(office, admin)


def refused_to_the_inactive(office: PostOffice, admin: Actor) -> None:
    """Try to send a failed delivery to somebody who has left."""
    person = make_person(office.desk.sessions, "Left")
    failed = make_delivery(office.desk.sessions, make_request(office.desk.sessions), person)
    People(office.desk.sessions, office.desk.clock).change(admin, person.id, "Left", [Role.REVIEWER], [], active=False)
    office.post.deliveries.again(admin, failed.id)


def actions_about(office: PostOffice, row: Delivery) -> list[str]:
    """What the audit log has about a delivery."""
    with office.desk.sessions() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.request_id == row.request_id))
        return [entry.action for entry in entries if entry.detail.get("delivery") == row.id]


def test_gone_is_gone(office, hooks, admin) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.always = (410, {})
    office.desk.open(script("a"))
    office.work()
    row = state_of(office, place)
    assert to(office, place)[0].state == "failed" and row.disabled_at is not None and "410" in row.disabled_reason


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/x", "https://127.0.0.1/x", "https://localhost/x", "https://10.1.2.3/", "https://[::1]/",
        "https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://0/",
        "https://2130706433/", "ftp://example.com/", "https://", "https://user:pw@93.184.216.34/", "http://93.184.216.34/",
        "https://100.64.0.1/", "https://[fd00::1]/", "https://224.0.0.1/", "https://a b/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_taken(address) -> None:
    with pytest.raises(InvalidInputError) as refused:
        shown_address(destination_terms("webhook", "x", address), ())
    assert "address" in refused.value.extra["fields"]


def test_what_lies_behind_a_name_is_asked_again_when_it_is_called(office, hooks, admin) -> None:
    # Saved when it was allowed, or when the name meant another host: the connection itself is what is looked at.
    place, _ = add(office, admin, hooks.url.replace("127.0.0.1", "localhost"), topics=["request.opened"])
    office.reconfigure(allowed_networks=())
    office.desk.open(script("a"))
    office.work()
    assert hooks.calls == [] and "address is not allowed" in to(office, place)[0].reason


def test_one_that_is_taken_away_while_it_is_called_leaves_nothing_behind(office, hooks, admin, places) -> None:
    place, _ = add(office, admin, hooks.url, topics=["request.opened"])
    hooks.always = (500, {})
    hooks.on_call = lambda _call: places.remove(admin, place.id)
    office.desk.open(script("a"))
    office.work()
    office.later(minutes=1)
    office.work()
    assert [delivery.state for delivery in to(office, place)] == ["suppressed"] and len(hooks.calls) == 1
    assert office.waiting() == 0


def test_an_address_that_cannot_be_read_any_more_is_entered_again(office, hooks, admin) -> None:
    place, _ = add(office, admin, hooks.url)
    other = Destinations(office.desk.sessions, office.desk.clock, Vault(KeyRing("another secret key, which is new")))
    with pytest.raises(InvalidInputError) as refused:
        other.address_of(admin, place.id)
    assert "Enter it again" in refused.value.extra["fields"]["address"]


def test_only_admins_manage_destinations(office, hooks) -> None:
    reviewer = make_person(office.desk.sessions, "DBA on call").as_actor(Via.PAGE)
    with pytest.raises(ForbiddenError):
        add(office, reviewer, hooks.url)


# Channels of teams


def team_terms(team: str) -> Terms:
    """One stage, of a team."""
    return Terms(name="one", stages=(Stage(name="First", teams=(team,)),), deadline_seconds=4 * 3600)


def test_a_teams_channel_is_told_what_the_team_is_asked_and_how_it_ends(office, slack, admin, team) -> None:
    make_person(office.desk.sessions, "DBA on call", teams=[team])
    place, _ = add(office, admin, "C0TEAM", "slack", team_slug=team)
    office.desk.open(script("select 1"))  # not theirs
    request = make_request(office.desk.sessions, payload=script("delete from orders"), terms=team_terms(team))
    with office.desk.sessions.begin() as session:
        publish(session, event_row(EventKind.REQUEST_OPENED, office.desk.clock(), request_id=request.id))
    office.work()
    [message] = slack.to_channel("C0TEAM")
    assert message["text"].startswith("A decision is needed") and "delete from orders" in words(message)
    assert set(buttons(message)) >= {"approve", "reject", "open"}
    [delivery] = to(office, place)
    assert (delivery.request_id, delivery.state) == (request.id, "sent")
    dba = make_person(office.desk.sessions, "Second DBA", teams=[team]).as_actor(Via.PAGE)
    office.desk.decide(request, dba, Verdict.APPROVE)
    office.work_all()
    first, last = slack.to_channel("C0TEAM")
    assert set(buttons(first)) == {"open"} and "approved, by Second DBA" in words(first)
    assert "approved, by Second DBA" in words(last)


@pytest.mark.parametrize("error", ["msg_too_long", "invalid_blocks"])
def test_an_error_about_one_message_leaves_a_channel_on(office, slack, admin, error: str) -> None:
    place, _ = add(office, admin, "C0TEAM", "slack")
    slack.answers.append((200, {}, {"ok": False, "error": error}))
    for title in ("a", "b"):
        office.desk.open(script(title))
        office.work()
    assert [delivery.state for delivery in to(office, place)] == ["failed", "sent"]
    assert error in to(office, place)[0].reason and len(slack.to_channel("C0TEAM")) == 1
    assert state_of(office, place).disabled_at is None


def test_a_channel_that_is_on_again_is_sent_what_it_missed(office, slack, admin, places) -> None:
    place, _ = add(office, admin, "C0TEAM", "slack", topics=["asked"])
    slack.channels.clear()
    office.desk.open(script("tried"))
    office.work()
    row = state_of(office, place)
    assert row.disabled_at is not None, "the app is not in the channel: nothing can be posted there"
    assert row.disabled_reason.startswith("The destination no longer accepts notifications: Unknown channel")
    decided = office.desk.open(script("decided meanwhile"))
    office.desk.open(script("missed"))
    office.work()
    assert [delivery.state for delivery in to(office, place)] == ["failed", "suppressed", "suppressed"]
    office.desk.decide(decided, office.desk.person("DBA"))
    slack.channels.add("C0TEAM")
    assert places.switch(admin, place.id, on=True) == 3 and places.switch(admin, place.id, on=True) == 0
    office.work()
    first, second = slack.to_channel("C0TEAM")
    assert "tried" in words(first) and "missed" in words(second), "what is decided is not asked"
    office.work()
    assert len(slack.to_channel("C0TEAM")) == 2, "nothing is posted twice"


# Other places


def test_other_places_are_told_in_short(office, hooks, admin) -> None:
    place, _ = add(office, admin, f"json://127.0.0.1:{hooks.port}/x", "apprise", least_risk="medium")
    office.desk.open(script("delete from orders", title="Purge old orders"))
    office.work()
    [call] = hooks.calls
    told = json.loads(call.body)
    assert told["title"] == "A decision is needed: Purge old orders" and told["type"] == "warning"
    assert "If nobody decides" in told["message"] and "https://assent.example/requests/" in told["message"]
    assert to(office, place)[0].state == "sent" and to(office, place)[0].address.startswith("JSON: json://127.0.0.1")
    hooks.answers = [(500, {})]
    office.desk.open(script("drop table orders"))
    office.work()
    assert to(office, place)[1].state == "pending" and "did not accept it" in to(office, place)[1].reason


@pytest.mark.parametrize(
    "address",
    ["json://127.0.0.1/", "syslog://", "nonsense", "json://[::1]/", "ntfy://10.0.0.1/x",
     "workflow://example.com:443/wf/sig/?template=/etc/passwd",
     "workflow://example.com:443/wf/sig/?%74emplate=/etc/passwd",
     "workflow://example.com:443/wf/sig/?x=1;tem%70late=/etc/passwd",
     "workflow://example.com:443/wf/sig/?TEMPLATE=/etc/passwd&template=",
     "workflow://example.com:443/wf/sig/?%2Btemplate=/etc/passwd",
     "workflow://example.com:443/wf/sig/?:template=/etc/passwd",
     "workflow://example.com:443/wf/sig/?%20template%20=/etc/passwd",
     "vapid://somebody@example.com/?subfile=/etc/passwd", "vapid://somebody@example.com/?keyfile=/etc/passwd",
     "mailto://name:word@example.com?pgppub=/etc/passwd", "ntfy://ntfy.example.com/x?attach=file:///etc/passwd",
     "blink1://", "SYSLOG://", "json://[fec0::1]/", "json://[::7f00:1]/", "json://192.88.99.1/", "json://[3fff::1]/"],
)  # fmt: skip
def test_places_that_are_not_taken(address) -> None:
    with pytest.raises(InvalidInputError):
        shown_address(destination_terms("apprise", "x", address), ())


def test_a_test_is_told_at_once_and_says_what_it_is(office, hooks, admin, places) -> None:
    place, secret = add(office, admin, hooks.url)
    places.test(admin, place.id)
    office.work()
    [call] = hooks.calls
    assert Webhook(secret).verify(call.body, call.headers)["type"] == "test"
    assert base64.b64decode(secret.removeprefix("whsec_"))
