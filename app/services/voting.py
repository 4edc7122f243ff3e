"""Decisions: taken once, counted, and settled with the run's resumption in one write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.domain.errors import ConflictError, DuplicateDecisionError
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM, Action, Actor
from app.domain.policy.fold import Resolution, fold, progress
from app.domain.ranking import attention_at
from app.domain.risk import Assessment
from app.services import deciding
from app.services.audit import record
from app.services.deciding import Ballot
from app.services.events import EventKind, event_row, publish
from app.services.ground import Ground, get, settle
from app.store.batch import Batch, text_of
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import Verdict

ATTEMPTS = 20
"""How often a decision is tried again when others decide on the same request at the same moment."""


@dataclass(frozen=True)
class DecisionResult:
    """What a decision led to. `words` is a sentence for the one who decided."""

    request: ApprovalRequest
    resolved: bool
    words: str


class Voting:
    """Takes people's decisions."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def decide(
        self,
        request_id: str,
        actor: Actor,
        verdict: Verdict,
        digest: str,
        *,
        change: Any = None,
        answer: Any = None,
        comment: str = "",
    ) -> DecisionResult:
        """Take one person's decision; if that settles the request, the run's resumption commits with it.

        Args:
            digest: of the payload the person saw.
            change: for `modify`, as `app.domain.changes` describes.
            answer: for `answer`, checked against the request's schema.
            comment: what the person says; some verdicts require it.

        Raises:
            NotFoundError, ForbiddenError, OwnRequestError: may not be decided by this actor.
            InvalidInputError, TooLargeError: the decision is not usable; `fields` says where.
            StaleDigestError, AlreadyDecidedError, DuplicateDecisionError, ExpiredError: too late.
        """
        ballot = Ballot(verdict, digest, change, answer, deciding.clean_comment(comment))
        for _ in range(ATTEMPTS):
            with self._ground.sessions.reads() as session:
                request = get(session, request_id)
                # Every decision makes a new version: the first one has none before it.
                earlier = deciding.decisions_on(session, request_id) if request.version > 1 else []
            checked = deciding.check(request, actor, ballot, self._ground.clock(), self._ground.assess)
            result = self._cast(request, earlier, actor, checked)
            if result is not None:
                return result
        raise ConflictError("Too many people are deciding on this at the same moment. Please try again.")

    def _cast(
        self, seen: ApprovalRequest, earlier: list[Decision], actor: Actor, checked: deciding.Checked
    ) -> DecisionResult | None:
        """Write the decision if the request is still as seen; None if it has moved on and must be looked at again."""
        now = self._ground.clock()
        values = deciding.decision_of(seen, actor, checked, now)
        decision = Decision(**values)
        votes = [deciding.vote(each) for each in (*earlier, decision)]
        resolution = fold(votes, checked.agreed_digest, checked.terms, checked.changed)
        approvals = progress(votes, checked.agreed_digest, checked.terms).approvals
        batch = self._moved(seen, checked, resolution, approvals, now)
        batch.add(Decision, **values)
        deciding.record_decision(batch, seen, actor, checked, now)
        if resolution is not None:
            payload = checked.payload if checked.payload is not None else seen.payload
            remarks = [deciding.remark(each) for each in (*earlier, decision)]
            body = deciding.outcome_body(seen, resolution, payload, checked.digest, checked.answer, remarks, now)
            record(
                batch, SYSTEM, "request.resolved", now, request_id=seen.id, run_id=seen.run_id,
                state=resolution.state.value, digest=checked.digest,
            )  # fmt: skip
            settle(batch, seen, resolution, body, now)
        try:
            if batch.run(self._ground.sessions) is None:
                return None
        except IntegrityError as error:
            if "uq_decisions" in str(error):
                raise DuplicateDecisionError("You have decided on this already.", state=seen.state) from error
            raise
        words = deciding.result_words(resolution, checked.verdict, approvals, checked.terms)
        return DecisionResult(self._ground.fresh(seen.id), resolution is not None, words)

    @staticmethod
    def _moved(
        seen: ApprovalRequest,
        checked: deciding.Checked,
        resolution: Resolution | None,
        approvals: int,
        now: datetime,
    ) -> Batch:
        """The guarded UPDATE: exactly one row, or somebody else was first."""
        values: dict[str, Any] = {"approvals": approvals}
        if checked.payload is not None:
            values |= {
                "payload": text_of(checked.payload),
                "digest": checked.digest,
                "proposed": text_of(seen.proposed if seen.proposed is not None else seen.payload),
                "assessment": text_of(checked.assessment.to_json()),
                "risk": checked.assessment.level.value,
                "terms": text_of(checked.terms.to_json()),
                "quorum": checked.terms.quorum,
                "attention_at": attention_at(seen.expires_at, checked.assessment.level, seen.priority),
            }
        if resolution is not None:
            return deciding.move(seen, resolution.state, now, **values)
        batch = deciding.move(seen, RequestState.PENDING, now, **values)
        publish(
            batch,
            event_row(
                EventKind.REQUEST_CHANGED, now, run_id=seen.run_id, request_id=seen.id, state="pending",
                progress=f"{approvals} of {checked.terms.quorum}",
            ),
        )  # fmt: skip
        return batch

    def preview(self, request_id: str, actor: Actor, change: Any) -> Assessment:
        """The risk a change would have, before it is sent. Raises like `decide`; changes nothing."""
        request = self._ground.fresh(request_id)
        actor.require(Action.DECIDE)
        return self._ground.assess(deciding.changed_payload(request, change))
