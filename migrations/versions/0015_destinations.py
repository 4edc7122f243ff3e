"""Destinations that are no person: webhooks, channels of teams, and other places; they are told through deliveries too.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TELL = """
create or replace function assent_tell_people() returns trigger language plpgsql as $$
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
                -- Whatever changes also changes what a message says that was sent, where messages can be rewritten.
                or exists (select from deliveries where deliveries.request_id = written.request_id
                    and channel = 'slack' and state in ('pending', 'sent'))
            else false
        end{or_wanted}
        having count(*) > 0;
    return null;
end $$;
"""
OR_WANTED = """
        or exists (select from destinations where channel = 'webhook' and disabled_at is null and removed_at is null
            and (topics = '{}' or written.kind = any(topics)))"""


def _columns() -> list[sa.Column[object]]:
    at = sa.DateTime(timezone=True)
    return [
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("topics", ARRAY(sa.Text()), nullable=False),
        sa.Column("least_risk", sa.Text(), nullable=False),
        sa.Column("team_slug", sa.Text()),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former_secret", sa.Text(), nullable=False),
        sa.Column("former_until", at),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("hold_until", at),
        sa.Column("disabled_at", at),
        sa.Column("disabled_reason", sa.Text(), nullable=False),
        sa.Column("removed_at", at),
        sa.Column("created_at", at, nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "destinations",
        *_columns(),
        sa.CheckConstraint("channel in ('webhook', 'slack', 'apprise')", name=op.f("ck_destinations_channel")),
        sa.ForeignKeyConstraint(["team_slug"], ["teams.slug"], name=op.f("fk_destinations_team_slug_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
    )
    op.alter_column("deliveries", "person_id", nullable=True)
    op.add_column("deliveries", sa.Column("destination_id", sa.Text()))
    op.create_foreign_key(
        op.f("fk_deliveries_destination_id_destinations"), "deliveries", "destinations", ["destination_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_deliveries_one_receiver"), "deliveries", "num_nonnulls(person_id, destination_id) = 1"
    )
    op.create_index(
        "ix_deliveries_destination", "deliveries", ["destination_id", "created_at"],
        postgresql_where=sa.text("destination_id is not null"),
    )  # fmt: skip
    op.execute(TELL.replace("{or_wanted}", OR_WANTED))


def downgrade() -> None:
    op.execute(TELL.replace("{or_wanted}", ""))
    op.execute("delete from deliveries where person_id is null")
    op.drop_index("ix_deliveries_destination", "deliveries")
    op.drop_constraint(op.f("ck_deliveries_one_receiver"), "deliveries")
    op.drop_constraint(op.f("fk_deliveries_destination_id_destinations"), "deliveries")
    op.drop_column("deliveries", "destination_id")
    op.alter_column("deliveries", "person_id", nullable=False)
    op.drop_table("destinations")
