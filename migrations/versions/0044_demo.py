"""A database can be marked as a demo, only while it is empty and for good; who has closed the tour.

Revision ID: 0044
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

# What was recorded in a demo is invented in part, and dated in the past. So a record of anything real can never become
# that of a demo, and that of a demo never passes for a real one.
GUARDS = """
create function assent_guard_demo_mark() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        raise exception 'a database that is marked as a demo stays one: % is refused', tg_op
            using errcode = 'insufficient_privilege';
    end if;
    -- Anybody who adds something meanwhile waits until the mark is there, or is seen here.
    lock table people, audit_entries, approval_requests, runs, policy_versions in share row exclusive mode;
    if exists (select from people) or exists (select from audit_entries) or exists (select from approval_requests)
            or exists (select from runs) or exists (select from policy_versions) then
        raise exception 'only an empty database can be marked as a demo' using errcode = 'AS015';
    end if;
    return new;
end $$;
create trigger demo_marks_guard before insert or update or delete on demo_marks
    for each row execute function assent_guard_demo_mark();
create trigger demo_marks_no_truncate before truncate on demo_marks
    for each statement execute function assent_guard_demo_mark();
"""


def upgrade() -> None:
    op.create_table(
        "demo_marks",
        sa.Column("one", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_demo_marks")),
        sa.CheckConstraint("one", name=op.f("ck_demo_marks_one")),
    )
    op.execute(GUARDS)
    op.add_column("people", sa.Column("tour_closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("people", "tour_closed_at")
    op.drop_table("demo_marks")
    op.execute("drop function assent_guard_demo_mark()")
