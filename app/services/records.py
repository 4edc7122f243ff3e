"""Reading the audit record, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select

from app.domain.errors import InvalidInputError
from app.domain.people import Action, Actor
from app.store.engine import Sessions
from app.store.record import AuditEntry


@dataclass(frozen=True)
class AuditFilter:
    """What the auditor looks for; empty fields do not restrict. `action` may be a prefix such as ``request.``."""

    action: str = ""
    actor: str = ""
    request_id: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class AuditPage:
    """Entries, newest first, and the sequence number before which the next page starts (None: no more)."""

    entries: list[AuditEntry]
    next_before: int | None


class Records:
    """The record as auditors read it."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def page(self, viewer: Actor, wanted: AuditFilter, before: int | None = None, limit: int = 100) -> AuditPage:
        """One page of the record. Raises ForbiddenError, InvalidInputError."""
        viewer.require(Action.READ_AUDIT)
        if not 1 <= limit <= 1000:
            raise InvalidInputError("A page has between 1 and 1,000 entries.", {"limit": "out of range"})
        if before is not None and not 0 <= before < 2**63:
            raise InvalidInputError("This is not a sequence number.", {"before": "out of range"})
        for name in ("action", "actor", "request_id", "run_id"):
            if "\x00" in getattr(wanted, name) or len(getattr(wanted, name)) > 200:
                raise InvalidInputError("This filter is too long or has control characters.", {name: "not usable"})
        query = select(AuditEntry).order_by(AuditEntry.seq.desc())
        if wanted.action:
            query = query.where(AuditEntry.action.startswith(wanted.action, autoescape=True))
        if wanted.actor:
            query = query.where(
                or_(AuditEntry.actor_id == wanted.actor, AuditEntry.actor_name.icontains(wanted.actor, autoescape=True))
            )
        if wanted.request_id:
            query = query.where(AuditEntry.request_id == wanted.request_id)
        if wanted.run_id:
            query = query.where(AuditEntry.run_id == wanted.run_id)
        if before is not None:
            query = query.where(AuditEntry.seq < before)
        with self._sessions.reads() as session:
            entries = list(session.scalars(query.limit(limit + 1)))
        more = len(entries) > limit
        entries = entries[:limit]
        return AuditPage(entries, entries[-1].seq if more else None)
