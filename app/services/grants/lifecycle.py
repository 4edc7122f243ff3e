"""Standing grants: proposed by one person based on similar approvals, approved by a second, ended by any reviewer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.events import EventKind
from app.domain.grants import EVIDENCE_DAYS, MIN_EVIDENCE, GrantState, Limits
from app.domain.patterns import Pattern, has_secret, matches, words
from app.domain.people import SYSTEM, Action, Actor
from app.domain.text import capitalized, is_storable
from app.services.clock import Clock
from app.services.grants import precedents
from app.services.grants.grant_list import LIVING, grant_list
from app.services.grants.precedents import MAX_EVIDENCE, GrantScope, Precedent, Rehearsal, Suggestion, speaks_for
from app.services.grants.use import ENDED
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.record.exports import ExportFormat, exported
from app.services.requests.comments import clean_comment
from app.store.batch import Batch
from app.store.engine import Sessions
from app.store.policies import Grant, GrantUse
from app.store.requests import ApprovalRequest
from app.store.writes import audit_entries_from, by
from assent.contracts import RiskLevel
from assent.masking import mask

MAX_TITLE = 200
MAX_ENDED = 50
"""How many ended grants the list shows, the latest ones."""
MAX_SHOWN_USES = 200
_ORDER = tuple(GrantState)

_LAPSE = """
    update grants set state = 'expired', ended_at = expires_at, version = version + 1,
        end_reason = 'It has expired.'
    where state in ('proposed', 'active') and expires_at <= %(now)s returning id, uses"""
_RECORD_LAPSED = audit_entries_from(
    "guard", action=f"'{ENDED}'", detail="jsonb_build_object('grant', id, 'state', 'expired', 'uses', uses)",
    request="null", run="null",
)  # fmt: skip


@dataclass(frozen=True)
class GrantDraft:
    """A proposed grant. `evidence`: ids of the approvals that support it."""

    scope: GrantScope
    pattern: Pattern
    limits: Limits
    title: str
    evidence: Sequence[str]


@dataclass(frozen=True)
class GrantView:
    """A grant as the viewer sees it.

    Attributes:
        state: the current state, considering its expiry.
        words: its pattern, one line per value.
        why_not: why the viewer may not approve it; empty if they may.
    """

    grant: Grant
    state: GrantState
    words: list[str]
    why_not: str
    may_decline: bool
    may_revoke: bool

    @property
    def uses_left(self) -> int:
        """How many more proposals it can approve; 0 unless it is active."""
        return self.grant.max_uses - self.grant.uses if self.state is GrantState.ACTIVE else 0


@dataclass(frozen=True)
class GrantDetail:
    """A grant with its evidence, what it would have approved, and what it has approved, newest first."""

    view: GrantView
    evidence: list[Precedent]
    rehearsal: Rehearsal | None
    uses: list[Precedent]


class Grants:
    """All use cases of standing grants except their use, which belongs to the CheckpointManager."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    # Reading

    def list(self, viewer: Actor, most_ended: int | None = MAX_ENDED) -> Sequence[GrantView]:
        """Grants that wait for a second person, active ones, and the latest ended ones. Raises ForbiddenError.

        Each group is sorted newest first.
        """
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            alive = select(Grant).where(Grant.state.in_(LIVING)).order_by(Grant.proposed_at.desc(), Grant.id)
            ended = select(Grant).where(Grant.state.not_in(LIVING)).order_by(Grant.ended_at.desc(), Grant.id)
            rows = [*session.scalars(alive), *session.scalars(ended.limit(most_ended))]
        return sorted((self._view(row, viewer) for row in rows), key=lambda view: _ORDER.index(view.state))

    def export(self, viewer: Actor, form: ExportFormat) -> Iterator[str]:
        """All grants as pieces of a file, newest first. Raises ForbiddenError."""
        viewer.require(Action.SEE)
        return exported(self._sessions, self._clock, viewer, grant_list(self._clock()), form, {})

    def view(self, grant_id: str, viewer: Actor) -> GrantDetail:
        """One grant; a proposed one with what it would have approved. Raises NotFoundError, ForbiddenError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            grant = _get(session, grant_id)
            view = self._view(grant, viewer)
            rehearsal = None
            if not view.state.ended:
                rehearsal = precedents.rehearse(
                    session,
                    GrantScope.of(grant),
                    Pattern.from_json(grant.pattern),
                    RiskLevel(grant.max_risk),
                    self._clock(),
                )
            used = select(GrantUse.request_id).where(GrantUse.grant_id == grant.id).order_by(GrantUse.at.desc())
            uses = session.scalars(used.limit(MAX_SHOWN_USES)).all()
            return GrantDetail(
                view, precedents.past(session, grant.evidence), rehearsal, precedents.past(session, uses)
            )  # fmt: skip

    def suggestions(self, viewer: Actor) -> Sequence[Suggestion]:
        """Rules that similar approvals support. Raises ForbiddenError."""
        viewer.require(Action.PROPOSE_GRANT)
        with self._sessions.reads() as session:
            return precedents.suggestions(session, self._clock())

    def suggestion(self, key: str, viewer: Actor) -> Suggestion:
        """The suggestion with that key. Raises ForbiddenError, ConflictError if it is outdated."""
        found = [suggestion for suggestion in self.suggestions(viewer) if suggestion.key == key]
        if not found:
            raise ConflictError(
                "This suggestion is outdated, because another request was decided in the meantime. Reload the page."
            )
        return found[0]

    def rehearse(self, viewer: Actor, scope: GrantScope, pattern: Pattern, max_risk: RiskLevel) -> Rehearsal:
        """What a rule would have approved in the past. Raises ForbiddenError."""
        viewer.require(Action.TEST_POLICIES)
        with self._sessions.reads() as session:
            return precedents.rehearse(session, scope, pattern, max_risk, self._clock())

    # Proposing and approving

    def propose(self, actor: Actor, draft: GrantDraft, reason: str) -> Grant:
        """Propose a grant. It approves nothing until a second person approves it.

        Raises:
            ForbiddenError: the actor may not propose it.
            InvalidInputError: the reason is missing, or the rule is not bounded; `fields` says where.
            ConflictError: the given approvals do not support it, or no longer do.
        """
        _person(actor, Action.PROPOSE_GRANT)
        draft.limits.check()
        words_given = _reason(reason, "A standing grant needs a reason.")
        title = clean_comment(draft.title)[:MAX_TITLE] or "Standing grant"
        pattern = draft.pattern.to_json()
        if has_secret(pattern) or mask(pattern)[1]:
            raise InvalidInputError("A rule cannot name a secret.", {"pattern": "holds a secret"})
        now = self._clock()
        evidence = self._checked_evidence(draft, now)
        grant_id, until = str(uuid.uuid4()), draft.limits.until(now)
        batch = Batch()
        batch.add(
            Grant, id=grant_id, state=GrantState.PROPOSED, title=title, **vars(draft.scope),
            max_risk=draft.limits.max_risk, pattern=pattern, max_uses=draft.limits.max_uses, expires_at=until,
            reason=words_given, evidence=evidence, proposed_at=now, proposed_by_id=actor.id,
            proposed_by_name=actor.name, **actor.makers.columns,
        )  # fmt: skip
        record(
            batch, actor, "grant.proposed", now, grant=grant_id, title=title, pattern=pattern,
            workflow=draft.scope.workflow, node=draft.scope.node,
            max_risk=draft.limits.max_risk.value, max_uses=draft.limits.max_uses, expires_at=until.isoformat(),
            evidence=evidence, reason=words_given,
        )  # fmt: skip
        _changed(batch, grant_id, "proposed", now)
        batch.run(self._sessions)
        return self._fresh(grant_id)

    def _checked_evidence(self, draft: GrantDraft, now: datetime) -> Sequence[str]:
        """The ids without duplicates. Raises InvalidInputError, ConflictError."""
        ids = list(dict.fromkeys(draft.evidence))
        if not MIN_EVIDENCE <= len(ids) <= MAX_EVIDENCE or not all(map(is_storable, ids)):
            problem = f"between {MIN_EVIDENCE} and {MAX_EVIDENCE} similar approvals"
            raise InvalidInputError(f"A standing grant requires {problem}.", {"evidence": problem})
        with self._sessions.reads() as session:
            rows = session.scalars(select(ApprovalRequest).where(ApprovalRequest.id.in_(ids))).all()
        since = now - timedelta(days=EVIDENCE_DAYS)
        for row in rows:
            fits = speaks_for(row) and GrantScope.of(row) == draft.scope and matches(draft.pattern, row.payload)
            bounded = RiskLevel(row.risk).rank <= draft.limits.max_risk.rank
            if not fits or not bounded or row.resolved_at is None or row.resolved_at < since:
                raise ConflictError(f"The approval {row.id} is not evidence for this rule.", request_id=row.id)
        if len(rows) != len(ids):
            raise ConflictError("Some of these approvals do not exist.")
        return ids

    def approve(self, actor: Actor, grant_id: str) -> Grant:
        """Approve a proposed grant as the second person. From now on it approves similar proposals.

        Raises:
            NotFoundError, ForbiddenError: the actor may not approve it.
            OwnRequestError: the actor proposed it.
            ConflictError: it no longer waits for a second person.
        """
        _person(actor, Action.APPROVE_GRANT)
        grant = self._fresh(grant_id)
        if own := _own_proposal(grant, actor):
            raise OwnRequestError(f"A standing grant needs the approval of a second person: {own}.")
        now = self._clock()
        batch = Batch(
            "update grants set state = 'active', approved_at = %(now)s, approved_by_id = %(who)s, "
            "approved_by_name = %(name)s, approved_makers = %(makers)s, version = version + 1 "
            "where id = %(grant)s and state = 'proposed' and proposed_by_id <> all(%(persons)s) "
            "and not makers && %(persons)s and expires_at > %(now)s returning id",
            {
                "grant": grant_id,
                "now": now,
                "who": actor.id,
                "name": actor.name,
                "makers": sorted(actor.makers.ids),
                "persons": sorted(actor.persons),
            },
        )
        record(
            batch, actor, "grant.approved", now, grant=grant_id, title=grant.title, pattern=grant.pattern,
            max_uses=grant.max_uses, expires_at=grant.expires_at.isoformat(), proposed_by=grant.proposed_by_name,
        )  # fmt: skip
        return self._write(batch, grant_id, "approved", now)

    def decline(self, actor: Actor, grant_id: str, reason: str) -> Grant:
        """Decline a proposed grant; its proposer can also withdraw it this way.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError, ConflictError.
        """
        _person(actor, Action.APPROVE_GRANT)
        return self._end(actor, grant_id, (GrantState.PROPOSED,), GrantState.DECLINED, reason)

    def revoke(self, actor: Actor, grant_id: str, reason: str) -> Grant:
        """End a grant immediately: it approves nothing more, not even requests that are being opened right now.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError, ConflictError.
        """
        actor.require(Action.REVOKE_GRANT)
        return self._end(actor, grant_id, (GrantState.PROPOSED, GrantState.ACTIVE), GrantState.REVOKED, reason)

    def lapse(self) -> int:
        """Mark grants that have expired; they have approved nothing since their expiry. Returns how many."""
        now = self._clock()
        overdue = or_(Grant.state == GrantState.PROPOSED.value, Grant.state == GrantState.ACTIVE.value)
        with self._sessions.reads() as session:
            ids = session.scalars(select(Grant.id).where(overdue, Grant.expires_at <= now)).all()
        if not ids:
            return 0
        batch = Batch(_LAPSE, {"now": now})
        batch.also(_RECORD_LAPSED, **by(SYSTEM, now))
        publish(batch, event_row(EventKind.GRANT_CHANGED, now, what="lapsed"))
        return len(ids) if batch.run(self._sessions) is not None else 0

    def _end(
        self, actor: Actor, grant_id: str, before: tuple[GrantState, ...], after: GrantState, reason: str
    ) -> Grant:
        said = _reason(reason, "Give a reason.")
        grant = self._fresh(grant_id)
        now = self._clock()
        batch = Batch(
            "update grants set state = %(after)s, ended_at = %(now)s, ended_by_id = %(who)s, ended_by_name = %(name)s, "
            "end_reason = %(reason)s, version = version + 1 "
            "where id = %(grant)s and state = any(%(before)s) returning id",
            {"grant": grant_id, "now": now, "who": actor.id or None, "name": actor.name, "reason": said,
             "after": after.value, "before": [state.value for state in before]},
        )  # fmt: skip
        action = "grant.declined" if after is GrantState.DECLINED else "grant.revoked"
        detail: dict[str, Any] = {} if after is GrantState.DECLINED else {"uses": grant.uses}
        record(batch, actor, action, now, grant=grant_id, reason=said, **detail)
        return self._write(batch, grant_id, after.value, now)

    def _write(self, batch: Batch, grant_id: str, what: str, now: datetime) -> Grant:
        _changed(batch, grant_id, what, now)
        if batch.run(self._sessions) is None:
            state = self._state(self._fresh(grant_id))
            raise IllegalTransitionError(f"This standing grant is {state.words}.", state=state.value)
        return self._fresh(grant_id)

    def _view(self, grant: Grant, viewer: Actor) -> GrantView:
        state = self._state(grant)
        waits = state is GrantState.PROPOSED
        return GrantView(
            grant, state, _pattern_words(grant), self._why_not(grant, state, viewer),
            waits and viewer.kind == "person" and viewer.may(Action.APPROVE_GRANT),
            not state.ended and not waits and viewer.may(Action.REVOKE_GRANT),
        )  # fmt: skip

    @staticmethod
    def _why_not(grant: Grant, state: GrantState, viewer: Actor) -> str:
        if state is not GrantState.PROPOSED:
            return f"This standing grant is {state.words}."
        if not viewer.may(Action.APPROVE_GRANT) or viewer.kind != "person":
            return "Your roles allow viewing, but not deciding."
        if own := _own_proposal(grant, viewer):
            return f"{capitalized(own)}, so a second person must approve it."
        return ""

    def _state(self, grant: Grant) -> GrantState:
        state = GrantState(grant.state)
        return GrantState.EXPIRED if not state.ended and grant.expires_at <= self._clock() else state

    def _fresh(self, grant_id: str) -> Grant:
        with self._sessions.reads() as session:
            return _get(session, grant_id)


def read_pattern(value: Any) -> Pattern:
    """A pattern from a client. Raises InvalidInputError; `fields` says where."""
    try:
        return Pattern.from_json(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)[:20]
        fields = {".".join(map(str, ("pattern", *problem["loc"]))): problem["msg"][:300] for problem in problems}
        raise InvalidInputError("This pattern is not valid.", fields) from None


def _get(session: Session, grant_id: str) -> Grant:
    grant = session.get(Grant, grant_id) if is_storable(grant_id) else None
    if grant is None:
        raise NotFoundError("There is no such standing grant.", grant_id=grant_id)
    return grant


def _own_proposal(grant: Grant, actor: Actor) -> str:
    """Why the grant is, or may be, the actor's own proposal, as a clause; empty: it is not."""
    if actor.id == grant.proposed_by_id:
        return "you proposed it"
    if actor.id in grant.proposers:
        return "you made the sign-in link or token with which it was proposed"
    if actor.persons & grant.proposers:
        return f"you act with a sign-in link or token from {actor.makers.names}, who counts as the proposer"
    return ""


def _person(actor: Actor, action: Action) -> None:
    actor.require(action)
    if actor.kind != "person" or not actor.id:
        raise ForbiddenError("A standing grant needs two people: agents cannot do this.")


def _reason(text: str, problem: str) -> str:
    said = clean_comment(text)
    if not said:
        raise InvalidInputError(problem, {"reason": "empty"})
    return said


def _changed(batch: Batch, grant_id: str, what: str, now: datetime) -> None:
    publish(batch, event_row(EventKind.GRANT_CHANGED, now, grant=grant_id, what=what))


def _pattern_words(grant: Grant) -> list[str]:
    return words(Pattern.from_json(grant.pattern))
