"""Policy versions that decide more without people wait for a second person.

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLE = "policy_versions"
SECOND_PERSON = (
    "in_force_at is null or decided_by_id is null or not (array_append(decided_makers, decided_by_id) "
    "&& array_append(makers, loaded_by_id))"
)


def upgrade() -> None:
    empty = sa.text("'{}'")
    op.add_column(TABLE, sa.Column("makers", sa.ARRAY(sa.Text()), nullable=False, server_default=empty))
    op.add_column(TABLE, sa.Column("made_by", sa.Text(), nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("widens", sa.Text(), nullable=False, server_default="[]"))
    op.add_column(TABLE, sa.Column("in_force_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(TABLE, sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(TABLE, sa.Column("decided_by_id", sa.Text(), nullable=True))
    op.add_column(TABLE, sa.Column("decided_by_name", sa.Text(), nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("decided_makers", sa.ARRAY(sa.Text()), nullable=False, server_default=empty))
    op.add_column(TABLE, sa.Column("declined", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column(TABLE, sa.Column("decline_reason", sa.Text(), nullable=False, server_default=""))
    op.create_foreign_key(op.f("fk_policy_versions_decided_by_id_people"), TABLE, "people", ["decided_by_id"], ["id"])
    # Every version that was loaded before was in force at once.
    op.execute(sa.text("update policy_versions set in_force_at = loaded_at"))
    op.create_check_constraint(op.f("ck_policy_versions_second_person"), TABLE, SECOND_PERSON)
    op.create_check_constraint(
        op.f("ck_policy_versions_confirmed"),
        TABLE,
        "widens = '[]' or in_force_at is null or decided_by_id is not null",
    )
    op.create_check_constraint(op.f("ck_policy_versions_declined"), TABLE, "not (declined and in_force_at is not null)")


def downgrade() -> None:
    for name in ("declined", "confirmed", "second_person"):
        op.drop_constraint(op.f(f"ck_policy_versions_{name}"), TABLE)
    op.drop_constraint(op.f("fk_policy_versions_decided_by_id_people"), TABLE)
    # What waits for a second person, or was declined, would be in force.
    op.execute(sa.text("delete from policy_versions where in_force_at is null"))
    for name in (
        "decline_reason", "declined", "decided_makers", "decided_by_name", "decided_by_id", "decided_at", "in_force_at",
        "widens", "made_by", "makers",
    ):  # fmt: skip
        op.drop_column(TABLE, name)
