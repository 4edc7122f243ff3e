"""A desk on which a policy decides at once, and runs that ask there."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from app.domain.people import Role
from app.domain.reading_tools import ReadingTools
from app.domain.risk import Assessment, Touches
from app.domain.run_protocol import Journal
from app.services.approvals.manager import CheckpointManager
from app.services.policies.versions import Policies
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import RiskLevel
from tests.services.desk import Desk, asked
from tests.services.loaded import OPERATOR

HARMLESS = """\
version: 1
rules:
  - name: Nothing is dropped
    when: tool == "drop" || "drop" in commands
    decide: reject
    reason: Tables are dropped by the DBA.
  - name: Harmless
    when: understood && risk.rank <= 1
    decide: approve
    until: {until}
  - name: Everything else
    when: size >= 0
    ask: {{teams: [dba]}}
"""


def tool(name: str, **args: Any) -> dict[str, Any]:
    """A tool call."""
    return {"kind": "tool_call", "title": f"Call {name}", "tool": name, "args": args}


def reads(document: dict[str, Any], _tools: ReadingTools) -> Assessment:
    """A reader that understands everything but `mystery`, and finds deletions high and writes low."""
    words = str(document)
    level = RiskLevel.HIGH if "delete" in words else RiskLevel.LOW if "write" in words else RiskLevel.SAFE
    commands = tuple(word for word in ("drop", "ls") if word in words)
    return Assessment(level, 0.0, (), "mystery" not in words, Touches(commands=commands))


def governed(desk: Desk, text: str) -> Desk:
    """The desk with this policy in force, and a reader."""
    policies = Policies(desk.sessions, desk.clock, reads)
    loaded = policies.load(OPERATOR, text, "policies.yaml").stored
    if loaded.waits:
        policies.confirm(desk.person("Second person", [Role.ADMIN]), loaded.version)
    return dataclasses.replace(
        desk, checkpoints=CheckpointManager(desk.sessions, desk.clock, reads, policy_of=policies.version)
    )


def harmless(desk: Desk, days: int = 30) -> str:
    """The policy, which approves for so many days."""
    return HARMLESS.format(until=(desk.clock() + timedelta(days=days)).date())


def ask(desk: Desk, run: Run, document: dict[str, Any], **values: Any) -> ApprovalRequest:
    """The run asks this; the request, whatever has become of it."""
    what = asked(document, **values)
    taken = desk.progress.begin(run.id) if desk.run_state(run.id) == "queued" else None
    delivered = [delivery.request_id for delivery in taken.deliveries] if taken else []
    journal = Journal(run.id, delivered=delivered)
    assert desk.checkpoints.suspend(run.id, taken.attempt if taken else 1, [what], journal)
    with desk.sessions() as session:
        found = session.query(ApprovalRequest).filter_by(interrupt_id=what.interrupt_id)
        return found.order_by(ApprovalRequest.opened_at.desc()).limit(1).one()
