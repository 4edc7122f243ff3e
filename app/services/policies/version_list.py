"""The list of policy versions, for its export."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from app.services.record.exports import ListExport
from app.services.requests.requester import VERSION_IN_FORCE
from app.store.policies import PolicyVersion


def version_list() -> ListExport:
    """All versions with their files, newest first."""
    row = PolicyVersion
    newest = select(func.max(aliased(row).version)).scalar_subquery()
    state = case(
        (row.version == VERSION_IN_FORCE, "in force"), (row.in_force_at.is_not(None), "replaced"),
        (row.declined, "declined"), (row.version == newest, "waiting"), else_="never in force",
    )  # fmt: skip
    query = select(
        row.version, state.label("state"), row.source, row.digest, row.loaded_by_name, row.loaded_at, row.in_force_at,
        row.decided_by_name, row.decided_at, row.decline_reason, row.widens, row.text,
    )  # fmt: skip
    return ListExport("policy versions", query, (row.version,))
