"""Signing out everywhere: sessions, unused links, and tokens if that is wanted, by oneself or by an admin."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.errors import ForbiddenError, LinkError, NotFoundError, TokenError
from app.domain.people import Actor, Role, Via
from app.domain.tokens import TokenChoice, TokenKind, token_terms
from app.services.bundle import Services, build_services
from app.services.notifications.slack import SlackUser
from app.services.people.sessions import SignOutCounts
from app.store.people import Person
from app.store.record import AuditEntry
from tests.factories import make_person, make_sign_in
from tests.services.desk import Desk, make_desk

DAY = timedelta(days=1)


@pytest.fixture
def desk(database_url: str) -> Desk:
    """A desk."""
    made = make_desk(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def services(desk: Desk) -> Services:
    """The use cases, by the desk's clock."""
    return build_services(desk.engine, desk.clock)


@pytest.fixture
def admin(services: Services) -> Actor:
    """Who manages people."""
    return make_person(services.sessions, "Portal admin", [Role.ADMIN]).as_actor(Via.PAGE, "192.0.2.1")


@pytest.fixture
def person(services: Services) -> Person:
    """Whose laptop was stolen."""
    return make_person(services.sessions, "Reviewer on call")


def tokens_of(services: Services, admin: Actor, person: Person) -> tuple[str, str]:
    """A token of the person's own, and one of an agent for whom the person answers."""
    terms = [token_terms(kind, "Script", ["approvals:request"], 7) for kind in (TokenKind.PERSON, TokenKind.AGENT)]
    own, _ = services.tokens.make(person.as_actor(Via.PAGE), terms[0], person.id)
    agent, view = services.tokens.make(admin, terms[1], person.id)
    services.confirmations.confirm_token(person.as_actor(Via.PAGE), view.id)
    return own, agent


def entries(services: Services, action: str) -> list[AuditEntry]:
    """The audit log's lines of that kind, oldest first."""
    with services.sessions() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.seq)))


def works(services: Services, token: str) -> bool:
    """Whether the token is taken."""
    try:
        services.tokens.find(token, "192.0.2.1")
    except TokenError as error:
        assert error.extra["reason"] == "revoked"
        return False
    return True


@pytest.mark.parametrize("by_admin", [False, True])
@pytest.mark.parametrize(
    ("choice", "own_lives", "agent_lives"), [("none", True, True), ("own", False, True), ("all", False, False)]
)
def test_everything_ends_that_was_chosen(
    desk: Desk, services: Services, admin: Actor, person: Person, choice: str, own_lives: bool, agent_lives: bool,
    by_admin: bool,
) -> None:  # fmt: skip
    own, agent = tokens_of(services, admin, person)
    mine = {token.id for token in services.tokens.own(person.as_actor(Via.PAGE))}
    session, link = make_sign_in(services.sessions, person), services.people.make_link(admin, person.id)
    slack_user = SlackUser(f"U{uuid.uuid4().hex[:8]}", "ada")
    services.slack_people.link(person.as_actor(Via.PAGE), services.slack_people.new_code(slack_user))
    other = make_person(services.sessions, "Somebody else")
    untouched, others_link = make_sign_in(services.sessions, other), services.people.make_link(admin, other.id)
    actor = admin if by_admin else person.as_actor(Via.PAGE, "192.0.2.1")
    ended = services.sign_ins.end_all(actor, person.id, TokenChoice(choice))
    assert ended == SignOutCounts(1, 1, 2 - own_lives - agent_lives)
    assert services.sign_ins.find(session, DAY) is None
    with pytest.raises(LinkError):
        services.people.redeem_link(link, "192.0.2.1")
    assert (works(services, own), works(services, agent)) == (own_lives, agent_lives)
    linked = services.slack_people.linked(slack_user.id)
    assert (linked is not None) is own_lives, "a Slack user that was linked in a stolen session decides as well"
    assert services.sign_ins.find(untouched, DAY) is not None
    assert services.people.redeem_link(others_link, "192.0.2.1").person.id == other.id
    entry = entries(services, "person.signed_out")[-1]
    assert (entry.actor_id, entry.detail.get("person_id")) == (actor.id, person.id if by_admin else None)
    assert (
        len([entry for entry in entries(services, "token.revoked") if entry.detail["token_id"] in mine]) == ended.tokens
    )


def test_nobody_else_ends_or_sees_somebodys_sessions(services: Services, person: Person) -> None:
    other = make_person(services.sessions, "Colleague").as_actor(Via.PAGE)
    agent = Actor(kind="agent", id=person.id, name="Agent", roles=frozenset({Role.ADMIN}))
    token = make_sign_in(services.sessions, person)
    for actor in (other, agent):
        for act in (
            lambda actor=actor: services.sign_ins.end_all(actor, person.id),
            lambda actor=actor: services.sign_ins.of(actor, DAY, person_id=person.id),
            lambda actor=actor: services.sign_ins.end(actor, "x", person.id),
        ):
            with pytest.raises(ForbiddenError):
                act()
    assert services.sign_ins.find(token, DAY) is not None


def test_of_nobody_nothing_can_be_ended(services: Services, admin: Actor) -> None:
    for wanted in ("nobody", "\x00"):
        with pytest.raises(NotFoundError):
            services.sign_ins.end_all(admin, wanted)


def test_links_of_who_was_inactive_do_not_come_back(services: Services, admin: Actor, person: Person) -> None:
    link = services.people.make_link(admin, person.id)
    for active in (False, True):
        services.people.change(admin, person.id, person.name, [Role.REVIEWER], [], active=active)
    with pytest.raises(LinkError):
        services.people.redeem_link(link, "192.0.2.1")


def test_a_session_ends_when_it_is_idle_and_only_activity_keeps_it(
    services: Services, person: Person, desk: Desk
) -> None:
    idle, long = timedelta(minutes=30), timedelta(days=30)
    token = make_sign_in(services.sessions, person)
    began = datetime.now(UTC)

    def later(minutes: float, active: bool) -> bool:
        now = began + timedelta(minutes=minutes)
        mine = build_services(desk.engine, lambda: now)
        found = mine.sign_ins.find(token, long, idle, active)
        listed = mine.sign_ins.of(person.as_actor(Via.PAGE), long, idle)
        assert bool(found) == bool(listed)
        if found is not None:
            assert bool(mine.sign_ins.living({found.id}, idle))
        return found is not None

    assert later(29, active=True)
    assert later(58, active=False), "29 minutes after it was used"
    assert not later(59.5, active=False), "what an open page does by itself did not keep it"
    assert not later(59.5, active=True)
    assert services.sign_ins.find(token, long) is not None, "without the setting it lives on"
