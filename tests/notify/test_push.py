"""Notifications in browsers: over a server in the place of a push service, to a browser that decrypts them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest

from app.domain.choices import DEFAULT, Choice, Choices, Way
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.events import EventKind
from app.domain.notices import Browser, NoticeKind
from app.domain.people import SYSTEM, Role, Via
from app.domain.policy.terms import Terms
from app.notify.addresses import check_push_endpoint
from app.notify.push.keys import new_key, public_key
from app.services.notifications.browsers import MOST, Browsers
from app.services.notifications.preferences import NotificationPreferences
from app.services.people.accounts import People
from app.services.people.sessions import SignIns
from app.services.record.events import event_row, publish
from app.services.vault.ring import KeyRing
from app.services.vault.values import Vault
from app.store.notify import PushSubscription
from app.store.people import Person
from app.worker.post import Post
from assent.contracts import RiskLevel
from tests.factories import make_person, make_request, script
from tests.hookserver import HookServer
from tests.mailserver import MailServer
from tests.notify.conftest import SECRET_KEY, PostOffice, make_office
from tests.pushservice import PushedBrowser, signed_by

KEY = new_key()
TITLE = "Delete the customers of last year"
TERMS = Terms(name="dba", teams=("dba",), deadline_seconds=3600)


@pytest.fixture
def push() -> Iterator[HookServer]:
    """The push service of a browser's maker."""
    server = HookServer()
    server.always = (201, {})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def office(database_url: str, mail: MailServer) -> Iterator[PostOffice]:
    """A post office with a key, which may reach this machine."""
    made = make_office(database_url, mail, push_key=KEY, allowed_networks="127.0.0.0/8")
    yield made
    made.desk.engine.dispose()


@pytest.fixture
def dba(office: PostOffice) -> Person:
    """Who has to decide."""
    return make_person(office.desk.sessions, "DBA on call", [Role.REVIEWER], ["dba"])


def sign_in(office: PostOffice, person: Person) -> str:
    """The id of a new session of the person."""
    people = People(office.desk.sessions, office.desk.clock)
    token = people.make_link(SYSTEM, person.id)
    return people.redeem_link(token, "192.0.2.1", "Firefox on Linux").id


def allow(office: PostOffice, person: Person, push: HookServer, path: str = "one") -> PushedBrowser:
    """A browser in which the person is signed in and has allowed notifications."""
    browser = PushedBrowser()
    endpoint = f"http://127.0.0.1:{push.port}/{path}"
    browsers_of(office).allow(
        person.as_actor(Via.PAGE), sign_in(office, person), "Firefox on Linux", Browser("", endpoint, **browser.keys)
    )
    return browser


def browsers_of(office: PostOffice) -> Browsers:
    return Browsers(office.desk.sessions, office.desk.clock, Vault(KeyRing(SECRET_KEY)))


def opened(office: PostOffice, **values: Any) -> Any:
    """A request that the DBA has to decide."""
    request = make_request(
        office.desk.sessions, terms=TERMS, payload=script("drop table customers", title=TITLE), **values
    )
    with office.desk.sessions.begin() as session:
        publish(session, event_row(EventKind.REQUEST_OPENED, office.desk.clock(), request_id=request.id))
    return request


def states(office: PostOffice, request: Any) -> dict[str, str]:
    return {delivery.channel: delivery.state for delivery in office.of(request)}


def test_a_browser_shows_what_is_sent_immediately_without_any_text_of_the_proposal(office, dba, push) -> None:
    browser = allow(office, dba, push)
    request = opened(office)
    office.work()
    assert states(office, request) == {"mail": "sent", "browser": "sent"}
    [call] = push.calls
    told = browser.read(call.body)
    assert told["title"] == "Your decision is needed"
    assert told["url"] == f"{office.settings.public_url}/requests/{request.id}"
    assert "risk" in told["body"] and TITLE not in json.dumps(told) and "drop table" not in json.dumps(told)
    assert TITLE.encode() not in call.body
    assert call.headers["content-encoding"] == "aes128gcm"
    left = (request.expires_at - office.desk.clock()).total_seconds()
    assert left - 60 < int(call.headers["ttl"]) <= left, "no longer than it can be decided"
    key, claims = signed_by(call.headers["authorization"])
    assert key == public_key(KEY) and claims["sub"] == "mailto:assent@example.org"
    assert claims["aud"] == "http://127.0.0.1"


