"""The audit log over REST."""

from __future__ import annotations

from typing import Any

from app.api import models
from app.api.registry import ApiCall, EndpointTable
from app.domain.errors import InvalidInputError
from app.domain.tokens import Scope
from app.services.record.search import AuditFilter

table = EndpointTable()
READ = (Scope.AUDIT_READ,)


@table.add("GET", "/audit", models.AuditList, query=models.AuditQuery, scopes=READ)
def list_audit(call: ApiCall) -> Any:
    """List the audit log, newest first."""
    asked = call.query
    wanted = AuditFilter(**asked.model_dump(exclude={"before", "cursor", "limit"}))
    page = call.portal.services.records.page(call.actor, wanted, _before(asked), asked.limit)
    cursor = str(page.next_before) if page.next_before is not None else None
    return {"items": page.entries, "next_cursor": cursor, "next_before": page.next_before}


def _before(asked: models.AuditQuery) -> int | None:
    if asked.before is not None and asked.cursor is not None:
        raise InvalidInputError("Send either cursor or before.", {"before": "not allowed with cursor"})
    return asked.cursor if asked.cursor is not None else asked.before
