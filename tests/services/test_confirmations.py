"""What somebody else makes for a person, a token or an absence, has no effect until that person confirms it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.domain.choices import DEFAULT, Choice, Choices, Way
from app.domain.errors import ConflictError, ForbiddenError, NotAskedError, NotFoundError, OwnRequestError, TokenError
from app.domain.notices import NoticeKind
from app.domain.people import Actor, Makers, Role, Via
from app.domain.policy.terms import Stage
from app.domain.tokens import TokenKind, token_terms
from app.services.bundle import Services, build_services
from app.services.people.absences import AbsenceState, AbsenceView
from app.store.notify import Delivery
from app.store.record import AuditEntry
from assent.contracts import RiskLevel
from tests.factories import make_person
from tests.services.desk import Desk
from tests.services.ruled import ruled, terms

DAY = timedelta(days=1)
OPERATOR = Actor(kind="system", id="", name="Command line (root)", via=Via.COMMAND_LINE, source="host")
AGENT = token_terms(TokenKind.AGENT, "CI", ["approvals:request", "approvals:read"], 7)


@dataclass
class House:
    """The use cases, an administrator of no team, and a member of the team that is asked."""

    desk: Desk
    services: Services
    admin: Actor
    dba: Actor

    def absence(self, actor: Actor, delegate: Actor | None = None, begins: timedelta = timedelta(0)) -> AbsenceView:
        """The member's absence, as somebody enters it."""
        start = self.desk.clock() + begins
        delegate_id = (delegate or self.admin).id
        return self.services.absences.add(actor, self.dba.id, delegate_id, start, start + DAY)

    def opened_by(self, maker: Actor) -> Actor:
        """The member, in a session that somebody opened."""
        return replace(self.dba, makers=Makers(frozenset({maker.id}), maker.name))

    def notices(self) -> list[Delivery]:
        """What the member is told of their account, oldest first."""
        query = select(Delivery).where(Delivery.person_id == self.dba.id, Delivery.kind == "account")
        with self.desk.sessions() as session:
            return list(session.scalars(query.order_by(Delivery.created_at, Delivery.channel)))

    def last(self, action: str) -> AuditEntry:
        """The newest audit entry of that kind."""
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.seq.desc()).limit(1)
        with self.desk.sessions() as session:
            return session.scalars(query).one()


@pytest.fixture
def house(desk: Desk) -> House:
    """Everybody, in a team of this test alone."""
    admin = make_person(desk.sessions, "Admin", (Role.ADMIN, Role.REVIEWER)).as_actor(Via.PAGE)
    dba = make_person(desk.sessions, "DBA on call", (Role.REVIEWER,), ["dba"]).as_actor(Via.PAGE)
    asks_dba = ruled(desk, terms(Stage(teams=("dba",))))
    return House(asks_dba, build_services(desk.engine, desk.clock), admin, dba)


def test_an_absence_entered_for_another_counts_once_that_person_confirms_it(house: House) -> None:
    """An administrator with themselves as delegate would otherwise decide in the place of anybody they like."""
    waiting = house.absence(house.admin)
    request = house.desk.open()
    assert waiting.state is AbsenceState.WAITING and waiting.made_by == "Admin"
    with pytest.raises(NotAskedError):
        house.desk.decide(request, house.admin)
    assert waiting.id not in [absence.id for absence in house.services.absences.current(house.admin)]
    assert house.services.absences.for_whom(house.admin) == []
    assert waiting.id in [absence.id for absence in house.services.absences.of(house.dba.id)]
    for who in (house.admin, house.opened_by(house.admin), replace(house.dba, kind="agent")):
        with pytest.raises((ForbiddenError, NotFoundError)):
            house.services.confirmations.confirm_absence(who, waiting.id)
    with pytest.raises(NotAskedError):
        house.desk.decide(request, house.admin)
    confirmed = house.services.confirmations.confirm_absence(house.dba, waiting.id)
    assert confirmed.state is AbsenceState.CURRENT
    assert house.last("absence.confirmed").detail["made_by"] == "Admin"
    assert house.desk.decide(request, house.admin).resolved
    with pytest.raises(ConflictError):
        house.services.confirmations.confirm_absence(house.dba, waiting.id)
    house.services.absences.end(house.dba, waiting.id)


def test_an_absence_entered_in_a_session_that_another_opened_waits_as_well(house: House) -> None:
    waiting = house.absence(house.opened_by(house.admin))
    assert waiting.state is AbsenceState.WAITING
    with pytest.raises(NotAskedError):
        house.desk.decide(house.desk.open(), house.admin)
    with pytest.raises(ForbiddenError, match="a link from someone else"):
        house.services.confirmations.confirm_absence(house.opened_by(house.admin), waiting.id)


