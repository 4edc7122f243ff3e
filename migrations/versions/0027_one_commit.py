"""A function that takes a transaction back whose guarded batch has hit nothing.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create function assent_require(held boolean) returns boolean language plpgsql as $$
        begin
            if not held then
                raise exception 'the guard hit nothing, so nothing is written' using errcode = 'AS014';
            end if;
            return true;
        end $$""")


def downgrade() -> None:
    op.execute("drop function assent_require(boolean)")
