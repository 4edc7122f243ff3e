"""Decisions: each is recorded once, counted by stage, and settles the request and resumes the run in one write."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.ballot import Ballot
from app.domain.errors import (
    ConflictError,
    DuplicateDecisionError,
    ForbiddenError,
    IllegalTransitionError,
    OpenCommentsError,
    VersionChangedError,
)
from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.outlines import likeness_key
from app.domain.people import SYSTEM, Action, Actor
from app.domain.policy.fold import Progress, Resolution, fold, progress, rejections
from app.domain.policy.terms import Terms
from app.domain.ranking import attention_at
from app.domain.review_time import content_seconds
from app.domain.text import plural
from app.services.approvals.decisions.checks import CheckedDecision, changed_payload, check
from app.services.approvals.decisions.claims import let_go
from app.services.approvals.decisions.departures import settle_departures_on
from app.services.approvals.decisions.reassessment import ChangePreview, reassess
from app.services.approvals.decisions.replies import counted_words, settled_words, undoable_words, withdrawn_words
from app.services.approvals.decisions.tally import progress_columns
from app.services.approvals.decisions.validity import lapsed
from app.services.approvals.ground import Ground, get, refuse_unless_open, settle
from app.services.files.decided import deleted_meanwhile, use_decided_files
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.comments import clean_comment
from app.services.requests.entitlement import HARMLESS, seat_of
from app.services.requests.grace import takes_effect_at, without_grace
from app.services.requests.line_comments import open_threads, remark_with_lines
from app.services.requests.outcomes import hold_until, outcome_body
from app.services.requests.requester import refuse_own
from app.services.requests.situation import addresses_in, names_of, stage_name
from app.services.requests.votes import decisions_on, remark, vote
from app.store.batch import Batch
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import Urgency, Verdict

ATTEMPTS = 20
"""How often a decision is retried when others decide on the same request at the same moment."""
WITHDRAW = """
    update decisions set withdrawn_at = %(withdrawn_at)s
    where request_id = %(request)s and person_id = %(withdrawn_by)s and withdrawn_at is null
    and exists (select from guard)"""
REPLACE = f"{WITHDRAW} and verdict = '{Verdict.ANSWER.value}'"
_BUSY = "Too many people are deciding this at the same time. Try again."


@dataclass(frozen=True)
class DecisionResult:
    """The result of a decision. `words` is a sentence for the person who decided."""

    request: ApprovalRequest
    resolved: bool
    words: str


class Decisions:
    """Records people's decisions and withdraws them."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def decide(self, request_id: str, actor: Actor, ballot: Ballot) -> DecisionResult:
        """Record a person's decision, as `CheckpointManager.decide` describes."""
        actor.require(Action.DECIDE)  # before anything reveals whether the request exists
        said = clean_comment(ballot.comment)
        for attempt in range(ATTEMPTS):
            now = self._ground.clock()
            request = self._ground.read(request_id)
            with self._ground.sessions.reads() as session:
                if attempt:
                    _refuse_inactive(session, actor)
                _refuse_other_version(request, ballot.version)
                # Every decision creates a new version, so a request of version 1 has no decisions.
                earlier = decisions_on(session, request_id) if request.version > 1 else []
                pending = request.state == RequestState.PENDING.value
                departed = pending and bool(lapsed(session, request, earlier, now))
                seat = None if departed else seat_of(session, request, actor, earlier, now)
                ballot = replace(ballot, comment=_words_for_agent(session, request, ballot.verdict, said))
            if seat is None:
                # For example, an absence has just ended: approvals end first, and then the request is read again.
                settle_departures_on(self._ground.sessions, request_id, now)
                continue
            checked = check(self._ground, request, seat, actor, ballot, now)
            self._refuse_open_comments(request, checked)
            result = self._cast(request, earlier, actor, checked)
            if result is not None:
                return result
        raise ConflictError(_BUSY)

    def _cast(
        self, seen: ApprovalRequest, earlier: list[Decision], actor: Actor, checked: CheckedDecision
    ) -> DecisionResult | None:
        """Write the decision if the request has not changed since it was read; None if it has changed."""
        now = self._ground.clock()
        # Assessing a change takes time, and the deadline may have passed meanwhile.
        refuse_unless_open(seen, now)
        values = _decision(seen, actor, checked, now)
        standing = [*(decision for decision in earlier if decision is not checked.seat.replaces), Decision(**values)]
        votes = [vote(decision) for decision in standing]
        resolution = fold(votes, checked.digest, checked.terms, checked.changed, checked.editors)
        after = progress(votes, checked.digest, checked.terms, checked.editors)
        due = (
            takes_effect_at(seen, earlier, resolution, checked.digest, checked.terms, self._ground.grace, now)
            if resolution else None
        )  # fmt: skip
        decided, resolution = resolution, None if due else resolution
        held = hold_until(resolution, checked.terms, now) if resolution else None
        batch = _moved(seen, actor, checked, resolution, after, held, due, now)
        batch.add(Decision, **values)
        _record(batch, seen, actor, checked, decided, after, due, now)
        use_decided_files(self._ground.files, batch, actor, seen, checked.payload, checked.answer)
        if resolution is not None:
            payload = checked.payload if checked.payload is not None else seen.payload
            remarks = [remark(decision) for decision in standing]
            body = outcome_body(seen, resolution, payload, checked.digest, checked.answer, remarks, now)
            until = {"held_until": held.isoformat()} if held else {}
            record(
                batch, SYSTEM, "request.resolved", now, request_id=seen.id, run_id=seen.run_id,
                state=resolution.state.value, digest=checked.digest, **until,
            )  # fmt: skip
            settle(batch, seen, resolution, body, now, held)
        if checked.seat.replaces is not None:
            batch.also(REPLACE, withdrawn_at=now, withdrawn_by=actor.id)
        try:
            if batch.run(self._ground.sessions) is None:
                return None
        except IntegrityError as error:
            if "uq_decisions" in str(error):
                raise DuplicateDecisionError("You have already decided this.", state=seen.state) from error
            if (deleted := deleted_meanwhile(error)) is not None:
                raise deleted from error
            raise
        if resolution is not None:
            words = settled_words(resolution, checked.terms, held, now)
        elif decided is not None and due is not None:
            words = undoable_words(decided, due, now)
        else:
            names = self._stage_names(checked.terms)
            edited = not actor.persons.isdisjoint(checked.editors)
            words = counted_words(
                checked.verdict, after, seen.stage, names, rejections(votes), checked.terms, edited=edited
            )
        return DecisionResult(batch.written(), resolution is not None, words)

    def _refuse_open_comments(self, request: ApprovalRequest, checked: CheckedDecision) -> None:
        """Raise OpenCommentsError for an approval while a comment is open that has to be resolved before it."""
        if checked.verdict in HARMLESS or not checked.terms.comments_resolved:
            return
        with self._ground.sessions.reads() as session:
            count = len(open_threads(session, request))
        if count:
            words = f"{plural(count, 'comment')} at lines {'is' if count == 1 else 'are'} open. "
            raise OpenCommentsError(
                f"{words}The rule “{checked.terms.name}” requires that all of them are resolved before an approval.",
                open_comments=count,
            )

    def withdraw(self, request_id: str, actor: Actor, reason: str = "") -> DecisionResult:
        """Withdraw the actor's own decision, as `CheckpointManager.withdraw` describes."""
        actor.require(Action.DECIDE)
        comment = clean_comment(reason)
        for _ in range(ATTEMPTS):
            now = self._ground.clock()
            with self._ground.sessions.reads() as session:
                request = get(session, request_id)
                standing = decisions_on(session, request_id)
            if request.resolves_at is None or request.state != RequestState.PENDING.value:
                refuse_unless_open(request, now)
            own = [decision for decision in standing if decision.person_id == actor.id]
            if not own or not actor.id:
                raise IllegalTransitionError("You have no decision to withdraw here.", state=request.state)
            refuse_own(request, actor)
            result = self._take_back(request, standing, own, actor, comment, now)
            if result is not None:
                return result
        raise ConflictError(_BUSY)

    def _take_back(
        self,
        seen: ApprovalRequest,
        standing: list[Decision],
        own: list[Decision],
        actor: Actor,
        comment: str,
        now: datetime,
    ) -> DecisionResult | None:
        """Withdraw the decisions if the request has not changed since it was read; None if it has.

        Fewer approvals never settle a request, so the result need not be computed.
        """
        terms = Terms.from_json(seen.terms)
        votes = [vote(decision) for decision in standing if decision not in own]
        after = progress(votes, seen.digest, terms, seen.edited_by)
        values = progress_columns(seen, terms, after)
        values |= let_go(seen, actor.id, terms, others_asked=True) if _asks_others(values) else {}
        values |= without_grace(seen, [decision for decision in standing if decision not in own], values)
        batch = moves.move(seen, RequestState.PENDING, now, **values)
        batch.also(WITHDRAW, withdrawn_at=now, withdrawn_by=actor.id)
        record(
            batch, actor, "request.decision_withdrawn", now, request_id=seen.id, run_id=seen.run_id, reason=comment,
            verdict=own[-1].verdict, digest=own[-1].digest, progress=after.words, **_for_whom(own[-1]),
        )  # fmt: skip
        _tell(batch, seen, after, RequestChange.WITHDRAWN, now)
        if batch.run(self._ground.sessions) is None:
            return None
        words = withdrawn_words(after, seen.stage, self._stage_names(terms), late=now >= seen.expires_at)
        return DecisionResult(batch.written(), False, words)

    def preview(self, request_id: str, actor: Actor, change: Any) -> ChangePreview:
        """The risk after a change, as `CheckpointManager.preview` describes."""
        actor.require(Action.DECIDE)
        request = self._ground.fresh(request_id)
        return reassess(self._ground, request, changed_payload(request, change), actor.persons)

    def _stage_names(self, terms: Terms) -> list[str]:
        addresses = addresses_in(terms)
        if not addresses:
            return [stage_name(terms, at, {}) for at in range(len(terms.stages))]
        with self._ground.sessions.reads() as session:
            names = names_of(session, addresses)
        return [stage_name(terms, at, names) for at in range(len(terms.stages))]


