"""The audit record over REST."""

from __future__ import annotations

from typing import Any

from app.api import models
from app.api.registry import Call, Table
from app.domain.tokens import Scope
from app.services.record.records import AuditFilter

table = Table()
READ = (Scope.AUDIT_READ,)


@table.add("GET", "/audit", models.AuditList, query=models.AuditQuery, scopes=READ)
def list_audit(call: Call) -> Any:
    """The record, newest first."""
    asked = call.query
    wanted = AuditFilter(**asked.model_dump(exclude={"before", "limit"}))
    page = call.portal.services.records.page(call.actor, wanted, asked.before, asked.limit)
    return {"items": page.entries, "next_before": page.next_before}
