"""What time does to requests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM
from app.domain.text import is_storable
from app.services.ground import Ground
from app.store.requests import ApprovalRequest


class NotDueError(Exception):
    """A deadline that has not come yet. The database, which starts the jobs, may be ahead of this process's clock.

    Attributes:
        due_at: when to try again.
    """

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"not due before {due_at.isoformat()}")
        self.due_at = due_at


class Keeping:
    """Does what is due."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def expire(self, request_id: str) -> bool:
        """End a request whose deadline has passed as its terms say. True if this call did it.

        Raises:
            NotDueError: the request is still open and, by this process's clock, in time.
        """
        while True:
            with self._ground.sessions.reads() as session:
                request = session.get(ApprovalRequest, request_id) if is_storable(request_id) else None
            if request is None or request.state != RequestState.PENDING.value:
                return False
            if self._ground.clock() < request.expires_at:
                raise NotDueError(request.expires_at)
            reason = "Nobody decided before the deadline, which means rejection."
            if self._ground.end(request, SYSTEM, RequestState.EXPIRED, reason, "request.expired"):
                return True

    def overdue(self, limit: int = 500) -> list[str]:
        """Open requests whose deadline has passed, the longest overdue first."""
        now = self._ground.clock()
        query = (
            select(ApprovalRequest.id)
            .where(ApprovalRequest.state == RequestState.PENDING.value, ApprovalRequest.expires_at <= now)
            .order_by(ApprovalRequest.expires_at)
            .limit(limit)
        )
        with self._ground.sessions.reads() as session:
            return list(session.scalars(query))
