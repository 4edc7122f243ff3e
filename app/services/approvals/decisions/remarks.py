"""Comments on a request, also at lines of what it proposes, which are resolved and reopened."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    StaleDigestError,
)
from app.domain.events import EventKind
from app.domain.lifecycle import RequestState
from app.domain.line_comments import place_in, place_words
from app.domain.people import Action, Actor
from app.domain.policy.terms import Terms
from app.domain.snoozing import WakesOn
from app.domain.text import is_storable
from app.services.approvals.ground import Ground, get
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests import moves
from app.services.requests.assessment import due_values
from app.services.requests.comments import clean_comment
from app.services.requests.line_comments import chain_of, current_revision, place_of, settling_refusal
from app.services.sight import is_requester
from app.store.batch import Batch, made_once
from app.store.requests import ApprovalRequest, Comment

ATTEMPTS = 20
_BUSY = "Too many people are changing this at the same time. Try again."
_SETTLE = """
    update comments set resolved_at = %(resolved_at)s, resolved_by_id = %(resolved_by_id)s,
        resolved_by_name = %(resolved_by_name)s
    where id = %(comment)s and (resolved_at is null) = %(was_open)s"""


@dataclass(frozen=True)
class CommentPlace:
    """Where a new comment belongs; nothing given: to the request as a whole.

    Attributes:
        line: from 1, of that part of the proposal.
        digest: of the payload that the person saw; empty: the current one.
        reply_to: the comment at a line that it replies to.
    """

    part: str = ""
    line: int | None = None
    digest: str = ""
    reply_to: str = ""


WHOLE_REQUEST = CommentPlace()


class Remarks:
    """Adds comments, and resolves those at lines."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def add(self, request_id: str, actor: Actor, body: str, place: CommentPlace, made_as: str) -> Comment:
        """Add a comment, as `CheckpointManager.comment` describes."""
        actor.require(Action.COMMENT)
        text = clean_comment(body)
        if not text:
            raise InvalidInputError("A comment cannot be empty.", {"comment": "empty"})
        comment_id = made_as or str(uuid.uuid4())
        for _ in range(ATTEMPTS):
            now = self._ground.clock()
            with self._ground.sessions.reads() as session:
                request = get(session, request_id, actor)
                if actor.kind == "agent" and not is_requester(request, actor):
                    raise ForbiddenError("Agents can only comment on their own requests.")
                columns, detail = _placed(session, request, place)
                current = current_revision(session, request)
            # Where approvals wait for comments, a new one and an approval exclude each other.
            waits = "line" in columns and _approvals_wait(current)
            returns = moves.is_woken_by(request, WakesOn.COMMENT)
            changed: dict[str, Any] = {"snoozed_until": None} if returns else {}
            changed |= due_values(request, **changed) if returns else {}
            batch = moves.move(current, RequestState.PENDING, now, **changed) if waits or returns else Batch()
            batch.add(
                Comment, id=comment_id, request_id=request_id, person_id=actor.id, person_name=actor.name,
                by_agent=actor.kind == "agent", body=text, at=now, **columns,
            )  # fmt: skip
            record(batch, actor, "request.commented", now, request_id=request_id, run_id=request.run_id, **detail)
            publish(batch, event_row(EventKind.REQUEST_COMMENT, now, run_id=request.run_id, request_id=request_id))
            if returns:
                moves.note_return(batch, request, now)
            if made_once(batch, self._ground.sessions, made_as) is not None:
                return self._stored(comment_id)
        raise ConflictError(_BUSY)

    def settle(self, request_id: str, comment_id: str, actor: Actor, *, resolve: bool) -> Comment:
        """Resolve a comment at a line, or reopen it, as `CheckpointManager.settle_comment` describes."""
        actor.require(Action.COMMENT)
        for _ in range(ATTEMPTS):
            now = self._ground.clock()
            with self._ground.sessions.reads() as session:
                request = get(session, request_id, actor)
                comment = session.get(Comment, comment_id) if is_storable(comment_id) else None
                if comment is None or comment.line is None or comment.request_id not in chain_of(session, request):
                    raise NotFoundError("There is no such comment at a line.", comment_id=comment_id)
                current = current_revision(session, request)
            if refusal := settling_refusal(request, comment, actor):
                raise refusal
            if (comment.resolved_at is None) != resolve:
                raise IllegalTransitionError(f"This comment is already {'resolved' if resolve else 'open'}.")
            values = {
                "comment": comment.id, "was_open": resolve, "resolved_at": now if resolve else None,
                "resolved_by_id": actor.id if resolve else None, "resolved_by_name": actor.name if resolve else "",
            }  # fmt: skip
            if not resolve and _approvals_wait(current):
                batch: Batch = moves.move(current, RequestState.PENDING, now)
                batch.also(f"{_SETTLE} and exists (select from guard)", **values)
            else:
                batch = Batch(f"{_SETTLE} returning id", values)
            action = "request.comment_resolved" if resolve else "request.comment_reopened"
            record(
                batch, actor, action, now, request_id=request.id, run_id=request.run_id, comment_id=comment.id,
                author=comment.signature, place=place_words(request.payload, place_of(comment)),
            )  # fmt: skip
            publish(batch, event_row(EventKind.REQUEST_COMMENT, now, run_id=request.run_id, request_id=request.id))
            if batch.run(self._ground.sessions) is not None:
                return self._stored(comment.id)
        raise ConflictError(_BUSY)

    def _stored(self, comment_id: str) -> Comment:
        with self._ground.sessions.reads() as session:
            return session.get_one(Comment, comment_id)


def _placed(session: Session, request: ApprovalRequest, place: CommentPlace) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of the comment's place, and what its audit entry says about it."""
    if place.reply_to:
        root = session.get(Comment, place.reply_to) if is_storable(place.reply_to) else None
        if root is None or root.line is None or root.request_id not in chain_of(session, request):
            raise InvalidInputError("There is no such comment at a line.", {"reply_to": "unknown"})
        return {"reply_to": root.id}, {"place": place_words(request.payload, place_of(root)), "reply_to": root.id}
    if place.line is None:
        return {}, {}
    if place.digest and place.digest != request.digest:
        raise StaleDigestError(
            "The proposal has changed since you opened it, so its lines may be others. Your comment was not added.",
            digest=request.digest,
        )
    at = place_in(request.payload, place.part, place.line)
    columns = {"part": at.part, "line": at.line, "line_text": at.text, "digest": request.digest}
    return columns, {"place": place_words(request.payload, at), "digest": request.digest}


def _approvals_wait(request: ApprovalRequest) -> bool:
    """True if an open comment at a line keeps the request from being approved."""
    return request.state == RequestState.PENDING.value and Terms.from_json(request.terms).comments_resolved
