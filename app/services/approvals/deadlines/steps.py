"""The effect of each due step, collected for many requests and written in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.events import RequestChange
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM
from app.domain.policy.calendars import deadline_again, opening_under
from app.domain.policy.due import Due, DueStep
from app.domain.policy.expiry import EXPIRY_WORDS, expiry_means
from app.domain.policy.fold import Resolution, rejections
from app.domain.policy.terms import EscalationStep, OnExpiry, Terms
from app.services.approvals.deadlines.escalation import escalation_detail, next_step, raised
from app.services.record.audit import record
from app.services.record.events import publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.entitlement import HARMLESS
from app.services.requests.grace import standing_resolution
from app.services.requests.outcomes import hold_until, outcome_body
from app.services.requests.votes import remark, vote
from app.store.engine import Sessions
from app.store.requests import UNCLAIMED, ApprovalRequest, Decision, OutcomeRow
from app.store.sweep import Sweep
from app.store.writes import wake_runs_of
from assent.contracts import NextAction, Remark, RiskLevel, Verdict

PUT_OFF = timedelta(minutes=1)
"""How long an approval whose grace period is over waits each time for comments to be resolved."""
_RELEASE = """
    update outcomes set held_until = guard.held_until from guard
    where request_id = guard.id and guard.id = any(%(released)s) returning request_id"""


@dataclass(frozen=True)
class DueRequest:
    """A request and its due step.

    Attributes:
        decisions: those that have not been withdrawn, oldest first.
        held_back: open comments at lines keep an approval from taking effect.
    """

    request: ApprovalRequest
    terms: Terms
    due: Due
    decisions: Sequence[Decision] = ()
    held_back: bool = False


class DueSteps:
    """Due steps of different requests.

    Args:
        now: the time at which they are carried out, which is the recorded time. The due time is recorded as well.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._sweep = Sweep()
        self._woken: list[str] = []
        self._released: list[str] = []
        self._do: dict[DueStep, Callable[[DueRequest], None]] = {
            DueStep.RELEASE: self._release,
            DueStep.RESOLVE: self._resolve,
            DueStep.UNSNOOZE: self._unsnooze,
            DueStep.UNCLAIM: self._unclaim,
            DueStep.WARN: self._warn,
            DueStep.ESCALATE: self._escalate,
            DueStep.EXPIRE: self._expire,
        }

    def add(self, item: DueRequest) -> None:
        """Carry out the due step."""
        self._do[item.due.step](item)

    def correct(self, request: ApprovalRequest) -> None:
        """Correct the request's `due_at`; nothing else changes."""
        self._sweep.move(request, **due_values(request))

    def write(self, sessions: Sessions) -> set[str]:
        """Write all of them. Returns the ids of the requests that had not changed since they were read."""
        self._sweep.also(_RELEASE, released=self._released)
        wake_runs_of(self._sweep, self._woken, self._now)
        return self._sweep.sweep(sessions)

    def _release(self, item: DueRequest) -> None:
        request = item.request
        # The window may have closed again in the meantime.
        until = opening_under(item.terms, self._now)
        what = RequestChange.HELD if until else RequestChange.RELEASED
        self._change(item, what, {"held_until": until})
        self._released.append(request.id)
        if until:
            self._record(item, "request.held", until=until.isoformat())
        else:
            self._record(item, "request.released")
            self._wake(request)

    def _resolve(self, item: DueRequest) -> None:
        """The time in which the decision could be taken back is over, and it has not been."""
        request, decisions = item.request, item.decisions
        resolution = standing_resolution(request, item.terms, decisions)
        if resolution is None:
            self._sweep.move(request, resolves_at=None, **due_values(request, terms=item.terms, resolves_at=None))
            return
        if item.held_back and resolution.verdict not in HARMLESS:
            self._put_off(item)
            return
        answers = [decision.answer for decision in decisions if decision.verdict == Verdict.ANSWER.value]
        answer = answers[-1] if resolution.verdict is Verdict.ANSWER else None
        remarks = [remark(decision) for decision in decisions]
        columns = {"resolves_at": None, **UNCLAIMED}
        held = self._settle(item, resolution, answer, remarks, columns)
        until = {"held_until": held.isoformat()} if held else {}
        self._record(item, "request.resolved", state=resolution.state.value, digest=request.digest, **until)

    def _put_off(self, item: DueRequest) -> None:
        """Open comments hold an approval back: it is tried again later. After the deadline, the request expires."""
        later = self._now + PUT_OFF if self._now < item.request.expires_at else None
        self._change(item, RequestChange.DECIDED, {"resolves_at": later})

    def _unsnooze(self, item: DueRequest) -> None:
        self._change(item, RequestChange.UNSNOOZED, {"snoozed_until": None})
        self._record(item, "request.unsnoozed", scope="all")

    def _unclaim(self, item: DueRequest) -> None:
        who = item.request.claimed_by_name
        self._change(item, RequestChange.UNCLAIMED, dict(UNCLAIMED))
        self._record(item, "request.claim_lapsed", claimed_by=who)

    def _warn(self, item: DueRequest) -> None:
        self._change(item, RequestChange.WARNED, {"warned": True})
        self._record(item, "request.expiry_warned", expires_at=item.request.expires_at.isoformat())

    def _escalate(self, item: DueRequest) -> None:
        step = next_step(item.request, item.terms)
        if step is None:
            self.correct(item.request)
        else:
            self._raise(item, step, f"Nobody decided within {step.words}.")

    def _raise(self, item: DueRequest, step: EscalationStep, reason: str, **changed: Any) -> None:
        columns = raised(item.request, item.terms, step, **changed)
        self._change(item, RequestChange.ESCALATED, columns)
        self._record(item, "request.escalated", reason=reason, **escalation_detail(item.request, columns))
        if item.request.snoozed_until is not None:
            moves.note_return(self._sweep, item.request, self._now)

    def _expire(self, item: DueRequest) -> None:
        request = item.request
        meaning = expiry_means(
            item.terms, risk=RiskLevel(request.risk), kind=request.kind, escalation=request.escalation,
            rejected=rejections([vote(decision) for decision in item.decisions]) > 0,
            snoozed=request.was_snoozed,
        )  # fmt: skip
        step = next_step(request, item.terms)
        if meaning is OnExpiry.ESCALATE and step is not None:
            # From now on, not from when it was due: approvers added only now get the full time as well.
            until = deadline_again(item.terms, self._now)
            self._raise(item, step, EXPIRY_WORDS[meaning], expires_at=until, warned=False)
        else:
            self._end(item, meaning)

    def _end(self, item: DueRequest, meaning: OnExpiry) -> None:
        request, words = item.request, EXPIRY_WORDS[meaning]
        if meaning is OnExpiry.APPROVE:
            verdict = Verdict.APPROVE if request.digest == request.proposed_digest else Verdict.MODIFY
            resolution = Resolution(RequestState.EXPIRED, verdict, NextAction.CONTINUE)
        else:
            resolution = Resolution(RequestState.EXPIRED, Verdict.REJECT, NextAction.ABORT)
        remarks = [remark(decision) for decision in item.decisions]
        remarks.append(Remark(who=SYSTEM.name, verdict=resolution.verdict, comment=words, at=self._now))
        self._settle(item, resolution, None, remarks, {"note": words, **UNCLAIMED})
        self._record(item, "request.expired", reason=words, verdict=resolution.verdict.value)

    def _settle(
        self, item: DueRequest, resolution: Resolution, answer: Any, remarks: list[Remark], columns: dict[str, Any]
    ) -> datetime | None:
        """End the request with this result, and resume its run. Returns when its change window opens, if it waits."""
        request, state = item.request, resolution.state.value
        held_until = hold_until(resolution, item.terms, self._now)
        body = outcome_body(request, resolution, request.payload, request.digest, answer, remarks, self._now)
        columns = columns | {"state": state, "resolved_at": self._now, "held_until": held_until}
        self._sweep.move(request, **columns, **due_values(request, terms=item.terms, **columns))
        self._sweep.add(
            OutcomeRow, request_id=request.id, verdict=resolution.verdict, next_action=resolution.next_action,
            body=body, at=self._now, held_until=held_until,
        )  # fmt: skip
        publish(self._sweep, moves.resolved(request, self._now, resolution.state))
        if held_until is None:
            self._wake(request)
        return held_until

    def _change(self, item: DueRequest, what: RequestChange, columns: dict[str, Any]) -> None:
        request = item.request
        self._sweep.move(request, **columns, **due_values(request, terms=item.terms, **columns))
        publish(self._sweep, moves.changed(request, self._now, what))

    def _record(self, item: DueRequest, action: str, **detail: Any) -> None:
        record(
            self._sweep, SYSTEM, action, self._now, request_id=item.request.id, run_id=item.request.run_id,
            due=item.due.at.isoformat(), **detail,
        )  # fmt: skip

    def _wake(self, request: ApprovalRequest) -> None:
        if request.run_id is not None:
            self._woken.append(request.id)
            self._sweep.advance(request.run_id)
