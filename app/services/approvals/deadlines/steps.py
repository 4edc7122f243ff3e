"""What each due step does to a request, collected for many requests and written in one sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM
from app.domain.policy.calendars import deadline_again, opening_under
from app.domain.policy.due import Due, DueStep
from app.domain.policy.expiry import EXPIRY_WORDS, expiry_means
from app.domain.policy.fold import Resolution, rejections
from app.domain.policy.terms import EscalationStep, OnExpiry, Terms
from app.services.approvals.deadlines.escalation import escalation_detail, next_step, raised
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.store.engine import Sessions
from app.store.requests import UNCLAIMED, ApprovalRequest, Decision, OutcomeRow
from app.store.sweep import Sweep
from app.store.writes import wake_runs_of
from assent.contracts import NextAction, Remark, RiskLevel, Verdict

_RELEASE = """
    update outcomes set held_until = guard.held_until from guard
    where request_id = guard.id and guard.id = any(%(released)s) returning request_id"""


@dataclass(frozen=True)
class Timely:
    """A request with the step that is due on it. `decisions` are those that stand, oldest first."""

    request: ApprovalRequest
    terms: Terms
    due: Due
    decisions: Sequence[Decision] = ()


class Steps:
    """Due steps, each of another request.

    Args:
        now: when they are really done, which is what is recorded; when they were due stands beside it.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._sweep = Sweep()
        self._woken: list[str] = []
        self._released: list[str] = []
        self._do: dict[DueStep, Callable[[Timely], None]] = {
            DueStep.RELEASE: self._release,
            DueStep.UNCLAIM: self._unclaim,
            DueStep.WARN: self._warn,
            DueStep.ESCALATE: self._escalate,
            DueStep.EXPIRE: self._expire,
        }

    def add(self, each: Timely) -> None:
        """Do the step that is due."""
        self._do[each.due.step](each)

    def correct(self, request: ApprovalRequest) -> None:
        """Write when the request is really due next; nothing else happens to it."""
        self._sweep.move(request, **due_values(request))

    def write(self, sessions: Sessions) -> set[str]:
        """Write all of them. Ids of the requests that nobody changed since they were read."""
        self._sweep.also(_RELEASE, released=self._released)
        wake_runs_of(self._sweep, self._woken, self._now)
        return self._sweep.sweep(sessions)

    def _release(self, each: Timely) -> None:
        request = each.request
        # The window may have closed again before anybody could do this.
        until = opening_under(each.terms, self._now)
        what = RequestChange.HELD if until else RequestChange.RELEASED
        self._change(each, what, {"held_until": until}, state=request.state)
        self._released.append(request.id)
        if until:
            self._record(each, "request.held", until=until.isoformat())
        else:
            self._record(each, "request.released")
            self._wake(request)

    def _unclaim(self, each: Timely) -> None:
        who = each.request.claimed_by_name
        self._change(each, RequestChange.UNCLAIMED, dict(UNCLAIMED))
        self._record(each, "request.claim_lapsed", claimed_by=who)

    def _warn(self, each: Timely) -> None:
        self._change(each, RequestChange.WARNED, {"warned": True})
        self._record(each, "request.expiry_warned", expires_at=each.request.expires_at.isoformat())

    def _escalate(self, each: Timely) -> None:
        step = next_step(each.request, each.terms)
        if step is None:
            self.correct(each.request)
        else:
            self._raise(each, step, f"Nobody decided within {step.words}.")

    def _raise(self, each: Timely, step: EscalationStep, reason: str, **changed: Any) -> None:
        columns = raised(each.request, each.terms, step, **changed)
        self._change(each, RequestChange.ESCALATED, columns)
        self._record(each, "request.escalated", reason=reason, **escalation_detail(each.request, columns))

    def _expire(self, each: Timely) -> None:
        request = each.request
        meaning = expiry_means(
            each.terms, risk=RiskLevel(request.risk), kind=request.kind, escalation=request.escalation,
            rejected=rejections([moves.vote(decision) for decision in each.decisions]) > 0,
        )  # fmt: skip
        step = next_step(request, each.terms)
        if meaning is OnExpiry.ESCALATE and step is not None:
            # From now on, not from when it was due: whoever is asked only now has the whole time as well.
            until = deadline_again(each.terms, self._now)
            self._raise(each, step, EXPIRY_WORDS[meaning], expires_at=until, warned=False)
        else:
            self._end(each, meaning)

    def _end(self, each: Timely, meaning: OnExpiry) -> None:
        request, words = each.request, EXPIRY_WORDS[meaning]
        if meaning is OnExpiry.APPROVE:
            verdict = Verdict.APPROVE if request.digest == request.proposed_digest else Verdict.MODIFY
            resolution = Resolution(RequestState.EXPIRED, verdict, NextAction.CONTINUE)
        else:
            resolution = Resolution(RequestState.EXPIRED, Verdict.REJECT, NextAction.ABORT)
        held_until = moves.held_until(resolution, each.terms, self._now)
        remarks = [moves.remark(decision) for decision in each.decisions]
        remarks.append(Remark(who=SYSTEM.name, verdict=resolution.verdict, comment=words, at=self._now))
        body = moves.outcome_body(request, resolution, request.payload, request.digest, None, remarks, self._now)
        state = resolution.state.value
        columns = {"state": state, "resolved_at": self._now, "note": words, "held_until": held_until, **UNCLAIMED}
        self._sweep.move(request, **columns, **due_values(request, terms=each.terms, **columns))
        self._sweep.add(
            OutcomeRow, request_id=request.id, verdict=resolution.verdict, next_action=resolution.next_action,
            body=body, at=self._now, held_until=held_until,
        )  # fmt: skip
        self._record(each, "request.expired", reason=words, verdict=resolution.verdict.value)
        publish(
            self._sweep,
            event_row(EventKind.REQUEST_RESOLVED, self._now, run_id=request.run_id, request_id=request.id, state=state),
        )
        if held_until is None:
            self._wake(request)

    def _change(self, each: Timely, what: RequestChange, columns: dict[str, Any], state: str = "pending") -> None:
        request = each.request
        self._sweep.move(request, **columns, **due_values(request, terms=each.terms, **columns))
        publish(
            self._sweep,
            event_row(
                EventKind.REQUEST_CHANGED, self._now, run_id=request.run_id, request_id=request.id, state=state,
                what=what,
            ),
        )  # fmt: skip

    def _record(self, each: Timely, action: str, **detail: Any) -> None:
        record(
            self._sweep, SYSTEM, action, self._now, request_id=each.request.id, run_id=each.request.run_id,
            due=each.due.at.isoformat(), **detail,
        )  # fmt: skip

    def _wake(self, request: ApprovalRequest) -> None:
        if request.run_id is not None:
            self._woken.append(request.id)
            self._sweep.advance(request.run_id)
