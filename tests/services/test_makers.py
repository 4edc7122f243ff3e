"""One person is not two: who made somebody's sign-in link, token or Slack link counts as that person does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.domain.errors import DuplicateDecisionError, OwnRequestError
from app.domain.people import Actor, Role, Via
from app.domain.policy.terms import Stage
from app.domain.tokens import TokenKind, token_terms
from app.services.approvals.intake.gate import ExternalRequest
from app.services.bundle import Services, build_services
from app.services.notifications.slack import SlackUser
from app.store.people import Person
from app.store.policies import Grant
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import Verdict
from tests.factories import make_grant, make_person, make_workflow, script
from tests.services.desk import Desk, asked
from tests.services.ruled import ruled, seen, terms

HOUR = timedelta(hours=1)
OPERATOR = Actor(kind="system", id="", name="Command line (root)", via=Via.COMMAND_LINE, source="host")


@dataclass
class House:
    """The use cases, with an administrator who asks for things, a second one, and reviewers."""

    desk: Desk
    services: Services
    admin: Actor
    second: Actor
    ana: Actor
    ben: Actor

    def by_link(self, person: Actor, maker: Actor) -> Actor:
        """The person, signed in with a link that somebody made, as pages see them."""
        token = self.services.people.make_link(maker, person.id)
        redeemed = self.services.people.redeem_link(token, "192.0.2.9")
        found = self.services.sign_ins.find(redeemed.token, HOUR)
        assert found is not None and found.makers == redeemed.makers
        return replace(found.person.as_actor(Via.PAGE, "192.0.2.9"), makers=found.makers.counted)

    def by_token(self, kind: TokenKind, maker: Actor, owner: Actor) -> Actor:
        """Who speaks with a token that somebody made for an owner."""
        scopes = ["approvals:read", "approvals:request", *(["approvals:decide"] if kind is TokenKind.PERSON else [])]
        token, view = self.services.tokens.make(maker, token_terms(kind, "CI", scopes, 7), owner.id)
        if view.made.ids:
            self.services.confirmations.confirm_token(owner, view.id)
        return self.services.tokens.find(token, "192.0.2.9").actor

    def entries(self, action: str, request: ApprovalRequest | None = None) -> list[AuditEntry]:
        """The audit entries of that kind, oldest first."""
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.seq)
        if request is not None:
            query = query.where(AuditEntry.request_id == request.id)
        with self.desk.sessions() as session:
            return list(session.scalars(query))

    def decisions(self, request: ApprovalRequest) -> list[Decision]:
        """What was decided."""
        return self.desk.decisions(request)


@pytest.fixture
def house(desk: Desk) -> House:
    """Everybody, on the module's database."""
    people = [
        make_person(desk.sessions, name, roles).as_actor(Via.PAGE, "192.0.2.7")
        for name, roles in (
            ("Admin", (Role.ADMIN, Role.REVIEWER)), ("Second admin", (Role.ADMIN, Role.REVIEWER)),
            ("Ana", (Role.REVIEWER,)), ("Ben", (Role.REVIEWER,)),
        )
    ]  # fmt: skip
    return House(desk, build_services(desk.engine, desk.clock), *people)


def test_a_session_opened_by_the_requester_does_not_decide(house: House) -> None:
    request = house.desk.open(requester=house.admin)
    ana = house.by_link(house.ana, house.admin)
    with pytest.raises(OwnRequestError, match="a sign-in link or token from Admin, who counts as the requester"):
        house.desk.decide(request, ana)
    with pytest.raises(OwnRequestError):
        house.desk.decide(request, ana, Verdict.REJECT, comment="No.")
    with pytest.raises(OwnRequestError):
        house.desk.checkpoints.claim(request.id, ana)
    with pytest.raises(OwnRequestError):
        house.desk.checkpoints.extend(request.id, ana, house.desk.clock() + 48 * HOUR, "More time.")
    view = seen(house.desk, request, ana)
    assert view.verdicts == () and "from Admin, who counts as the requester" in view.why_not
    assert not view.acts.claim and view.acts.extend_until is None
    assert house.decisions(request) == []
    # The same person, signed in with a link from somebody else.
    for maker in (house.second, OPERATOR, house.ana):
        other = house.desk.open(requester=house.admin)
        assert house.desk.decide(other, house.by_link(house.ana, maker) if maker is not house.ana else maker).resolved


