"""Where agents elsewhere want to be called when their request is settled.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RULE = "ck_deliveries_one_receiver"


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_callbacks_request_id_approval_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_callbacks")),
    )
    op.drop_constraint(op.f(_RULE), "deliveries")
    op.create_check_constraint(
        op.f(_RULE), "deliveries",
        "num_nonnulls(person_id, destination_id) = case kind when 'callback' then 0 else 1 end",
    )  # fmt: skip


def downgrade() -> None:
    op.execute("delete from deliveries where kind = 'callback'")
    op.drop_constraint(op.f(_RULE), "deliveries")
    op.create_check_constraint(op.f(_RULE), "deliveries", "num_nonnulls(person_id, destination_id) = 1")
    op.drop_table("callbacks")
