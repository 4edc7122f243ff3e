"""Steps of many requests in one statement, each guarded by itself.

Like a guarded batch (`app.store.batch`), but for any number of requests at once: of each the columns, the record, the
events and the job are written if it is still as it was seen, and nothing if it is not. What somebody holds locked is
left for another time rather than waited for, so that one request never keeps the others.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from app.store.base import metadata
from app.store.batch import Batch, execute, plain
from app.store.engine import Sessions
from app.store.jobs import DEFER
from app.store.requests import ApprovalRequest

COLUMNS = (
    "state", "note", "resolved_at", "expires_at", "attention_at", "due_at", "priority", "escalation", "escalated_to",
    "addressed_to", "warned", "claimed_by_id", "claimed_by_name", "claimed_until", "held_until", "answered_by",
)  # fmt: skip
"""What a sweep may change. It writes all of them, so that every sweep is the same statement."""
_TABLE = metadata.tables[ApprovalRequest.__tablename__]
_DEFER = DEFER.format(where="where each.args ->> 'run_id' in (select run_id from guard)")
_SEEN = "r.id = m.id and r.version = m.version"


class Sweep(Batch):
    """What is written for several requests. Every row that is added names its `request_id`."""

    def __init__(self) -> None:
        super().__init__()
        self._moves: list[dict[str, Any]] = []

    def move(self, seen: ApprovalRequest, **columns: Any) -> None:
        """Change columns (of `COLUMNS`) of a request that is still of the version that was seen."""
        values = {name: columns.get(name, getattr(seen, name)) for name in COLUMNS}
        row = {"id": seen.id, "version": seen.version} | {
            name: plain(_TABLE, name, value) for name, value in values.items()
        }
        self._moves.append(row)

    def advance(self, run_id: str) -> None:
        """Have a worker advance the run, if its request is written."""
        if all(job["args"]["run_id"] != run_id for job in self._jobs):
            super().advance(run_id)

    def sweep(self, sessions: Sessions) -> set[str]:
        """Write it all. Ids of the requests that were as they had been seen; of the others nothing is written.

        Raises:
            sqlalchemy.exc.DBAPIError: nothing was written, of any request.
        """
        if not self._moves:
            return set()
        shape = tuple((name, tuple(self._rows[name][0])) for name in sorted(self._rows))
        parameters = self._values | {f"rows_{name}": json.dumps(rows) for name, rows in self._rows.items()}
        parameters |= {"moves": json.dumps(self._moves), "jobs": json.dumps(self._jobs)}
        return set(execute(sessions, _statement(shape, tuple(self._also)), parameters)["moved"])


@lru_cache(maxsize=64)
def _statement(inserts: tuple[tuple[str, tuple[str, ...]], ...], also: tuple[str, ...]) -> str:
    parts = [
        f"moves as materialized (select id, version, {', '.join(COLUMNS)} "
        "from json_populate_recordset(null::approval_requests, %(moves)s::json))",
        # A row that changed meanwhile is looked at again here, and once more where it is written.
        f"free as materialized (select r.id from approval_requests r join moves m on {_SEEN} "
        "for update of r skip locked)",
        f"guard as (update approval_requests r set {', '.join(f'{name} = m.{name}' for name in COLUMNS)}, "
        f"version = r.version + 1 from moves m where {_SEEN} and r.id in (select id from free) "
        "returning r.id, r.run_id, r.held_until)",
    ]
    for name, columns in inserts:
        named = ", ".join(columns)
        parts.append(
            f"put_{name} as (insert into {name} ({named}) select {named} from "
            f"json_populate_recordset(null::{name}, %(rows_{name})s::json) where request_id in (select id from guard))"
        )
    parts += [f"also_{number} as ({statement})" for number, statement in enumerate(also)]
    return f"with {', '.join(parts)} select array(select id from guard) as moved, {_DEFER} as deferred"