def test_a_declined_absence_never_counts(house: House) -> None:
    waiting = house.absence(house.admin)
    declined = house.services.confirmations.decline_absence(house.dba, waiting.id)
    assert declined.state is AbsenceState.ENDED
    with pytest.raises(NotAskedError):
        house.desk.decide(house.desk.open(), house.admin)
    for answer in (house.services.confirmations.confirm_absence, house.services.confirmations.decline_absence):
        with pytest.raises(ConflictError):
            answer(house.dba, waiting.id)
    assert house.last("absence.declined").actor_id == house.dba.id


def test_what_waits_keeps_nobody_from_entering_their_own(house: House) -> None:
    waiting = house.absence(house.admin)
    with pytest.raises(ConflictError):
        house.absence(house.admin)
    other = make_person(house.desk.sessions, "Other").as_actor(Via.PAGE)
    own = house.absence(house.dba, other)
    assert own.state is AbsenceState.CURRENT
    with pytest.raises(ConflictError, match="is already absent"):
        house.services.confirmations.confirm_absence(house.dba, waiting.id)


def test_an_absence_in_the_past_does_not_count_for_what_was_then(house: House) -> None:
    waiting = house.absence(house.admin)
    house.desk.clock.ahead += timedelta(hours=3)
    confirmed = house.services.confirmations.confirm_absence(house.dba, waiting.id)
    assert confirmed.starts_at > waiting.starts_at + timedelta(hours=2)


def test_the_operator_needs_no_confirmation_and_is_named(house: House) -> None:
    entered = house.absence(OPERATOR)
    assert entered.state is AbsenceState.CURRENT and entered.made_by == OPERATOR.name
    entry = house.last("absence.added")
    assert (entry.via, entry.actor_name, entry.detail["confirmed"]) == ("command_line", OPERATOR.name, True)
    token, view = house.services.tokens.make(OPERATOR, AGENT, house.dba.id)
    assert house.services.tokens.find(token, "").actor.makers.ids == frozenset()
    assert view.made.names == OPERATOR.name and house.last("token.made").via == "command_line"
    assert house.notices() == []


def test_a_token_made_for_another_works_once_that_person_confirms_it(house: House) -> None:
    token, view = house.services.tokens.make(house.admin, AGENT, house.dba.id)
    assert view.state == "not confirmed"
    with pytest.raises(TokenError) as refused:
        house.services.tokens.find(token, "")
    assert refused.value.extra["reason"] == "not_confirmed"
    for who in (house.admin, house.opened_by(house.admin)):
        with pytest.raises((ForbiddenError, NotFoundError)):
            house.services.confirmations.confirm_token(who, view.id)
    with pytest.raises(TokenError):
        house.services.tokens.find(token, "")
    house.services.confirmations.confirm_token(house.dba, view.id)
    bearer = house.services.tokens.find(token, "")
    assert bearer.actor.makers.ids == {house.admin.id}
    assert house.last("token.confirmed").actor_id == house.dba.id
    with pytest.raises(ConflictError):
        house.services.confirmations.decline_token(house.dba, view.id)


def test_a_declined_token_never_works(house: House) -> None:
    token, view = house.services.tokens.make(house.admin, AGENT, house.dba.id)
    house.services.confirmations.decline_token(house.dba, view.id)
    with pytest.raises(TokenError) as refused:
        house.services.tokens.find(token, "")
    assert refused.value.extra["reason"] == "revoked"
    with pytest.raises(ConflictError):
        house.services.confirmations.confirm_token(house.dba, view.id)


def test_a_persons_token_made_in_a_session_that_another_opened_waits_as_well(house: House) -> None:
    """It would outlive the session, and decide as that person."""
    mine = token_terms(TokenKind.PERSON, "Script", ["approvals:decide"], 7)
    token, view = house.services.tokens.make(house.opened_by(house.admin), mine, house.dba.id)
    assert view.state == "not confirmed"
    house.services.confirmations.confirm_token(house.dba, view.id)
    with pytest.raises(OwnRequestError):
        house.desk.decide(house.desk.open(requester=house.admin), house.services.tokens.find(token, "").actor)
    own, view = house.services.tokens.make(house.dba, mine, house.dba.id)
    assert view.state == "active" and house.services.tokens.find(own, "").actor.id == house.dba.id


def test_the_person_is_told_by_their_channels(house: House) -> None:
    by_both = Choices(dict(DEFAULT) | {NoticeKind.ASKED: Choice(Way.BOTH, RiskLevel.SAFE, Way.DIGEST)})
    house.services.tokens.make(house.admin, AGENT, house.dba.id)
    house.services.preferences.choose(house.dba, by_both)
    house.absence(house.admin)
    told = [(notice.key.split(":")[1], notice.channel, notice.state) for notice in house.notices()]
    assert told == [("token", "mail", "pending"), ("absence", "mail", "pending"), ("absence", "slack", "pending")]
    query = text("select count(*) from procrastinate_jobs where args ->> 'delivery' = any(:ids)")
    with house.desk.sessions() as session:
        jobs = session.execute(query, {"ids": [notice.id for notice in house.notices()]}).scalar_one()
    assert jobs == 3
