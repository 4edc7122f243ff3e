"""Which requests are snoozed, as query conditions.

They are texts, made once: each list has them, and to build them of their parts again takes longer than the query.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import ColumnElement, TextClause, text

from app.domain.snoozing import WakesOn
from app.store.requests import ApprovalRequest

FOR_ALL = ApprovalRequest.snoozed_until.is_not(None)
"""True for a request that is snoozed for everyone."""
_OWN = f"""
    select s.request_id from snoozes as s join approval_requests as r on r.id = s.request_id
    where s.person_id = :snoozer and s.until > now() and not (
        '{WakesOn.CHANGE}' = any(s.wakes)
            and (r.digest <> s.digest or r.approvals <> s.approvals or r.expires_at <> s.expires_at)
        or '{WakesOn.ESCALATION}' = any(s.wakes) and r.priority > s.priority
        or '{WakesOn.COMMENT}' = any(s.wakes) and exists (
            select from comments as c
            where c.request_id = s.request_id and c.at > s.at and c.person_id <> s.person_id))"""
"""The requests that a person has snoozed and that nothing has brought back yet: a few, at which PostgreSQL looks first.
"""
_ANY = f"{_OWN} union all select id from approval_requests where state = 'pending' and snoozed_until is not null"
_BY = text(f"approval_requests.id in ({_OWN})")
_NOT_BY = text(f"approval_requests.id not in ({_OWN})")
_BY_OR_FOR_ALL = text(f"approval_requests.id in ({_ANY})")


def snoozed_by(person_id: str) -> ColumnElement[bool]:
    """True for a request that this person has snoozed for themselves."""
    return _of(_BY, person_id)


def not_snoozed_by(person_id: str) -> ColumnElement[bool]:
    """The opposite of `snoozed_by`."""
    return _of(_NOT_BY, person_id)


def snoozed_by_or_for_all(person_id: str) -> ColumnElement[bool]:
    """True for a request that is snoozed for this person, or for everyone."""
    return _of(_BY_OR_FOR_ALL, person_id)


def _of(condition: TextClause, person_id: str) -> ColumnElement[bool]:
    return cast("ColumnElement[bool]", condition.bindparams(snoozer=person_id))
