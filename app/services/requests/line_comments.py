"""Comments at lines, with those of earlier revisions: where each stands now, and which are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from app.domain.errors import ForbiddenError, OwnRequestError
from app.domain.lifecycle import RequestState
from app.domain.line_comments import CurrentLines, LinePlace, part_words, quoted
from app.domain.people import Action, Actor
from app.domain.text import capitalized, plural
from app.services.requests.requester import own_request
from app.store.requests import ApprovalRequest, Comment

MOST_REVISIONS = 50
"""How many earlier revisions are looked at."""
MOST_TO_AGENT = 15_000
"""Characters of open comments that the agent receives together."""


@dataclass
class CommentThread:
    """A comment at a line, and the replies to it.

    Attributes:
        revision: of the request at which it was made.
        current_line: the line with the same text in the current payload; None if that is outdated.
    """

    root: Comment
    revision: int
    current_line: int | None
    replies: list[Comment] = field(default_factory=list)

    @property
    def place(self) -> LinePlace:
        """The line at which it was made."""
        return place_of(self.root)

    @property
    def is_open(self) -> bool:
        """True until somebody resolves it."""
        return self.root.resolved_at is None

    @property
    def outdated(self) -> bool:
        """True if its line is not in the current payload."""
        return self.current_line is None


def place_of(comment: Comment) -> LinePlace:
    """The line at which a comment was made."""
    return LinePlace(comment.part, comment.line or 1, comment.line_text)


def threads_of(session: Session, request: ApprovalRequest, own: Sequence[Comment] | None = None) -> list[CommentThread]:
    """The comments at lines of a request and of its earlier revisions, oldest first.

    Args:
        own: the request's own comments, if they are known.
    """
    if own is None:
        own = list(session.scalars(select(Comment).where(Comment.request_id == request.id).order_by(Comment.at)))
    revisions = {request.id: request.revision}
    earlier: list[Comment] = []
    if request.previous_id is not None:
        revisions |= _earlier_revisions(session, request)
        others = [name for name in revisions if name != request.id]
        earlier = list(session.scalars(select(Comment).where(Comment.request_id.in_(others)).order_by(Comment.at)))
    every = [*earlier, *own]
    roots = [comment for comment in every if comment.line is not None]
    if not roots:
        return []
    lines = CurrentLines(request.payload)
    threads = {
        root.id: CommentThread(root, revisions[root.request_id], lines.line(place_of(root))) for root in roots
    }  # fmt: skip
    for comment in every:
        if comment.reply_to in threads:
            threads[comment.reply_to].replies.append(comment)
    return list(threads.values())


def open_threads(session: Session, request: ApprovalRequest) -> list[CommentThread]:
    """Those that nobody has resolved."""
    return [thread for thread in threads_of(session, request) if thread.is_open]


def chain_of(session: Session, request: ApprovalRequest) -> set[str]:
    """The ids of the request and of its earlier revisions."""
    return {request.id} | (_earlier_revisions(session, request).keys() if request.previous_id else set())


def current_revision(session: Session, request: ApprovalRequest) -> ApprovalRequest:
    """The newest revision of a request, which is the request itself as long as it is pending."""
    for _ in range(MOST_REVISIONS):
        if request.state == RequestState.PENDING.value:
            break
        later = session.scalar(select(ApprovalRequest).where(ApprovalRequest.previous_id == request.id).limit(1))
        if later is None:
            break
        request = later
    return request


def settling_refusal(request: ApprovalRequest, comment: Comment, actor: Actor) -> ForbiddenError | None:
    """Why the actor may not resolve or reopen a comment: they neither wrote it nor may review the request.

    The requester, and so the agent, cannot clear away what others object to.
    """
    wrote_it = comment.person_id == actor.id and comment.by_agent == (actor.kind == "agent")
    if wrote_it and (actor.kind != "agent" or comment.person_name == actor.name):
        return None
    if actor.kind != "person" or not actor.may(Action.DECIDE):
        return ForbiddenError("Only its author and reviewers can resolve or reopen a comment.")
    if own := own_request(request, actor):
        return OwnRequestError(f"{capitalized(own)}, so its author or another reviewer must resolve this comment.")
    return None


def remark_with_lines(comment: str, payload: object, threads: Sequence[CommentThread]) -> str:
    """What the agent receives: a person's words, followed by the open comments at lines."""
    parts = [comment] if comment else []
    length = 0
    for number, thread in enumerate(threads):
        words = _thread_words(payload, thread)
        length += len(words)
        if length > MOST_TO_AGENT:
            parts.append(f"And {plural(len(threads) - number, 'more comment')} at lines, on the page of the request.")
            break
        parts.append(words)
    return "\n\n".join(parts)


def _thread_words(payload: object, thread: CommentThread) -> str:
    line = thread.current_line
    where = f"Line {line if line is not None else thread.place.line} of {part_words(payload, thread.place.part)}"
    if line is None:
        where += f", as it was in revision {thread.revision}"
    said = [f"{comment.signature}: {comment.body}" for comment in (thread.root, *thread.replies)]
    return "\n".join((f"{where}: {quoted(thread.place.text)}", *said))


def _earlier_revisions(session: Session, request: ApprovalRequest) -> dict[str, int]:
    """The earlier revisions of a request, by id."""
    first = (
        select(ApprovalRequest.id, ApprovalRequest.previous_id, ApprovalRequest.revision, literal(1).label("depth"))
        .where(ApprovalRequest.id == request.previous_id)
        .cte("earlier", recursive=True)
    )
    before = (
        select(ApprovalRequest.id, ApprovalRequest.previous_id, ApprovalRequest.revision, first.c.depth + 1)
        .join(first, ApprovalRequest.id == first.c.previous_id)
        .where(first.c.depth < MOST_REVISIONS)
    )
    every = first.union_all(before)
    return {row.id: row.revision for row in session.execute(select(every.c.id, every.c.revision))}