def test_a_decision_in_a_session_opened_by_another_is_marked(house: House) -> None:
    request = house.desk.open(requester=house.ben)
    house.desk.decide(request, house.by_link(house.ana, house.admin))
    [decision] = house.decisions(request)
    assert decision.made.ids == {house.admin.id} and decision.made_by == "Admin"
    [entry] = house.entries("request.decided", request)
    assert entry.detail["acting_by"] == "Admin" and entry.detail["acting_by_ids"] == [house.admin.id]
    said = [line.what for line in seen(house.desk, request, house.ben).timeline if line.who == "Ana"]
    assert said == ["approved, acting with a sign-in link or token from Admin"]


def test_cancelling_a_run_in_a_session_opened_by_another_is_marked_on_its_requests_too(house: House) -> None:
    request = house.desk.open(requester=house.ana)
    house.desk.runs.cancel(house.by_link(house.ana, house.admin), request.run_id, "Not needed.")
    [entry] = house.entries("request.cancelled", request)
    assert entry.detail == {"reason": "Not needed.", "acting_by": "Admin", "acting_by_ids": [house.admin.id]}


def test_the_operators_links_are_trusted_and_said_on_the_audit_log(house: House) -> None:
    request = house.desk.open(requester=house.admin)
    house.desk.decide(request, house.by_link(house.ana, OPERATOR))
    [decision] = house.decisions(request)
    assert (decision.made.ids, decision.made_by) == (frozenset(), "")
    made, signed_in = house.entries("person.link_made")[-1], house.entries("person.signed_in")[-1]
    assert (made.via, made.actor_name) == ("command_line", OPERATOR.name)
    assert signed_in.actor_id == house.ana.id and signed_in.detail["link_made_by"] == OPERATOR.name


def test_what_is_asked_in_such_a_session_is_the_makers_too(house: House) -> None:
    """The other way round: the maker asks in somebody's name, and would approve in their own."""
    make_workflow(house.desk.sessions)
    ana = house.by_link(house.ana, house.admin)
    run = house.services.runs.start(ana, "test_gate", {"target": "x"})
    assert run.made.ids == {house.admin.id}
    document = {"kind": "custom", "title": "Anything", "data": {}}
    request = house.services.checkpoints.open(ana, ExternalRequest(document))
    assert request.requester_id == house.ana.id and request.made.ids == {house.admin.id}
    with pytest.raises(OwnRequestError, match="you made the sign-in link or token"):
        house.desk.decide(request, house.admin)
    with pytest.raises(OwnRequestError):
        house.desk.decide(request, house.by_link(house.ben, house.admin))
    assert house.desk.decide(request, house.ben).resolved


def test_a_run_started_in_such_a_session_asks_for_its_maker_too(house: House) -> None:
    run = house.desk.run(house.ana, makers=[house.admin.id], made_by="Admin")
    [request] = house.desk.suspend(run, asked(script("select 1")))
    assert request.made.ids == {house.admin.id}
    with pytest.raises(OwnRequestError):
        house.desk.decide(request, house.admin)
    assert house.desk.decide(request, house.ben).resolved


def test_the_maker_of_an_agents_token_counts_as_requester(house: House) -> None:
    agent = house.by_token(TokenKind.AGENT, house.admin, house.ana)
    asked = ExternalRequest({"kind": "custom", "title": "Anything", "data": {}})
    request = house.services.checkpoints.open(agent, asked)
    for who in (house.admin, house.ana, house.by_link(house.ben, house.admin)):
        with pytest.raises(OwnRequestError):
            house.desk.decide(request, who)
        assert seen(house.desk, request, who).verdicts == ()
    assert house.desk.decide(request, house.ben).resolved
    by_operator = house.by_token(TokenKind.AGENT, OPERATOR, house.ana)
    other = ExternalRequest({"kind": "custom", "title": "Other", "data": {}})
    request = house.services.checkpoints.open(by_operator, other)
    assert house.desk.decide(request, house.admin).resolved