def _words_for_agent(session: Session, request: ApprovalRequest, verdict: Verdict, said: str) -> str:
    """A person's comment; for an agent that is to propose a change, with the open comments at lines."""
    if verdict is not Verdict.REQUEST_CHANGES:
        return said
    return remark_with_lines(said, request.payload, open_threads(session, request))


def _refuse_inactive(session: Session, actor: Actor) -> None:
    person = session.get(Person, actor.id)
    if person is None or not person.active:
        raise ForbiddenError("Your account is no longer active. Your decision was not counted.")


def _refuse_other_version(request: ApprovalRequest, version: int | None) -> None:
    if version is not None and request.version != version:
        raise VersionChangedError(
            f"This request has changed: its version is {request.version}, not {version}.",
            version=request.version, state=request.state, digest=request.digest,
        )  # fmt: skip


def _asks_others(standing: dict[str, Any]) -> bool:
    """True if the request moves to another stage that not every reviewer can decide."""
    return "stage" in standing and bool(standing.get("addressed_to"))


def _moved(
    seen: ApprovalRequest,
    actor: Actor,
    checked: CheckedDecision,
    resolution: Resolution | None,
    after: Progress,
    held: datetime | None,
    due: datetime | None,
    now: datetime,
) -> moves.Move:
    """The guarded UPDATE: it changes exactly one row, unless someone else was first.

    Args:
        resolution: what settles the request now.
        due: what settles it takes effect only then.
    """
    values: dict[str, Any] = {"approvals": after.approvals}
    if checked.payload is not None:
        values |= {
            "payload": checked.payload,
            "digest": checked.digest,
            "proposed": seen.proposed if seen.proposed is not None else seen.payload,
            "assessment": checked.assessment.to_json(),
            "risk": checked.assessment.level.value,
            "terms": checked.terms.to_json(),
            "quorum": after.quorum,
            "edited_by": list(checked.editors),
            "attention_at": attention_at(
                seen.expires_at, checked.assessment.level, seen.priority, Urgency(seen.urgency)
            ),
            "likeness": likeness_key(checked.payload, seen.workflow, seen.node),
            "review_seconds": content_seconds(checked.payload, len(checked.assessment.findings)),
        }
    if resolution is not None:
        if seen.answered_by:
            values |= {"answered_by": ""}  # people decided before the automatic answer
        if held is not None:
            values |= {"held_until": held}
            values |= due_values(seen, state=resolution.state.value, held_until=held, terms=checked.terms)
        return moves.move(seen, resolution.state, now, actor.id, **values)
    standing = progress_columns(seen, checked.terms, after)
    values |= standing | let_go(seen, actor.id, checked.terms, _asks_others(standing))
    if due != seen.resolves_at:
        values |= {"resolves_at": due} | ({"answered_by": ""} if due and seen.answered_by else {})
        values |= due_values(seen, **(values | {"terms": checked.terms}))
    batch = moves.move(seen, RequestState.PENDING, now, actor.id, **values)
    _tell(batch, seen, after, RequestChange.DECIDED, now)
    return batch


