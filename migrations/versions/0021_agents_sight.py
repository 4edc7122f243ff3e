"""Which agent opened a request or started a run, and which remarks are agents'.

Of what is there already the audit log says it, so that agents go on seeing what they opened themselves.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_RUNS = """
update runs set started_by_agent = entry.actor_name from audit_entries as entry
where entry.run_id = runs.id and entry.action = 'run.started' and entry.actor_kind = 'agent'
    and entry.actor_id = runs.started_by_id"""
_REQUESTS_OF_RUNS = """
update approval_requests as request set opened_by_agent = runs.started_by_agent from runs
where runs.id = request.run_id and runs.started_by_agent <> ''"""
_REQUESTS = """
update approval_requests as request set opened_by_agent = entry.actor_name from audit_entries as entry
where entry.request_id = request.id and entry.action = 'request.opened' and entry.actor_kind = 'agent'
    and request.run_id is null and entry.actor_id = request.requester_id"""
_COMMENTS = """
update comments set by_agent = true from audit_entries as entry
where entry.request_id = comments.request_id and entry.action = 'request.commented' and entry.actor_kind = 'agent'
    and entry.actor_id = comments.person_id and entry.actor_name = comments.person_name and entry.at = comments.at"""
_BY_AGENT = {"approval_requests": "opened_by_agent", "runs": "started_by_agent"}


def upgrade() -> None:
    for table, column in _BY_AGENT.items():
        op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=""))
    op.add_column("comments", sa.Column("by_agent", sa.Boolean(), nullable=False, server_default=sa.false()))
    for statement in (_RUNS, _REQUESTS_OF_RUNS, _REQUESTS, _COMMENTS):
        op.execute(statement)
    op.create_index(
        "ix_approval_requests_agent", "approval_requests", ["requester_id", "opened_by_agent", "opened_at"],
        postgresql_where=sa.text("opened_by_agent <> ''"),
    )  # fmt: skip
    op.create_index(
        "ix_runs_agent", "runs", ["started_by_id", "started_by_agent", "created_at"],
        postgresql_where=sa.text("started_by_agent <> ''"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_runs_agent", "runs")
    op.drop_index("ix_approval_requests_agent", "approval_requests")
    op.drop_column("comments", "by_agent")
    for table, column in _BY_AGENT.items():
        op.drop_column(table, column)
