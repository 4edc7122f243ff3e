"""Writing deliveries: each once, together with the job that tries it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.notices import Channel, DeliveryState, NoticeKind
from app.store.base import metadata
from app.store.batch import execute, plain
from app.store.engine import Sessions
from app.store.jobs import DEFER, deliver_job, rewrite_job
from app.store.notify import Delivery

_TABLE = metadata.tables[Delivery.__tablename__]
_COLUMNS = [column.name for column in _TABLE.columns if column.name not in ("sent_at", "text", "html", "digest_id")]
_WRITE = f"""
    with put as (
        insert into deliveries ({', '.join(_COLUMNS)})
        select {', '.join(_COLUMNS)} from json_populate_recordset(null::deliveries, %(rows)s::json)
        on conflict (key) do nothing returning id),
    ended as (delete from procrastinate_jobs where id = any(%(ended)s))
    select array(select id from put) as put, {DEFER.format(
        where="where each.task_name <> 'notify.deliver' or each.args ->> 'delivery' in (select id from put)"
    )} as deferred"""


@dataclass(frozen=True)
class Plan:
    """A delivery to write, and whether it has a job of its own."""

    row: dict[str, Any]
    job: bool = True


def new_row(key: str, kind: NoticeKind, channel: Channel, now: datetime, **values: Any) -> dict[str, Any]:
    """The columns of a delivery that is to be tried at once, unless `values` say something else.

    Args:
        key: what it is about, and for whom: of the same key there is one only.
    """
    usual: dict[str, Any] = {
        "id": uuid.uuid4().hex, "key": key, "kind": kind.value, "channel": channel.value, "person_id": None,
        "destination_id": None, "request_id": None, "event_id": None, "on_behalf_of": "", "digest": "",
        "state": DeliveryState.PENDING.value, "reason": "", "attempts": 0, "in_digest": False, "created_at": now,
        "first_due_at": now, "due_at": now, "link_expires_at": None, "address": "", "subject": "", "reference": "",
    }  # fmt: skip
    return usual | values


def write(
    sessions: Sessions, plans: Sequence[Plan], stale: Sequence[str] = (), ended: Sequence[int] = ()
) -> list[str]:
    """Write the deliveries that are not there yet, with their jobs.

    Args:
        stale: deliveries whose messages are to be brought up to date.
        ended: jobs that come to their end with it.

    Returns:
        The ids of the new deliveries.
    """
    return list(execute(sessions, _WRITE, _parameters(plans, stale, ended))["put"])


def write_in(session: Session, plans: Sequence[Plan]) -> None:
    """Write deliveries with their jobs as part of a transaction."""
    session.connection().exec_driver_sql(_WRITE, _parameters(plans))


def _parameters(plans: Sequence[Plan], stale: Sequence[str] = (), ended: Sequence[int] = ()) -> dict[str, Any]:
    rows = {plan.row["key"]: plan for plan in plans}
    jobs = [_job(plan.row) for plan in rows.values() if plan.job]
    jobs += [rewrite_job(each) for each in stale]
    return {
        "rows": json.dumps([_plain(plan.row) for plan in rows.values()]), "jobs": json.dumps(jobs),
        "ended": list(ended),
    }  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(_TABLE, name, value) for name, value in row.items()}


def _job(row: dict[str, Any]) -> dict[str, Any]:
    now_due = row["state"] == DeliveryState.PENDING.value
    urgent = row["kind"] == NoticeKind.ESCALATED.value
    return deliver_job(row["id"], None if now_due else row["due_at"], -15 if urgent else -20)