def _tell(batch: Batch, seen: ApprovalRequest, after: Progress, what: RequestChange, now: datetime) -> None:
    """Send open pages the progress, and whether the required approvers have changed."""
    if after.current > seen.stage and not after.reached:
        what = RequestChange.NEXT_STAGE
    elif after.current < seen.stage:
        what = RequestChange.EARLIER_STAGE
    publish(batch, moves.changed(seen, now, what, progress=after.words))


def _decision(request: ApprovalRequest, actor: Actor, checked: CheckedDecision, now: datetime) -> dict[str, Any]:
    principal = checked.seat.principal
    return {
        "id": str(uuid.uuid4()),
        "request_id": request.id,
        "person_id": actor.id,
        "person_name": actor.name,
        "verdict": checked.verdict.value,
        "seen_digest": checked.seen_digest,
        "digest": checked.agreed_digest,
        "change": checked.change,
        "answer": checked.answer,
        "comment": checked.comment,
        "via": actor.via.value,
        "at": now,
        "stage": checked.seat.stage,
        "read_seconds": checked.read_seconds,
        "on_behalf_of_id": principal.id if principal else None,
        "on_behalf_of_name": principal.name if principal else "",
        **actor.makers.columns,
    }


def _for_whom(decision: Decision) -> dict[str, Any]:
    if decision.on_behalf_of_id is None:
        return {}
    return {"on_behalf_of": {"id": decision.on_behalf_of_id, "name": decision.on_behalf_of_name}}


def _record(
    batch: Batch,
    request: ApprovalRequest,
    actor: Actor,
    checked: CheckedDecision,
    resolution: Resolution | None,
    after: Progress,
    due: datetime | None,
    now: datetime,
) -> None:
    """The decision's audit entry, including on whose behalf it was made and which stage follows."""
    more: dict[str, Any] = {}
    if checked.seat.principal is not None:
        more["on_behalf_of"] = {"id": checked.seat.principal.id, "name": checked.seat.principal.name}
    if len(checked.terms.stages) > 1:
        more["stage"] = checked.seat.stage
        if resolution is None:
            more["asked_next"] = after.current
    if due is not None:
        more["takes_effect_at"] = due.isoformat()
    record(
        batch, actor, "request.decided", now, request_id=request.id, run_id=request.run_id,
        verdict=checked.verdict.value, seen_digest=checked.seen_digest, digest=checked.agreed_digest,
        risk=checked.assessment.level.value, comment=checked.comment, **more,
    )  # fmt: skip
