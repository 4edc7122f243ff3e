"""Changes of a request: the guarded batch for a pending one, and the events about changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.domain.errors import AlreadyDecidedError
from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import REQUEST_TRANSITIONS, RequestState, may_move
from app.domain.people import SYSTEM, Actor
from app.domain.snoozing import WakesOn
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.store.batch import Batch, document
from app.store.requests import UNCLAIMED, ApprovalRequest

# The foreign key locks this row anyway, but here it is locked before the request's. Deactivating a person locks in the
# same order, so if both happen at once, one waits and then sees the other.
_STILL_ACTIVE = " and exists (select from people where id = %(active_person)s and active for key share)"
_CHANGES = {"payload", "approvals", "expires_at"}
"""Columns whose change ends a snooze for everyone that waits for one."""
_ENDED = {"due_at": None, **UNCLAIMED}
"""Columns of a request that has ended: no due step, and no claim."""


class Move(Batch):
    """Changes a pending request if it has not changed since it was read."""

    def __init__(self, seen: ApprovalRequest, columns: dict[str, Any], person_id: str) -> None:
        still_active = _STILL_ACTIVE if person_id else ""
        super().__init__(
            f"update approval_requests set {', '.join(f'{name} = %(set_{name})s' for name in columns)}, "
            "version = version + 1 where id = %(request)s and state = 'pending' and version = %(version)s"
            f"{still_active} returning id",
            {f"set_{name}": document(ApprovalRequest, name, value) for name, value in columns.items()}
            | {"request": seen.id, "version": seen.version}
            | ({"active_person": person_id} if person_id else {}),
        )
        self._seen = seen
        self._columns = columns | {"version": seen.version + 1}

    def written(self) -> ApprovalRequest:
        """The request after this batch is written. It need not be read: nothing can have changed in between."""
        for name, value in self._columns.items():
            setattr(self._seen, name, value)
        return self._seen


def move(seen: ApprovalRequest, new: RequestState, now: datetime, person_id: str = "", /, **values: Any) -> Move:
    """A batch that changes a pending request if it has not changed since it was read.

    If it ends the request, open pages are updated.

    Args:
        person_id: the person who acts on the request, who must still be active; empty: nobody.
    """
    ends = new is not RequestState.PENDING
    if ends and not may_move(REQUEST_TRANSITIONS, RequestState(seen.state), new):
        raise AlreadyDecidedError(f"This request is {RequestState(seen.state).words}.", state=seen.state)
    columns = {"state": new.value, "resolved_at": now if ends else None, **(_ENDED if ends else {})}
    if ends and seen.resolves_at is not None:
        columns["resolves_at"] = None
    columns |= values
    if not ends and seen.snoozed_until is not None and WakesOn.CHANGE in seen.snooze_wakes and _CHANGES & set(values):
        # The due step that would have ended it is found to be out of date, and corrected.
        columns.setdefault("snoozed_until", None)
        note_return(batch := Move(seen, columns, person_id), seen, now)
        return batch
    batch = Move(seen, columns, person_id)
    if ends:
        publish(batch, resolved(seen, now, new))
    return batch


def note_return(batch: Batch, request: ApprovalRequest, now: datetime, actor: Actor = SYSTEM) -> None:
    """Record that a snooze for everyone has ended while the request is pending, and update open pages."""
    record(batch, actor, "request.unsnoozed", now, request_id=request.id, run_id=request.run_id, scope="all")
    publish(batch, changed(request, now, RequestChange.UNSNOOZED))


def is_woken_by(request: ApprovalRequest, event: WakesOn) -> bool:
    """True if the request is snoozed for everyone, and this brings it back."""
    pending = request.state == RequestState.PENDING.value
    return pending and request.snoozed_until is not None and event in request.snooze_wakes


def changed(request: ApprovalRequest, now: datetime, what: RequestChange, **more: Any) -> dict[str, Any]:
    """The event that a request has changed, without a change of its state."""
    return event_row(
        EventKind.REQUEST_CHANGED, now, run_id=request.run_id, request_id=request.id, state=request.state, what=what,
        **more,
    )  # fmt: skip


def resolved(request: ApprovalRequest, now: datetime, state: RequestState) -> dict[str, Any]:
    """The event that a request has ended, in this state."""
    return event_row(EventKind.REQUEST_RESOLVED, now, run_id=request.run_id, request_id=request.id, state=state.value)
