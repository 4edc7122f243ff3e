"""Reads the audit log: in pages for people, and as a stream for files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import InvalidInputError
from app.domain.people import Action, Actor
from app.services.clock import Clock
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.record.search import AuditFilter, conditions, newest
from app.store.base import among
from app.store.engine import Sessions
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest
from app.store.runs import Run

_COLUMNS = (
    "seq", "at", "actor_kind", "actor_id", "actor_name", "via", "source", "action", "request_id", "run_id", "detail",
)  # fmt: skip


@dataclass(frozen=True)
class AuditPage:
    """Entries, newest first, and the sequence number before which the next page starts (None: no more).

    Attributes:
        titles: the titles of their requests and runs, by id.
    """

    entries: list[AuditEntry]
    next_before: int | None
    titles: Mapping[str, str] = field(default_factory=dict)


class Records:
    """The audit log for auditors."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def page(self, viewer: Actor, wanted: AuditFilter, before: int | None = None, limit: int = 100) -> AuditPage:
        """One page of the audit log. Raises ForbiddenError, InvalidInputError."""
        viewer.require(Action.READ_AUDIT)
        if not 1 <= limit <= 1000:
            raise InvalidInputError("A page must have 1 to 1,000 entries.", {"limit": "out of range"})
        if before is not None and not 0 <= before < 2**63:
            raise InvalidInputError("This is not a sequence number.", {"before": "out of range"})
        _refuse_unusable(wanted)
        with self._sessions.reads() as session:
            found = newest(session, wanted, before, limit + 1)
            entries = found[:limit]
            titles = _titles(session, entries)
        return AuditPage(entries, entries[-1].seq if len(found) > limit else None, titles)

    def export(self, viewer: Actor, wanted: AuditFilter, form: ExportFormat) -> Iterator[str]:
        """Matching entries, oldest first, as pieces of a file. The export itself gets an audit entry.

        Entries that are written during the export are not in it. Memory use does not depend on the length of the log.

        Raises:
            ForbiddenError, InvalidInputError: before the first piece.
        """
        viewer.require(Action.READ_AUDIT)
        _refuse_unusable(wanted)
        with self._sessions.reads() as session:
            last = session.scalar(select(func.max(AuditEntry.seq))) or 0
        columns = [getattr(AuditEntry, name) for name in _COLUMNS]
        query = select(*columns).where(*conditions(wanted), AuditEntry.seq <= last)
        listed = ListExport("audit log", query, (AuditEntry.seq,), newest_first=False)
        return exported(self._sessions, self._clock, viewer, listed, form, vars(wanted), up_to=last)


def _titles(session: Session, entries: Sequence[AuditEntry]) -> dict[str, str]:
    """The titles of the entries' requests and runs, by id."""
    found: dict[str, str] = {}
    for table, ids in (
        (ApprovalRequest, {entry.request_id for entry in entries}),
        (Run, {entry.run_id for entry in entries}),
    ):
        wanted = select(table.id, table.title).where(among(table.id, sorted(filter(None, ids))))
        found |= {row[0]: row[1] for row in session.execute(wanted)}
    return found


def _refuse_unusable(wanted: AuditFilter) -> None:
    for name in ("action", "actor", "request_id", "run_id", "text", "title"):
        if "\x00" in getattr(wanted, name) or len(getattr(wanted, name)) > 200:
            raise InvalidInputError("This filter is too long or has control characters.", {name: "not usable"})
