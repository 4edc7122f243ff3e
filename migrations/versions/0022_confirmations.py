"""What somebody else made for a person, a token or an absence, does nothing until that person confirms it.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# What is in use goes on, but for absences in which whoever entered them is the delegate.
_ABSENCES = """
    update absences set confirmed_at = created_at
    where delegate_id is null or not delegate_id = any(makers) or ended_at is not null or ends_at <= now()"""


def upgrade() -> None:
    for name in ("api_tokens", "absences"):
        op.add_column(name, sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("update api_tokens set confirmed_at = created_at")
    op.execute(_ABSENCES)


def downgrade() -> None:
    for name in ("api_tokens", "absences"):
        op.drop_column(name, "confirmed_at")
