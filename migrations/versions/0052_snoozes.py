"""Requests that are snoozed, for one person or for everyone.

Revision ID: 0052
Revises: 0051
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_COLUMNS = ("snoozed_until", "snooze_wakes", "snoozed_by_name", "snooze_reason", "was_snoozed")


def upgrade() -> None:
    # Processes of the version before, which may still run, write requests without these columns.
    for column in (
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snooze_wakes", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("snoozed_by_name", sa.Text, nullable=False, server_default=""),
        sa.Column("snooze_reason", sa.Text, nullable=False, server_default=""),
        sa.Column("was_snoozed", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("approval_requests", column)
    op.create_index(
        "ix_approval_requests_snoozed", "approval_requests", ["snoozed_until"],
        postgresql_where=sa.text("state = 'pending' and snoozed_until is not null"),
    )  # fmt: skip
    op.create_table(
        "snoozes",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wakes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("approvals", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "request_id", name="pk_snoozes"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_snoozes_person_id_people", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name="fk_snoozes_request_id_approval_requests"
        ),
    )


def downgrade() -> None:
    op.drop_table("snoozes")
    op.drop_index("ix_approval_requests_snoozed", "approval_requests")
    for name in _COLUMNS:
        op.drop_column("approval_requests", name)
