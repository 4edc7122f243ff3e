"""Requests that too few people can decide: found by the rules for decisions, and noted on the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.errors import AssentError
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import Action, Actor, Via
from app.domain.policy.access import addressed
from app.domain.policy.shortage import Need, Roster, Shortage, Standing, shortage
from app.domain.policy.terms import Terms
from app.domain.policy.words import ANYONE, listing
from app.domain.text import capitalized
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.entitlement import ASKING_KINDS
from app.services.requests.requester import askers
from app.services.requests.situation import named, names_of
from app.services.requests.votes import vote
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision

log = structlog.get_logger(__name__)


class Deciders:
    """Everybody who may decide, read once for many requests."""

    def __init__(self, session: Session) -> None:
        people = session.scalars(select(Person).where(Person.active)).all()
        self.actors: list[Actor] = [person.as_actor(Via.PAGE) for person in people]
        able = [actor for actor in self.actors if actor.may(Action.DECIDE)]
        self.roster = Roster(actor.member for actor in able)
        self._added = {actor.id: actor.account.ids for actor in able if actor.account.ids}
        self.known: dict[tuple[object, ...], str] = {}
        """What was found for requests that nobody has decided on, which mostly have the same stages."""
        self.left = 0
        """How many requests others were changing, so that nothing was noted."""

    def own(self, request: ApprovalRequest) -> frozenset[str]:
        """Ids of everybody for whom this is, or may be, their own request (`requester.own_request`)."""
        requesters = askers(request)
        return requesters | {person for person, makers in self._added.items() if makers & requesters}


def _words(session: Session, request: ApprovalRequest, decisions: Sequence[Decision], deciders: Deciders) -> str:
    """As `_found_words`, found once for all new requests with the same stages and requester."""
    if decisions or request.edited_by:
        return _found_words(session, request, decisions, deciders)
    stages, asks = repr(request.terms.get("stages")), request.kind in ASKING_KINDS
    key = (stages, request.stage, tuple(request.escalated_to), deciders.own(request), asks)
    if key not in deciders.known:
        deciders.known[key] = _found_words(session, request, decisions, deciders)
    return deciders.known[key]


def _found_words(session: Session, request: ApprovalRequest, decisions: Sequence[Decision], deciders: Deciders) -> str:
    """Why nobody can approve or answer a pending request, as a sentence; empty if people can.

    Args:
        decisions: those that have not been withdrawn, oldest first.
    """
    terms = Terms.from_json(request.terms)
    standing = Standing(
        terms, request.digest, request.stage, tuple(request.escalated_to), [vote(decision) for decision in decisions],
        request.edited_by, deciders.own(request),
    )  # fmt: skip
    found = shortage(standing, deciders.roster)
    return "" if found is None else _sentence(session, request, terms, found, bool(decisions))


def _sentence(session: Session, request: ApprovalRequest, terms: Terms, found: Shortage, begun: bool) -> str:
    names = names_of(session, {address for need in found.needs for address in need.addressed_to})
    who = [_who(terms, need, named(need.addressed_to, names)) for need in found.needs]
    verb = "answer" if request.kind in ASKING_KINDS else "approve"
    return capitalized(f"nobody can {verb} this: {found.words(who, 'still needs' if begun else 'needs')}.")


def _who(terms: Terms, need: Need, names: Sequence[str]) -> str:
    """A stage's approvers: by its name, unless others were added to it."""
    stage = terms.stages[need.stage]
    if stage.name and need.addressed_to == addressed(stage):
        return stage.name
    return listing(names, "or") or ANYONE


def note_shortages(
    session: Session, requests: Sequence[ApprovalRequest], decisions: Mapping[str, Sequence[Decision]],
    deciders: Deciders, now: datetime,
) -> list[ApprovalRequest]:  # fmt: skip
    """Note on each of these pending requests whether people can decide it, and update open pages where that changed.

    Returns:
        Those that nobody can decide, and could be decided before.
    """
    lacking = []
    for request in requests:
        try:
            words = _words(session, request, decisions.get(request.id, ()), deciders)
        except (AssentError, KeyError, TypeError, ValueError) as error:
            # One that cannot be read keeps nothing from the others.
            log.warning("a request could not be looked at", request=request.id, error=str(error))
            continue
        if words == request.shortage:
            continue
        if not _noted(session, request, words, now):
            deciders.left += 1
        elif words:
            lacking.append(request)
    return lacking


def _noted(session: Session, request: ApprovalRequest, words: str, now: datetime) -> bool:
    """Write the note, unless the request is decided by now. It makes no new version, which would refuse decisions.

    It waits for nobody who is changing the request, because the notes of others are held up meanwhile.
    """
    row = ApprovalRequest
    pending = row.id == request.id, row.state == RequestState.PENDING.value, row.shortage != words
    free = select(row.id).where(*pending).with_for_update(skip_locked=True)
    noted = (
        update(row)
        .where(row.id.in_(free))
        .values(shortage=words)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(noted) is None:
        return False
    what = RequestChange.LACKS_APPROVERS if words else RequestChange.HAS_APPROVERS
    publish(session, moves.changed(request, now, what))
    return True