def test_one_person_is_not_a_quorum_of_two(house: House) -> None:
    """Neither with a session of their own and one that they opened, nor with two that they opened."""
    desk = ruled(house.desk, terms(Stage(quorum=2)))
    pairs: list[tuple[Actor, Actor]] = [
        (house.admin, house.by_link(house.ana, house.admin)),
        (house.by_link(house.ana, house.admin), house.admin),
        (house.by_link(house.ana, house.admin), house.by_link(house.ben, house.admin)),
    ]
    for first, second in pairs:
        request = desk.open(requester=house.second)
        assert not desk.decide(request, first).resolved
        with pytest.raises(DuplicateDecisionError, match="Admin made the sign-in link"):
            desk.decide(desk.fresh(request), second)
        assert seen(desk, request, second).verdicts == ()
        other = house.by_link(house.ana if second.id != house.ana.id else house.ben, OPERATOR)
        if other.id != first.id:
            assert desk.decide(desk.fresh(request), other).resolved


def test_links_do_not_wash_clean(house: House) -> None:
    """What is made in a session that somebody opened is that somebody's as well, however long the chain."""
    second = house.by_link(house.second, house.admin)
    ana = house.by_link(house.ana, second)
    assert ana.makers.ids == {house.admin.id, house.second.id}
    request = house.desk.open(requester=house.admin)
    with pytest.raises(OwnRequestError):
        house.desk.decide(request, ana)
    token = house.by_token(TokenKind.AGENT, second, house.ben)
    assert token.makers.ids == {house.admin.id, house.second.id}


def test_a_slack_user_linked_in_such_a_session_is_the_makers_too(house: House) -> None:
    slack = house.services.slack_people
    user = SlackUser(f"U{house.ana.id[:8]}", "not.ana")
    slack.link(house.by_link(house.ana, house.admin), slack.new_code(user))
    actor = slack.linked(user.id)
    assert actor is not None and actor.id == house.ana.id and actor.makers.ids == {house.admin.id}
    with pytest.raises(OwnRequestError):
        house.desk.decide(house.desk.open(requester=house.admin), actor)
    slack.link(house.ana, slack.new_code(user))
    actor = slack.linked(user.id)
    assert actor is not None and house.desk.decide(house.desk.open(requester=house.admin), actor).resolved


@pytest.mark.parametrize("via", [Via.MAIL, Via.SLACK])
def test_an_account_that_the_requester_added_is_no_second_person_until_somebody_else_vouches(
    house: House, via: Via
) -> None:
    """Its mailbox, in which one decides without a session, may be the requester's own."""
    name, email = f"New by {via} {house.admin.id}", f"new.{via}.{house.admin.id}@example.org"
    added = house.services.people.add(house.admin, name, email, [Role.REVIEWER])

    def person() -> Actor:
        return house.services.people.by_email(added.email).as_actor(via)

    request = house.desk.open(requester=house.admin)
    with pytest.raises(OwnRequestError, match="Admin, who counts as the requester, added your account"):
        house.desk.decide(request, person())
    house.services.people.make_link(house.admin, added.id)
    house.services.people.make_link(house.by_link(house.second, house.admin), added.id)
    with pytest.raises(OwnRequestError):
        house.desk.decide(request, person())
    assert house.desk.decide(house.desk.open(requester=house.ben), person()).resolved, "others' requests are not meant"
    house.services.people.make_link(OPERATOR if via is Via.MAIL else house.second, added.id)
    assert house.entries("person.link_made")[-1].detail["vouches"] is True
    assert house.desk.decide(request, person()).resolved
    name = f"Other by {via} {house.admin.id}"
    by_operator = house.services.people.add(OPERATOR, name, f"by.{via}.{added.email}", [Role.REVIEWER])
    assert by_operator.as_actor(via).account.ids == frozenset()


