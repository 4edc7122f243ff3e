"""What a policy decides about a request in the statement that opens it."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from app.domain.events import EventKind
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM, Actor
from app.domain.policy.fold import Resolution
from app.domain.policy.terms import Terms
from app.domain.policy.verdicts import Decide, PolicyDecision
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests.outcomes import hold_until, outcome_body
from app.store.batch import Batch
from app.store.policies import DecisionSample
from app.store.requests import ApprovalRequest, OutcomeRow
from assent.contracts import NextAction, Remark, Verdict

_RESOLUTIONS = {
    Decide.APPROVE: Resolution(RequestState.APPROVED, Verdict.APPROVE, NextAction.CONTINUE),
    Decide.REJECT: Resolution(RequestState.REJECTED, Verdict.REJECT, NextAction.ABORT),
}
NO_REASON = "Decided without asking people."
_WORDS = {Decide.APPROVE: "Approved", Decide.REJECT: "Rejected"}


def drawn(decision: PolicyDecision) -> bool:
    """Draw whether people review a decision afterwards, which nobody can predict."""
    return decision.version is not None and secrets.randbelow(1_000_000) < decision.sample * 1_000_000


class PolicyOutcome:
    """A decision of a policy on a request that is being opened.

    Args:
        values: the columns of the request as it would be opened for people.

    Attributes:
        held_until: when its change window opens, if it is approved and has to wait for one.
        columns: the columns in which the request differs, because it is decided.
    """

    def __init__(self, values: dict[str, Any], decision: PolicyDecision, now: datetime) -> None:
        self._request = ApprovalRequest(**values)
        self._decision = decision
        self._now = now
        self._resolution = _RESOLUTIONS[decision.verdict]
        self.held_until = hold_until(self._resolution, Terms.from_json(values["terms"]), now)
        self.columns: dict[str, Any] = {
            "state": self.state.value, "resolved_at": now, "due_at": self.held_until, "held_until": self.held_until,
            "answered_by": decision.answered_by, "note": self.note,
        }  # fmt: skip

    @property
    def state(self) -> RequestState:
        """The state in which the request is opened."""
        return self._resolution.state

    @property
    def note(self) -> str:
        """What the request's page and messages say about it."""
        reason = f": {self._decision.reason}" if self._decision.reason else "."
        signature = self._decision.signature
        return f"{_WORDS[self._decision.verdict]} by p{signature[1:]}{reason}"

    @property
    def actor(self) -> Actor:
        """The policy, for the audit log."""
        return Actor(kind="policy", id="", name=self._decision.signature, via=SYSTEM.via)

    def write(self, batch: Batch) -> None:
        """Add the outcome, the audit entries, and the event to the batch that opens the request."""
        request, decision, now = self._request, self._decision, self._now
        remark = Remark(
            who=decision.signature, verdict=self._resolution.verdict, comment=decision.reason or NO_REASON, at=now
        )
        body = outcome_body(request, self._resolution, request.payload, request.digest, None, [remark], now)
        batch.add(
            OutcomeRow, request_id=request.id, verdict=self._resolution.verdict,
            next_action=self._resolution.next_action, body=body, at=now, held_until=self.held_until,
        )  # fmt: skip
        record(
            batch, self.actor, "request.decided", now, request_id=request.id, run_id=request.run_id,
            verdict=self._resolution.verdict.value, seen_digest=request.digest, digest=request.digest,
            risk=request.risk, comment=decision.reason, policy=decision.version, rule=decision.rule,
        )  # fmt: skip
        held = {"held_until": self.held_until.isoformat()} if self.held_until else {}
        record(
            batch, SYSTEM, "request.resolved", now, request_id=request.id, run_id=request.run_id,
            state=self.state.value, digest=request.digest, **held,
        )  # fmt: skip
        if drawn(decision):
            # The agent must not be able to tell: no event, and no column of the request.
            batch.add(
                DecisionSample, request_id=request.id, policy_version=decision.version, rule=decision.rule,
                verdict=decision.verdict, drawn_at=now,
            )  # fmt: skip
            record(
                batch, SYSTEM, "request.sampled", now, request_id=request.id, run_id=request.run_id,
                policy=decision.version, rule=decision.rule,
            )  # fmt: skip
        resolved = event_row(
            EventKind.REQUEST_RESOLVED, now, run_id=request.run_id, request_id=request.id, state=self.state.value
        )
        publish(batch, resolved)
