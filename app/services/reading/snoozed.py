"""Which requests are snoozed, as query conditions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, any_, exists, func, literal, not_, or_, select

from app.domain.snoozing import WakesOn
from app.store.requests import ApprovalRequest, Comment
from app.store.snoozes import Snooze

FOR_ALL = ApprovalRequest.snoozed_until.is_not(None)
"""True for a request that is snoozed for everyone."""


def snoozed_by(person_id: str) -> Select[Any]:
    """The ids of the requests that a person has snoozed for themselves and that nothing has brought back yet.

    A person has few, so PostgreSQL looks at those and not at all requests.
    """
    request = ApprovalRequest.__table__.alias("snoozed_request")
    woken = or_(
        and_(
            _wakes(WakesOn.CHANGE),
            or_(
                request.c.digest != Snooze.digest,
                request.c.approvals != Snooze.approvals,
                request.c.expires_at != Snooze.expires_at,
            ),
        ),
        and_(_wakes(WakesOn.ESCALATION), request.c.priority > Snooze.priority),
        and_(
            _wakes(WakesOn.COMMENT),
            exists().where(
                Comment.request_id == Snooze.request_id, Comment.at > Snooze.at, Comment.person_id != Snooze.person_id
            ),
        ),
    )
    return (
        select(Snooze.request_id)
        .join(request, request.c.id == Snooze.request_id)
        .where(Snooze.person_id == person_id, Snooze.until > func.now(), not_(woken))
    )


def _wakes(event: WakesOn) -> ColumnElement[bool]:
    return literal(event.value) == any_(Snooze.wakes)
