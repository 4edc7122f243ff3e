"""A sweep: steps of many requests in one statement, each with its own guard.

It is like a guarded batch (`app.store.batch`), but for any number of requests at once. For each request, the columns,
audit entries, events, and job are written if its version is unchanged, and nothing is written otherwise. Locked
requests are skipped until later, so that one request never delays the others.
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
    "addressed_to", "warned", "claimed_by_id", "claimed_by_name", "claimed_until", "held_until", "resolves_at",
    "snoozed_until",    "answered_by",
)  # fmt: skip
"""The columns that a sweep may change. It writes all of them, so that every sweep is the same statement."""
_TABLE = metadata.tables[ApprovalRequest.__tablename__]
_DEFER = DEFER.format(where="where each.args ->> 'run_id' in (select run_id from guard)")
_SEEN = "r.id = m.id and r.version = m.version"


class Sweep(Batch):
    """Everything that is written for several requests. Every added row has a `request_id`."""

    def __init__(self) -> None:
        super().__init__()
        self._moves: list[dict[str, Any]] = []

    def move(self, seen: ApprovalRequest, **columns: Any) -> None:
        """Change columns (of `COLUMNS`) of a request, if it still has the version that was read."""
        values = {name: columns.get(name, getattr(seen, name)) for name in COLUMNS}
        row = {"id": seen.id, "version": seen.version} | {
            name: plain(_TABLE, name, value) for name, value in values.items()
        }
        self._moves.append(row)

    def advance(self, run_id: str) -> None:
        """Enqueue a job that advances the run, if its request is written."""
        if all(job["args"]["run_id"] != run_id for job in self._jobs):
            super().advance(run_id)

    def sweep(self, sessions: Sessions) -> set[str]:
        """Write everything. Returns the IDs of the requests whose version was unchanged; others are not written.

        Raises:
            sqlalchemy.exc.DBAPIError: Nothing was written for any request.
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
        # A row that changed meanwhile is checked again here, and once more when it is written.
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
