"""Each signed-in browser is a row, which can be ended by itself; how a person wants the pages.

Sessions from before have no row: people sign in again.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NOTIFY_ENDED = """
create function assent_notify_sign_in_ended() returns trigger language plpgsql as $$
begin
    perform pg_notify('assent_sign_ins_ended', old.id);
    return null;
end $$;
create trigger sign_ins_notify_ended after delete on sign_ins
    for each row execute function assent_notify_sign_in_ended();
"""


def _preferences() -> list[sa.Column[str]]:
    defaults = {"time_zone": "", "theme": "system", "density": "comfortable"}
    return [sa.Column(name, sa.Text(), nullable=False, server_default=default) for name, default in defaults.items()]


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_sign_ins_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_ins_token_hash")),
        # Rows of a few bytes of which one is written once a minute: there is room for that on their page.
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(op.f("ix_sign_ins_person_id"), "sign_ins", ["person_id"])
    op.execute(NOTIFY_ENDED)
    for column in _preferences():
        op.add_column("people", column)
    op.drop_column("people", "session_epoch")


def downgrade() -> None:
    op.add_column("people", sa.Column("session_epoch", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("people", "session_epoch", server_default=None)
    for column in _preferences():
        op.drop_column("people", column.name)
    op.drop_table("sign_ins")
    op.execute("drop function assent_notify_sign_in_ended()")
