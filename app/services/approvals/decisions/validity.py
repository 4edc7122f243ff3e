"""Which approvals count: those of people who are still approvers and may still decide. Others no longer count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.people import Action, Actor, Via
from app.domain.policy.access import addressed, is_approver
from app.domain.policy.fold import NO_STAGE
from app.domain.policy.terms import Terms
from app.services.requests.delegation import represented_by
from app.services.requests.situation import AGREEING, step_addresses
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision


def lapsed(session: Session, request: ApprovalRequest, decisions: Sequence[Decision], now: datetime) -> dict[str, str]:
    """Of these decisions, the approvals that no longer count: their ids and why, in words.

    Rejections count even after their author has left, because dropping them would make approval easier.
    """
    agreeing = [decision for decision in decisions if decision.verdict in AGREEING and decision.stage != NO_STAGE]
    if not agreeing:
        return {}
    ids = {who for decision in agreeing for who in (decision.person_id, decision.on_behalf_of_id) if who}
    people = {person.id: person for person in session.scalars(select(Person).where(Person.id.in_(ids)))}
    terms = Terms.from_json(request.terms)
    found = {decision.id: _why(session, request, terms, decision, people, now) for decision in agreeing}
    return {decision_id: why for decision_id, why in found.items() if why}


def takes_part(session: Session, request: ApprovalRequest, person: Person, now: datetime) -> bool:
    """True if the person could still be an approver: in person, or as the delegate of someone absent."""
    actor = person.as_actor(Via.PAGE)
    if not person.active or not actor.may(Action.DECIDE):
        return False
    if is_approver(actor.member, request.addressed_to):
        return True
    return any(is_approver(absent, request.addressed_to) for absent in represented_by(session, person.id, now))


def _why(
    session: Session,
    request: ApprovalRequest,
    terms: Terms,
    decision: Decision,
    people: Mapping[str, Person],
    now: datetime,
) -> str:
    """Why the decision no longer counts; empty if it does."""
    person = people[decision.person_id]
    if why := _unable(person):
        return why
    asked = people[decision.on_behalf_of_id] if decision.on_behalf_of_id else person
    if asked is not person:
        if why := _unable(asked):
            return why
        if asked.id not in {absent.id for absent in represented_by(session, person.id, now)}:
            return f"{person.name} is no longer the delegate of {asked.name}."
    stage = terms.stages[min(decision.stage, len(terms.stages) - 1)]
    # Approvers added by an escalation stay approvers of that stage, even when the request is at the next stage.
    added = [address for step in terms.escalation[: request.escalation] for address in step_addresses(step)]
    if not is_approver(asked.as_actor(Via.PAGE).member, addressed(stage, added)):
        return f"{asked.name}'s approval is no longer required."
    return ""


def _unable(person: Person) -> str:
    actor: Actor = person.as_actor(Via.PAGE)
    if not person.active:
        return f"{person.name}'s account is no longer active."
    return "" if actor.may(Action.DECIDE) else f"{person.name} may no longer decide."
