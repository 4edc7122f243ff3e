"""Who made, for somebody else, the sign-in link or the token by which that person acts.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLES = (
    "sign_in_links", "sign_ins", "api_tokens", "slack_people", "absences", "runs", "approval_requests", "decisions",
    "grants",
)  # fmt: skip
_RULE = "ck_grants_second_person"
# Who made a token is on the audit log; the row had the name alone.
_TOKENS = """
    update api_tokens set makers = array[entry.actor_id], made_by = entry.actor_name
    from audit_entries as entry
    where entry.action = 'token.made' and entry.actor_kind = 'person' and entry.via <> 'command_line'
        and entry.detail::json ->> 'token_id' = api_tokens.id and entry.actor_id <> api_tokens.person_id"""
_ABSENCES = """
    update absences set makers = array[created_by_id], made_by = people.name
    from people where people.id = absences.created_by_id and absences.created_by_id <> absences.person_id"""


def upgrade() -> None:
    for name in _TABLES:
        op.add_column(name, sa.Column("makers", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
        op.add_column(name, sa.Column("made_by", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "grants", sa.Column("approved_makers", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.drop_constraint(op.f(_RULE), "grants")
    op.create_check_constraint(
        op.f(_RULE), "grants",
        "approved_by_id is null or not (array_append(approved_makers, approved_by_id) "
        "&& array_append(makers, proposed_by_id))",
    )  # fmt: skip
    op.execute(_TOKENS)
    op.execute(_ABSENCES)
    # Nobody knows any more who made these. They live for half an hour; new ones can be made at once.
    op.execute("delete from sign_in_links where used_at is null")


def downgrade() -> None:
    op.drop_constraint(op.f(_RULE), "grants")
    op.create_check_constraint(op.f(_RULE), "grants", "approved_by_id is null or approved_by_id <> proposed_by_id")
    op.drop_column("grants", "approved_makers")
    for name in _TABLES:
        op.drop_column(name, "made_by")
        op.drop_column(name, "makers")
