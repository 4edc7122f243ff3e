"""Fills a database with approval requests like those of many busy teams."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from app.domain.lifecycle import RequestState, RunState
from app.domain.policy.terms import DEADLINE_SECONDS, default_terms
from app.domain.ranking import attention_at
from app.domain.review_time import content_seconds
from app.domain.risk import Finding, assess
from assent.contracts import RiskLevel, Urgency
from assent.digests import canonical, digest_of

RISKS = {
    RiskLevel.SAFE: 10,
    RiskLevel.LOW: 35,
    RiskLevel.MEDIUM: 30,
    RiskLevel.HIGH: 20,
    RiskLevel.CRITICAL: 5,
}
WORKFLOWS = {
    "database_maintenance": 30,
    "customer_mail": 20,
    "incident_response": 15,
    "release_notes": 10,
    "access_review": 8,
    "cost_report": 7,
    "schema_migration": 4,
    "invoice_matching": 3,
    "certificate_renewal": 2,
    "data_retention": 1,
}
KINDS = {"script": 35, "tool_call": 30, "optimizations": 15, "question": 10, "custom": 7, "value": 2, "error": 1}
ENVIRONMENTS = {"production": 60, "staging": 30, "": 10}
VERBS = ("Create", "Rebuild", "Send", "Delete", "Archive", "Restart", "Rotate", "Grant", "Export", "Merge")
THINGS = ("indexes", "invoices", "mails", "customers", "sessions", "replicas", "certificates", "reports", "orders")
TEAMS = {"dba": 400, "security": 300, "": 299, "payments": 1}
"""Teams whose approval is required, by slug; empty for any reviewer."""
SINCE = timedelta(days=3)
"""Requests were opened evenly over this time, up to now; those past their deadline got a new one."""
RESOLVED_SHARE = 4
"""Number of pending requests per resolved request."""


def fill(address: str, pending: int, seed: int = 1) -> None:
    """Add `pending` requests that wait and some that are resolved, each with its run, and ANALYZE.

    No vacuum has seen the rows, and none comes by itself, so that all are as if they had been opened just now.
    """
    dice = random.Random(seed)
    now = datetime.now(UTC)
    total = pending + pending // RESOLVED_SHARE
    made = [request_row(dice, now, number, number < pending) for number in range(total)]
    dice.shuffle(made)  # what is resolved lies between what waits
    with psycopg.connect(address) as connection:
        copy_rows(connection, "teams", [{"slug": slug, "name": slug.upper()} for slug in TEAMS if slug])
        copy_rows(connection, "runs", (run_row(request) for request in made))
        copy_rows(connection, "approval_requests", made)
        connection.commit()
        connection.autocommit = True
        for table in ("runs", "approval_requests"):
            connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(sql.Identifier(table)))
        connection.execute("ANALYZE")


def vacuum(address: str) -> None:
    """What autovacuum does within a minute or two of many insertions."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) runs, approval_requests")


def copy_rows(connection: psycopg.Connection[Any], table: str, rows: Iterator[dict[str, Any]] | Sequence[Any]) -> None:
    """Insert rows, all with the same columns."""
    with connection.cursor() as cursor:
        rows = iter(rows)
        first = next(rows)
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, first))
        )
        with cursor.copy(statement) as copy:
            copy.write_row(tuple(first.values()))
            for row in rows:
                copy.write_row(tuple(row.values()))


def request_row(dice: random.Random, now: datetime, number: int, waits: bool) -> dict[str, Any]:
    """A request of a run of its own, as a row; `number` is different for each."""
    risk, workflow, kind = _one(dice, RISKS), _one(dice, WORKFLOWS), _one(dice, KINDS)
    environment = _one(dice, ENVIRONMENTS)
    thing = dice.choice(THINGS)
    title = f"{dice.choice(VERBS)} {dice.randrange(2, 400)} {thing} of team {dice.randrange(40)}"
    agent = f"{workflow.split('_')[0]} agent {dice.randrange(1, 6)}"
    updates = [f"update {thing} set state = 'done' where id = {dice.random()};" for _ in range(dice.randrange(60))]
    payload = {
        "kind": kind, "title": title, "summary": "", "agent": agent, "environment": environment, "labels": {},
        "risk_floor": "safe", "expires_in_seconds": None, "content": "\n".join(updates),
    }  # fmt: skip
    digest = digest_of(payload)
    terms = default_terms(risk)
    opened = now - dice.random() * SINCE
    deadline = timedelta(seconds=DEADLINE_SECONDS[risk]) * dice.uniform(0.25, 1.5)
    expires = opened + deadline
    while expires <= now:
        expires += deadline
    found = [Finding(f"bench.rule_{n}", risk, f"It touches {thing}, which others read.", n + 1) for n in range(3)]
    return {
        "id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "run_id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "workflow": workflow,
        "node": "ask",
        "agent": agent,
        "interrupt_id": f"{number:032x}",
        "dialect": "assent",
        "value_digest": digest,
        "kind": kind,
        "title": title,
        "environment": environment,
        "payload": canonical(payload),
        "digest": digest,
        "proposed_digest": digest,
        "assessment": canonical(assess(found).to_json()),
        "risk": risk.value,
        "terms": canonical(terms.to_json()),
        "requester_name": f"Team {dice.randrange(40)}",
        "revision": 1,
        "state": (RequestState.PENDING if waits else RequestState.APPROVED).value,
        "note": "",
        "version": 1,
        "approvals": 0 if waits else terms.quorum,
        "quorum": terms.quorum,
        "priority": 0,
        "urgency": Urgency.NORMAL.value,
        "likeness": digest_of([kind, thing])[:32],
        "review_seconds": content_seconds(payload, len(found)),
        "opened_at": opened,
        "expires_at": expires,
        "attention_at": attention_at(expires, risk, 0, Urgency.NORMAL),
        "resolved_at": None if waits else now,
        "due_at": expires if waits else None,
        "stage": 0,
        "addressed_to": [f"team:{team}"] if (team := _one(dice, TEAMS)) else [],
        "escalation": 0,
        "warned": False,
        "extended": 0,
        "claimed_by_name": "",
        "assigned_to_name": "",
        "answered_by": "",
    }


def run_row(request: Mapping[str, Any]) -> dict[str, Any]:
    """The run of a request, as a row."""
    waits = request["resolved_at"] is None
    return {
        "id": request["run_id"],
        "workflow": request["workflow"],
        "workflow_version": "1",
        "title": request["title"],
        "state": (RunState.SUSPENDED if waits else RunState.COMPLETED).value,
        "version": 3,
        "attempt": 0,
        "control": "",
        "input": canonical({"target": "sample"}),
        "started_by_name": request["requester_name"],
        "created_at": request["opened_at"],
        "finished_at": request["resolved_at"],
    }


def _one(dice: random.Random, weights: Mapping[Any, int]) -> Any:
    return dice.choices(list(weights), list(weights.values()))[0]
