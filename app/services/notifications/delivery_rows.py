"""Writes deliveries, each one once and with the job that attempts it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.store.base import metadata
from app.store.batch import execute, plain
from app.store.engine import Sessions
from app.store.jobs import DEFER, deliver_job, rewrite_job
from app.store.notify import Delivery

BY_MAIL = "It is sent by email instead."
"""The end of the reason why a delivery failed that email has replaced."""
_TABLE = metadata.tables[Delivery.__tablename__]
_COLUMNS = [column.name for column in _TABLE.columns if column.name not in ("sent_at", "text", "html", "digest_id")]
_WRITE = f"""
    with put as (
        insert into deliveries ({", ".join(_COLUMNS)})
        select {", ".join(_COLUMNS)} from json_populate_recordset(null::deliveries, %(rows)s::json)
        on conflict (key) do nothing returning id)
    select array(select id from put) as put, {
    DEFER.format(where="where each.task_name <> 'notify.deliver' or each.args ->> 'delivery' in (select id from put)")
} as deferred"""


@dataclass(frozen=True)
class DeliveryPlan:
    """A delivery to write, and whether it has its own job."""

    row: dict[str, Any]
    job: bool = True


def new_row(key: str, kind: NoticeKind, channel: Channel, now: datetime, **values: Any) -> dict[str, Any]:
    """The columns of a delivery that is due now, unless `values` override them.

    Args:
        key: its subject and recipient; there is only one delivery with each key.
    """
    usual: dict[str, Any] = {
        "id": uuid.uuid4().hex, "key": key, "kind": kind.value, "channel": channel.value, "person_id": None,
        "destination_id": None, "request_id": None, "event_id": None, "on_behalf_of": "", "digest": "",
        "state": DeliveryState.PENDING.value, "reason": "", "attempts": 0, "in_digest": False, "created_at": now,
        "first_due_at": now, "due_at": now, "link_expires_at": None, "address": "", "subject": "", "reference": "",
    }  # fmt: skip
    return usual | values


def by_mail_instead(sessions: Sessions, delivery: Delivery, now: datetime, included: Sequence[str] = ()) -> bool:
    """Send by email what could not be sent to a person in Slack, or to any of their browsers.

    Without this, a person who chose one of them alone would miss it. It is written once, however often this is called.

    Args:
        included: for a roundup, the deliveries it contains, which the email then contains.

    Returns:
        Whether it is sent by email. False if an email is sent anyway, or Slack has what a browser has not taken.
    """
    about = delivery.key.removesuffix(f":{delivery.channel}")
    if about == delivery.key or delivery.kind == NoticeKind.CHANNEL_REFUSED.value:
        return False  # a test of the channel, or admins get it over all of them anyway
    others = [Delivery.key == f"{about}:{Channel.MAIL.value}"]
    if delivery.channel == Channel.BROWSER.value:
        failed = Delivery.state == DeliveryState.FAILED.value
        others.append((Delivery.key == f"{about}:{Channel.SLACK.value}") & ~failed)
    with sessions.begin() as session:
        if session.scalars(select(Delivery.id).where(or_(*others)).limit(1)).first() is not None:
            return False
        kept = ("person_id", "request_id", "event_id", "on_behalf_of", "digest", "link_expires_at", "address")
        row = new_row(
            f"{about}:{Channel.MAIL.value}", NoticeKind(delivery.kind), Channel.MAIL, now,
            **{name: getattr(delivery, name) for name in kept},
        )  # fmt: skip
        moved = update(Delivery).where(Delivery.id.in_(included), Delivery.in_digest)
        session.execute(moved.values(channel=Channel.MAIL.value, state=DeliveryState.HELD.value, due_at=now))
        return bool(write_in(session, [DeliveryPlan(row)]))


def write(sessions: Sessions, plans: Sequence[DeliveryPlan]) -> list[str]:
    """Write the deliveries that do not exist yet, with their jobs. Returns the ids of the new ones."""
    return list(execute(sessions, _WRITE, _parameters(plans))["put"])


def write_in(session: Session, plans: Sequence[DeliveryPlan], stale: Sequence[str] = ()) -> list[str]:
    """Like `write`, as part of a transaction.

    Args:
        stale: deliveries whose messages must be updated.
    """
    if not plans and not stale:
        return []
    row = session.connection().exec_driver_sql(_WRITE, _parameters(plans, stale)).one()
    return list(row.put)


def _parameters(plans: Sequence[DeliveryPlan], stale: Sequence[str] = ()) -> dict[str, Any]:
    by_key = {plan.row["key"]: plan for plan in plans}
    jobs = [_job(plan.row) for plan in by_key.values() if plan.job]
    jobs += [rewrite_job(delivery_id) for delivery_id in stale]
    # In a fixed order, so that two transactions that write the same digests do not deadlock.
    rows = [_plain(by_key[key].row) for key in sorted(by_key)]
    return {"rows": json.dumps(rows), "jobs": json.dumps(jobs)}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(_TABLE, name, value) for name, value in row.items()}


def _job(row: dict[str, Any]) -> dict[str, Any]:
    now_due = row["state"] == DeliveryState.PENDING.value
    urgent = row["kind"] == NoticeKind.ESCALATED.value
    return deliver_job(row["id"], None if now_due else row["due_at"], -15 if urgent else -20)