def test_a_later_notification_of_the_same_request_replaces_the_earlier(office, dba, push) -> None:
    browser = allow(office, dba, push)
    requests = [opened(office), opened(office)]
    office.work()
    topics = {call.headers["topic"] for call in push.calls}
    assert len(topics) == len(requests)
    tags = {browser.read(call.body)["tag"] for call in push.calls}
    assert tags == topics


def only_in_browsers(office: PostOffice, person: Person) -> None:
    """Choose no other way."""
    chosen = {kind: Choice(Way.BROWSER, RiskLevel.SAFE, Way.DIGEST) for kind in DEFAULT}
    NotificationPreferences(office.desk.sessions, office.desk.clock).choose(
        person.as_actor(Via.PAGE), replace(Choices(), kinds=chosen)
    )


def test_only_in_the_browser_and_by_mail_without_one(office, dba, push) -> None:
    only_in_browsers(office, dba)
    before = opened(office)
    office.work()
    assert states(office, before) == {"mail": "sent"}, "nobody misses a request because a browser is gone"
    allow(office, dba, push)
    after = opened(office)
    office.work()
    assert states(office, after) == {"browser": "sent"}


@pytest.mark.parametrize("lost", ["browser", "key", "removed"])
def test_what_no_browser_takes_any_longer_comes_by_mail_once(office, dba, push, mail, lost) -> None:
    only_in_browsers(office, dba)
    allow(office, dba, push)
    push.always = (410, {})
    if lost == "key":
        office.reconfigure(push_key="")
    request = opened(office)
    office.plan()
    if lost == "removed":
        [browser] = browsers_of(office).listed(dba.as_actor(Via.PAGE), "")
        browsers_of(office).remove(dba.as_actor(Via.PAGE), browser.id)
    office.work()
    assert states(office, request) == {"browser": "failed", "mail": "sent"}
    assert len(mail.to(dba)) == 1


def test_what_is_off_or_in_the_roundup_is_not_shown(office, dba, push) -> None:
    allow(office, dba, push)
    chosen = dict(DEFAULT) | {NoticeKind.ASKED: Choice(Way.DIGEST, RiskLevel.SAFE, Way.DIGEST)}
    NotificationPreferences(office.desk.sessions, office.desk.clock).choose(
        dba.as_actor(Via.PAGE), replace(Choices(), kinds=chosen)
    )
    opened(office)
    office.work()
    assert push.calls == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_takes_no_more_is_forgotten(office, dba, push, status) -> None:
    allow(office, dba, push, "gone")
    kept = allow(office, dba, push, "kept")
    push.on_call = lambda call: push.answers.append((status if call.path == "/gone" else 201, {}))
    request = opened(office)
    office.work()
    assert states(office, request)["browser"] == "sent"
    assert kept.read(next(call for call in push.calls if call.path == "/kept").body)
    assert len(browsers_of(office).of(dba.id)) == 1
    push.on_call = lambda call: push.answers.append((status, {}))
    second = opened(office)
    office.work()
    assert states(office, second) == {"mail": "sent", "browser": "failed"}
    assert browsers_of(office).of(dba.id) == ()


def test_a_push_service_that_is_busy_is_tried_again(office, dba, push) -> None:
    browser = allow(office, dba, push)
    push.answers = [(503, {}), (429, {})]
    request = opened(office)
    office.work()
    assert states(office, request)["browser"] == "pending"
    office.later(minutes=1)
    office.work()
    office.later(minutes=2)
    office.work()
    assert states(office, request)["browser"] == "sent"
    assert browser.read(push.calls[-1].body)["title"] == "Your decision is needed"


def test_signing_out_ends_it(office, dba, push) -> None:
    allow(office, dba, push)
    SignIns(office.desk.sessions, office.desk.clock).end_all(dba.as_actor(Via.PAGE))
    request = opened(office)
    office.work()
    assert push.calls == [] and states(office, request) == {"mail": "sent"}


def test_it_ends_when_the_person_would_have_to_sign_in_again_however_idle_the_session_is(office, dba, push) -> None:
    post = Post(
        office.desk.sessions, office.desk.clock, {}, office.settings.public_url, SECRET_KEY,
        session_lifetime=timedelta(hours=12),
    )  # fmt: skip
    office.later(hours=-12)
    allow(office, dba, push, "early")
    office.later(hours=6)
    allow(office, dba, push, "late")
    office.later(hours=5, minutes=59)
    post.forget_browsers()
    assert len(browsers_of(office).of(dba.id)) == 2
    office.later(minutes=1)
    post.forget_browsers()
    opened(office)
    office.work()
    assert [call.path for call in push.calls] == ["/late"]
    office.later(hours=6)
    post.forget_browsers()
    assert browsers_of(office).of(dba.id) == ()
    preferences = NotificationPreferences(office.desk.sessions, office.desk.clock)
    assert not preferences.of(dba.as_actor(Via.PAGE)).browsers, "mail takes their place"