@pytest.mark.parametrize("via", [Via.MAIL, Via.SLACK])
def test_somebody_who_makes_an_account_active_again_counts_as_having_added_it(house: House, via: Via) -> None:
    """The mail of somebody who has left often goes to a colleague: perhaps to the one who asks."""
    services = house.services
    left = make_person(house.desk.sessions, f"Left by {via}", active=False)

    def again(actor: Actor) -> Actor:
        services.people.change(house.second, left.id, left.name, [Role.REVIEWER], (), active=False)
        services.people.change(actor, left.id, left.name, [Role.REVIEWER], (), active=True)
        return services.people.by_email(left.email).as_actor(via)

    request = house.desk.open(requester=house.admin)
    with pytest.raises(OwnRequestError, match="Admin, who counts as the requester, added your account or made it"):
        house.desk.decide(request, again(house.admin))
    assert again(house.second).account.ids == {house.admin.id, house.second.id}, "it is not vouched for by that"
    services.people.make_link(OPERATOR, left.id)
    services.people.change(house.admin, left.id, left.name, [Role.REVIEWER], ("dba",), active=True)
    assert house.desk.decide(request, services.people.by_email(left.email).as_actor(via)).resolved
    assert again(OPERATOR).account.ids == frozenset()


def test_a_decision_is_not_taken_back_in_such_a_session(house: House) -> None:
    """The requester would otherwise take somebody's objection away."""
    desk = ruled(house.desk, terms(Stage(quorum=2), deny_threshold=2))
    request = desk.open(requester=house.admin)
    desk.decide(request, house.ana, Verdict.REJECT, comment="No.")
    with pytest.raises(OwnRequestError):
        desk.checkpoints.withdraw(request.id, house.by_link(house.ana, house.admin), "Yes.")
    assert [decision.withdrawn_at for decision in desk.decisions(request)] == [None]


def test_the_second_person_of_a_grant_is_another_person(house: House) -> None:
    def proposed(by: Actor) -> Grant:
        with house.desk.sessions() as session:
            proposer = session.get_one(Person, by.id)
        grant = make_grant(house.desk.sessions, proposer)
        with house.desk.sessions.begin() as session:
            session.execute(update(Grant).where(Grant.id == grant.id).values(**by.makers.columns))
        return grant

    grants = house.services.grants
    for proposer, approver in (
        (house.admin, house.by_link(house.ana, house.admin)),
        (house.by_link(house.ana, house.admin), house.admin),
        (house.by_link(house.ana, house.admin), house.by_link(house.ben, house.admin)),
    ):
        grant = proposed(proposer)
        with pytest.raises(OwnRequestError):
            grants.approve(approver, grant.id)
        assert grants.view(grant.id, approver).view.why_not
        assert grants.view(grant.id, house.second).view.why_not == ""
        with pytest.raises(IntegrityError, match="second_person"), house.desk.sessions.begin() as session:
            session.execute(
                update(Grant).where(Grant.id == grant.id).values(
                    approved_by_id=approver.id, approved_makers=sorted(approver.makers.ids)
                )
            )  # fmt: skip
    assert grants.approve(house.by_link(house.second, OPERATOR), grant.id).approvers == {house.second.id}


def test_a_grant_does_not_approve_what_the_maker_of_its_approvers_link_asks_for(house: House) -> None:
    grant = make_grant(house.desk.sessions)
    house.services.grants.approve(house.by_link(house.ana, house.admin), grant.id)
    states = []
    for requester in (house.admin, house.ben):
        run = house.desk.run(requester, workflow=grant.workflow)
        house.desk.suspend(run, asked(script("select 1")))
        with house.desk.sessions() as session:
            states.append(session.scalar(select(ApprovalRequest.state).where(ApprovalRequest.run_id == run.id)))
    assert states == ["pending", "approved"]
