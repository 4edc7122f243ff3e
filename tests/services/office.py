"""Two people, a workflow of their own, and the standing grants for it."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import select

from app.domain.grants import Limits
from app.domain.patterns import suggest
from app.domain.people import Actor
from app.domain.policy.facts import Facts
from app.domain.policy.terms import Terms, default_terms
from app.domain.run_protocol import Journal
from app.services.grants.lifecycle import GrantDraft, Grants
from app.services.grants.precedents import GrantScope
from app.store.policies import Grant, GrantUse
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import RiskLevel
from tests.services.desk import Desk, asked
from tests.services.ruled import ruled


def mail(to: str = "ops", limit: int = 10, **more: Any) -> dict[str, Any]:
    """A tool call; its words make it of medium risk."""
    return {
        "kind": "tool_call", "title": f"Mail to {to}", "summary": "", "agent": "", "environment": "production",
        "labels": {}, "risk_floor": "safe", "expires_in_seconds": None, "tool": "send_mail",
        "args": {"to": to, "limit": limit}, "args_schema": None,
    } | more  # fmt: skip


class Office:
    """A workflow of its own, two people, and the grants over a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.checkpoints = desk.checkpoints
        self.grants = Grants(desk.sessions, desk.clock)
        self.workflow = f"flow_{secrets.token_hex(4)}"
        self.first, self.second = desk.person("The first"), desk.person("The second")

    @property
    def scope(self) -> GrantScope:
        return GrantScope(self.workflow, "ask", "tool_call", "production")

    def ask(
        self, document: dict[str, Any], requester: Actor | None = None, run: Run | None = None, **values: Any
    ) -> ApprovalRequest:
        """A run asks this; the request as it stands then."""
        run = run or self.desk.run(requester, workflow=self.workflow)
        what = asked(document, **values)
        assert self.checkpoints.suspend(run.id, run.attempt, [what], Journal(run.id))
        with self.desk.sessions() as session:
            return session.scalars(
                select(ApprovalRequest).where(ApprovalRequest.interrupt_id == what.interrupt_id)
            ).one()

    def approved(self, *documents: dict[str, Any]) -> list[ApprovalRequest]:
        """Requests that somebody approved as they were."""
        done = [self.ask(document) for document in documents]
        for approved in done:
            self.desk.decide(approved, self.second)
        return done

    def draft(self, approvals: list[ApprovalRequest], uses: int = 5, days: int = 7, **values: Any) -> GrantDraft:
        pattern = values.get("pattern") or suggest([approval.payload for approval in approvals])
        assert pattern is not None
        fields: dict[str, Any] = {
            "scope": self.scope, "pattern": pattern, "limits": Limits(RiskLevel.MEDIUM, uses, days),
            "title": "Mails to operations", "evidence": [approval.id for approval in approvals],
        }  # fmt: skip
        return GrantDraft(**fields | values)

    def proposed(self, uses: int = 5, days: int = 7) -> Grant:
        evidence = self.approved(*(mail(limit=limit) for limit in (10, 20, 30)))
        return self.grants.propose(self.first, self.draft(evidence, uses, days), "Always the same.")

    def active(self, uses: int = 5, days: int = 7) -> Grant:
        return self.grants.approve(self.second, self.proposed(uses, days).id)

    def fresh(self, grant: Grant) -> Grant:
        with self.desk.sessions() as session:
            return session.get_one(Grant, grant.id)

    def used_for(self, grant: Grant) -> set[str]:
        with self.desk.sessions() as session:
            return set(session.scalars(select(GrantUse.request_id).where(GrantUse.grant_id == grant.id)))

    def record(self, grant: Grant) -> list[AuditEntry]:
        with self.desk.sessions() as session:
            query = select(AuditEntry).where(AuditEntry.action.startswith("grant.")).order_by(AuditEntry.seq)
            return [entry for entry in session.scalars(query) if entry.detail.get("grant") == grant.id]


def actions(desk: Desk, request: ApprovalRequest) -> list[str]:
    return [entry.action for entry in desk.audit(request)]


def under(office: Office, **terms: Any) -> None:
    """From now on this rule holds."""

    def rule(facts: Facts) -> Terms:
        return default_terms(facts.assessment.level).model_copy(update=terms)

    office.checkpoints = ruled(office.desk, rule).checkpoints
