"""Automatic answers: from an earlier rejection in the same run, or by a standing grant.

What should answer is stored with the new request. The answer itself is a due step, so it comes even if the process
that opened the request dies. If it is no longer possible, people decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM
from app.domain.policy.fold import Resolution
from app.domain.policy.terms import Terms
from app.services.approvals.ground import Ground, settle
from app.services.approvals.intake.rejection_memory import REJECTION, rejected_by
from app.services.grants.use import GRANT, RECORD_END, USE, GrantCandidate, applies, given_by
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.line_comments import open_threads
from app.services.requests.outcomes import hold_until, outcome_body
from app.services.requests.votes import decisions_on
from app.store.batch import Batch
from app.store.policies import Grant, GrantUse
from app.store.requests import UNCLAIMED, ApprovalRequest
from app.store.writes import by
from assent.contracts import NextAction, Remark, Verdict

log = structlog.get_logger(__name__)


class AutomaticAnswers:
    """Answers requests automatically."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def answer_soon(self, request_ids: Sequence[str]) -> None:
        """Answer requests that were just opened. Failures are retried as a due step."""
        for request_id in request_ids:
            try:
                self.answer(self._ground.fresh(request_id))
            except Exception:
                log.warning("answer.failed", request=request_id, exc_info=True)

    def answer(self, request: ApprovalRequest) -> bool:
        """Answer the request as stored in its row, or leave it to people. True if this call did either."""
        if request.state != RequestState.PENDING.value or not request.answered_by:
            return False
        kind, _, source = request.answered_by.partition(":")
        with self._ground.sessions.reads() as session:
            voted = bool(decisions_on(session, request.id)) if request.version > 1 else False
        if voted or request.digest != request.proposed_digest:
            return self._leave(request, "People are already deciding on this.")
        if kind == REJECTION:
            return self._reject(request, source)
        return (
            self._approve(request, source) if kind == GRANT else self._leave(request, "There is no automatic answer.")
        )

    def _reject(self, request: ApprovalRequest, earlier: str) -> bool:
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            who, why = rejected_by(session, earlier)
        reason = f": {why.rstrip('.')}" if why else ""
        said = f"Rejected before by {who}{reason}; ask an approver to reopen it if it should be reviewed again."
        resolution = Resolution(RequestState.REJECTED, Verdict.REJECT, NextAction.ABORT)
        remark = Remark(who=SYSTEM.name, verdict=Verdict.REJECT, comment=said, at=now)
        body = outcome_body(request, resolution, request.payload, request.digest, None, [remark], now)
        columns = {"state": resolution.state.value, "resolved_at": now, "due_at": None, "note": said, **UNCLAIMED}
        batch = Batch(
            f"update approval_requests set {_assigned(columns)}, version = version + 1 "
            "where id = %(request)s and state = 'pending' and version = %(version)s and exists ("
            "select from approval_requests as earlier where earlier.id = %(earlier)s and earlier.state = 'rejected' "
            "and earlier.reopened_at is null) returning id",
            _named(columns) | {"request": request.id, "version": request.version, "earlier": earlier},
        )
        settle(batch, request, resolution, body, now)
        record(
            batch, SYSTEM, "request.remembered", now, request_id=request.id, run_id=request.run_id, reason=said,
            rejection=earlier, digest=request.digest,
        )  # fmt: skip
        _resolved(batch, request, resolution.state, now)
        if batch.run(self._ground.sessions) is not None:
            return True
        return self._leave(request, "The earlier rejection has been reopened.")

    def _approve(self, request: ApprovalRequest, grant_id: str) -> bool:
        now = self._ground.clock()
        with self._ground.sessions.reads() as session:
            grant = session.get(Grant, grant_id)
            terms = Terms.from_json(request.terms)
            if terms.comments_resolved and open_threads(session, request):
                return self._leave(request, "Comments at lines of an earlier revision are open.", grant=grant_id)
            if grant is None or now >= request.expires_at or not applies(session, grant, GrantCandidate.of(request)):
                return self._leave(request, "The standing grant no longer applies to this.", grant=grant_id)
        said = f"{given_by(grant)}."
        resolution = Resolution(RequestState.APPROVED, Verdict.APPROVE, NextAction.CONTINUE)
        remark = Remark(who=SYSTEM.name, verdict=Verdict.APPROVE, comment=said, at=now)
        body = outcome_body(request, resolution, request.payload, request.digest, None, [remark], now)
        held_until = hold_until(resolution, Terms.from_json(request.terms), now)
        columns = {
            "state": resolution.state.value, "resolved_at": now, "note": f"Approved by the s{said[1:]}",
            "held_until": held_until, **UNCLAIMED,
            **due_values(request, state=resolution.state.value, held_until=held_until),
        }  # fmt: skip
        batch = Batch(
            USE,
            _named(columns) | {"request": request.id, "version": request.version, "grant": grant.id, "now": now,
                               "used_run": request.run_id},
        )  # fmt: skip
        settle(batch, request, resolution, body, now, held_until)
        batch.also(
            f"update approval_requests set {_assigned(columns)}, version = version + 1 "
            "where id = %(request)s and exists (select from guard)"
        )
        batch.also(RECORD_END, **by(SYSTEM, now))
        batch.add(GrantUse, request_id=request.id, grant_id=grant.id, at=now)
        record(
            batch, SYSTEM, "grant.used", now, request_id=request.id, run_id=request.run_id, grant=grant.id,
            reason=said, digest=request.digest,
        )  # fmt: skip
        _resolved(
            batch, request, resolution.state, now, **({"held_until": held_until.isoformat()} if held_until else {})
        )
        publish(batch, event_row(EventKind.GRANT_CHANGED, now, grant=grant.id, what="used"))
        if batch.run(self._ground.sessions) is not None:
            return True
        return self._leave(request, "The standing grant is used up, expired, or revoked.", grant=grant_id)

    def _leave(self, request: ApprovalRequest, why: str, **detail: Any) -> bool:
        """Leave the request to people; False if it has changed meanwhile."""
        now = self._ground.clock()
        batch = moves.move(
            request, RequestState.PENDING, now, answered_by="", **due_values(request, answered_by="")
        )  # fmt: skip
        record(
            batch, SYSTEM, "request.left_to_people", now, request_id=request.id, run_id=request.run_id, reason=why,
            **detail,
        )  # fmt: skip
        publish(batch, moves.changed(request, now, RequestChange.ASKS_PEOPLE))
        return batch.run(self._ground.sessions) is not None


def _resolved(batch: Batch, request: ApprovalRequest, state: RequestState, now: datetime, **detail: Any) -> None:
    record(
        batch, SYSTEM, "request.resolved", now, request_id=request.id, run_id=request.run_id, state=state.value,
        digest=request.digest, **detail,
    )  # fmt: skip
    publish(batch, moves.resolved(request, now, state))


def _assigned(columns: dict[str, Any]) -> str:
    return ", ".join(f"{name} = %(set_{name})s" for name in columns)


def _named(columns: dict[str, Any]) -> dict[str, Any]:
    return {f"set_{name}": value for name, value in columns.items()}
