"""Decisions of policies that people review afterwards.

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decision_samples",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewer_id", sa.Text(), nullable=True),
        sa.Column("reviewer_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("agrees", sa.Boolean(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False, server_default=""),
        sa.Column("makers", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("made_by", sa.Text(), nullable=False, server_default=""),
        sa.CheckConstraint("(reviewed_at is null) = (agrees is null)", name=op.f("ck_decision_samples_reviewed")),
        sa.ForeignKeyConstraint(
            ["policy_version"], ["policy_versions.version"],
            name=op.f("fk_decision_samples_policy_version_policy_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_decision_samples_request_id_approval_requests")
        ),
        sa.ForeignKeyConstraint(["reviewer_id"], ["people.id"], name=op.f("fk_decision_samples_reviewer_id_people")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_decision_samples")),
    )  # fmt: skip
    op.create_index(
        "ix_decision_samples_waiting", "decision_samples", ["drawn_at", "request_id"],
        postgresql_where=sa.text("reviewed_at is null"),
    )  # fmt: skip
    op.create_index(
        "ix_decision_samples_reviewed", "decision_samples", ["reviewed_at", "request_id"],
        postgresql_where=sa.text("reviewed_at is not null"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("decision_samples")