def test_any_signed_in_person_names_an_endpoint_and_learns_nothing_of_the_network() -> None:
    inside = (IPv4Network("10.0.0.0/8"),)
    for address in (
        "https://updates.push.example/one", "https://localhost/one", "https://no-such-host.invalid/",
        "https://10.1.2.3:8443/one", "http://10.1.2.3/one",
    ):  # fmt: skip
        check_push_endpoint(address, inside)
    refused = set()
    for address, allowed in (
        ("http://updates.push.example/one", inside), ("http://localhost/one", inside), ("https://127.0.0.1/", inside),
        ("http://127.0.0.1/", inside), ("https://10.1.2.3/", ()), ("http://10.1.2.3/", ()), ("http://192.0.2.1/", ()),
        ("https://someone:secret@updates.push.example/", ()), ("ftp://updates.push.example/", ()), ("https://x:y/", ()),
        ("https:///one", ()), ("", ()), ("https://push.example/ one", ()),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as error:
            check_push_endpoint(address, allowed)
        refused.add((str(error.value), str(error.value.extra)))
    assert len(refused) == 1


def test_an_address_on_this_network_is_reached_only_where_an_operator_allows_it(
    database_url: str, mail: MailServer, push: HookServer
) -> None:
    strict = make_office(database_url, mail, push_key=KEY)
    try:
        dba = make_person(strict.desk.sessions, "DBA on call", [Role.REVIEWER], ["dba"])
        allow(strict, dba, push)
        request = opened(strict)
        strict.work()
        [delivery] = [delivery for delivery in strict.of(request) if delivery.channel == "browser"]
        assert push.calls == [] and delivery.reason.startswith("The address is not allowed.")
        assert "127.0.0.1" not in delivery.reason
    finally:
        strict.desk.engine.dispose()


def test_browsers_are_a_persons_own_bounded_and_sealed(office, dba, push) -> None:
    other = make_person(office.desk.sessions, "Other", [Role.REVIEWER])
    browsers = browsers_of(office)
    for number in range(MOST + 2):
        allow(office, dba, push, f"b{number}")
        office.later(seconds=1)
    listed = browsers.listed(dba.as_actor(Via.PAGE), "")
    assert len(listed) == MOST
    assert browsers.listed(other.as_actor(Via.PAGE), "") == []
    with pytest.raises(NotFoundError):
        browsers.remove(other.as_actor(Via.PAGE), listed[0].id)
    browsers.remove(dba.as_actor(Via.PAGE), listed[0].id)
    assert len(browsers.of(dba.id)) == MOST - 1
    with office.desk.sessions() as session:
        stored = session.get_one(PushSubscription, listed[1].id)
    assert "127.0.0.1" not in f"{stored.endpoint}{stored.p256dh}{stored.auth}"
    with pytest.raises(InvalidInputError):
        browsers.allow(dba.as_actor(Via.PAGE), "", "x", Browser("", "https://push.example/", "", ""))


def test_a_browser_that_changes_its_owner_is_new_there(office, dba, push) -> None:
    other = make_person(office.desk.sessions, "Other", [Role.REVIEWER])
    allow(office, other, push, "shared")
    office.later(seconds=60)
    for number in range(MOST):
        allow(office, dba, push, f"b{number}")
        office.later(seconds=1)
    allow(office, dba, push, "shared")
    [newest, *_others] = listed = browsers_of(office).listed(dba.as_actor(Via.PAGE), "")
    assert len(listed) == MOST and browsers_of(office).listed(other.as_actor(Via.PAGE), "") == []
    assert newest.created_at > listed[1].created_at
    office.later(seconds=1)
    allow(office, dba, push, "shared")
    assert browsers_of(office).listed(dba.as_actor(Via.PAGE), "")[0].created_at == newest.created_at


def test_a_test_notification_goes_to_all_browsers_of_a_person(office, dba, push) -> None:
    pushed = [allow(office, dba, push, "one"), allow(office, dba, push, "two")]
    browsers_of(office).test(dba.as_actor(Via.PAGE))
    office.work()
    by_path = {call.path.strip("/"): call.body for call in push.calls}
    told = [browser.read(by_path[path]) for browser, path in zip(pushed, ("one", "two"), strict=True)]
    assert [message["title"] for message in told] == ["This is a test notification"] * 2
