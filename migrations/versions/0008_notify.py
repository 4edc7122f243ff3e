"""What people are told outside the pages, and what they have chosen about it.

Every event that concerns people leaves a job in the transaction that writes it; a worker finds out whom to tell.

Revision ID: 0008
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

TELL = """
create function assent_tell_people() returns trigger language plpgsql as $$
begin
    -- One job for all events of a statement; runs' jobs go first.
    insert into procrastinate_jobs (queue_name, task_name, priority, args)
        select 'notify', 'notify.fan_out', -10, jsonb_build_object('events', jsonb_agg(id order by id)) from written
        where case kind
            when 'request.opened' then true
            when 'request.resolved' then true
            when 'request.receipt' then payload::json ->> 'status' <> 'delivered'
            when 'request.changed' then payload::json ->> 'what' in
                ('asks people', 'next stage', 'earlier stage again', 'escalated', 'warned', 'assigned')
            else false
        end
        having count(*) > 0;
    return null;
end $$;
create trigger events_tell_people after insert on events referencing new table as written
    for each statement execute function assent_tell_people();
"""


def _columns() -> list[sa.Column[object]]:
    at = sa.DateTime(timezone=True)
    return [
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.Column("event_id", sa.BigInteger()),
        sa.Column("on_behalf_of", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("in_digest", sa.Boolean(), nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.Column("first_due_at", at, nullable=False),
        sa.Column("due_at", at, nullable=False),
        sa.Column("sent_at", at),
        sa.Column("link_expires_at", at),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("html", sa.Text()),
        sa.Column("digest_id", sa.Text()),
    ]


def upgrade() -> None:
    op.create_table(
        "deliveries",
        *_columns(),
        sa.CheckConstraint(
            "state in ('pending', 'held', 'sent', 'failed', 'suppressed')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_deliveries_person_id_people")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_deliveries_request_id_approval_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index("ix_deliveries_created", "deliveries", ["created_at", "id"])
    op.create_index("ix_deliveries_state", "deliveries", ["state", "created_at", "id"])
    op.create_index("ix_deliveries_request", "deliveries", ["request_id", "created_at"])
    op.create_index("ix_deliveries_person", "deliveries", ["person_id", "created_at"])
    op.create_index(
        "ix_deliveries_kept", "deliveries", ["created_at", "id"],
        postgresql_where=sa.text("html is not null or text is not null"),
    )  # fmt: skip
    op.create_table(
        "notify_choices",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_notify_choices_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_notify_choices")),
    )
    op.execute(TELL)


def downgrade() -> None:
    op.execute("drop trigger events_tell_people on events")
    op.execute("drop function assent_tell_people()")
    op.drop_table("notify_choices")
    op.drop_table("deliveries")
