"""People, runs, requests, decisions, outcomes, receipts, the append-only record and live events.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = """
create function assent_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit record is append only: % is refused', tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entries_append_only before update or delete on audit_entries
    for each row execute function assent_refuse_change();
create trigger audit_entries_no_truncate before truncate on audit_entries
    for each statement execute function assent_refuse_change();
"""

FINAL_STATES = """
create function assent_refuse_second_end() returns trigger language plpgsql as $$
begin
    if old.state <> 'pending' and new.state <> old.state then
        raise exception 'request % is already %', old.id, old.state using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger approval_requests_end_once before update of state on approval_requests
    for each row execute function assent_refuse_second_end();
"""

NOTIFY_EVENTS = """
create function assent_notify_event() returns trigger language plpgsql as $$
begin
    -- One notification for many rows; its text may have 8,000 characters.
    perform pg_notify('assent_events', ids) from (
        select string_agg(id::text, ',' order by id) as ids
        from (select id, (row_number() over (order by id) - 1) / 350 as part from written) as numbered
        group by part order by part
    ) as parts;
    return null;
end $$;
create trigger events_notify after insert on events referencing new table as written
    for each statement execute function assent_notify_event();
"""


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "seq"], unique=False)
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "seq"], unique=False)
    op.create_index("ix_audit_entries_request", "audit_entries", ["request_id", "seq"], unique=False)
    op.create_index("ix_audit_entries_run", "audit_entries", ["run_id", "seq"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tx", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id()::text::bigint)"), nullable=False
        ),
        sa.Column(
            "seq",
            sa.BigInteger(),
            server_default=sa.text("(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_request", "events", ["request_id", "id"], unique=False)
    op.create_index("ix_events_run", "events", ["run_id", "id"], unique=False)
    op.create_index("ix_events_tx", "events", ["tx", "id"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_index("uq_people_email", "people", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "teams",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_teams")),
    )
    op.create_table(
        "workflows",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("input_schema", sa.Text(), nullable=False),
        sa.Column("examples", sa.Text(), nullable=False),
        sa.Column("nodes", sa.Text(), nullable=False),
        sa.Column("edges", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workflows")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("workflow_version", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_by_id", sa.Text(), nullable=True),
        sa.Column("started_by_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["started_by_id"], ["people.id"], name=op.f("fk_runs_started_by_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_recent", "runs", ["created_at", "id"], unique=False)
    op.create_index("ix_runs_state", "runs", ["state", "created_at"], unique=False)
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_sign_in_links_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_index(op.f("ix_sign_in_links_person_id"), "sign_in_links", ["person_id"], unique=False)
    op.create_table(
        "team_members",
        sa.Column("team_slug", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_team_members_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["team_slug"], ["teams.slug"], name=op.f("fk_team_members_team_slug_teams"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_slug", "person_id", name=op.f("pk_team_members")),
    )
    op.create_index(op.f("ix_team_members_person_id"), "team_members", ["person_id"], unique=False)
    op.create_table(
        "approval_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("interrupt_id", sa.Text(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("value_digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("proposed", sa.Text(), nullable=True),
        sa.Column("proposed_digest", sa.Text(), nullable=False),
        sa.Column("response_schema", sa.Text(), nullable=True),
        sa.Column("assessment", sa.Text(), nullable=False),
        sa.Column("risk", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("requester_id", sa.Text(), nullable=True),
        sa.Column("requester_name", sa.Text(), nullable=False),
        sa.Column("previous_id", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("approvals", sa.Integer(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attention_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('pending', 'approved', 'modified', 'changes_requested', 'rejected', "
            "'answered', 'expired', 'cancelled', 'superseded')",
            name=op.f("ck_approval_requests_state"),
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["approval_requests.id"], name=op.f("fk_approval_requests_previous_id_approval_requests")
        ),
        sa.ForeignKeyConstraint(["requester_id"], ["people.id"], name=op.f("fk_approval_requests_requester_id_people")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_approval_requests_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_requests")),
    )
    op.create_index(
        "ix_approval_requests_due",
        "approval_requests",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_approval_requests_previous", "approval_requests", ["previous_id"], unique=False)
    op.create_index(
        "ix_approval_requests_rank",
        "approval_requests",
        ["attention_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_approval_requests_rank_kind",
        "approval_requests",
        ["kind", "attention_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_approval_requests_rank_risk",
        "approval_requests",
        ["risk", "attention_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_approval_requests_rank_workflow",
        "approval_requests",
        ["workflow", "attention_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_approval_requests_resolved",
        "approval_requests",
        ["resolved_at", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'pending'"),
    )
    op.create_index("ix_approval_requests_run", "approval_requests", ["run_id", "opened_at"], unique=False)
    op.create_index(
        "uq_approval_requests_open_interrupt",
        "approval_requests",
        ["run_id", "interrupt_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "artifacts",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_artifacts_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("person_name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_comments_person_id_people")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_comments_request_id_approval_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_request", "comments", ["request_id", "at"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("person_name", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("seen_digest", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_decisions_person_id_people")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_decisions_request_id_approval_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("request_id", "person_id", "digest", name=op.f("uq_decisions_request_id_person_id_digest")),
    )
    op.create_table(
        "outcomes",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_outcomes_request_id_approval_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_outcomes")),
    )
    op.create_table(
        "receipts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("explicit", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("fk_receipts_request_id_approval_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_receipts")),
    )
    op.execute(APPEND_ONLY)
    op.execute(FINAL_STATES)
    op.execute(NOTIFY_EVENTS)


def downgrade() -> None:
    op.drop_table("receipts")
    op.drop_table("outcomes")
    op.drop_table("decisions")
    op.drop_index("ix_comments_request", table_name="comments")
    op.drop_table("comments")
    op.drop_table("artifacts")
    op.drop_index(
        "uq_approval_requests_open_interrupt",
        table_name="approval_requests",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index("ix_approval_requests_run", table_name="approval_requests")
    op.drop_index(
        "ix_approval_requests_rank_workflow",
        table_name="approval_requests",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(
        "ix_approval_requests_rank_risk", table_name="approval_requests", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index(
        "ix_approval_requests_rank_kind", table_name="approval_requests", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index(
        "ix_approval_requests_rank", table_name="approval_requests", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index("ix_approval_requests_previous", table_name="approval_requests")
    op.drop_index(
        "ix_approval_requests_due", table_name="approval_requests", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_table("approval_requests")
    op.drop_index(op.f("ix_team_members_person_id"), table_name="team_members")
    op.drop_table("team_members")
    op.drop_index(op.f("ix_sign_in_links_person_id"), table_name="sign_in_links")
    op.drop_table("sign_in_links")
    op.drop_index("ix_runs_state", table_name="runs")
    op.drop_index("ix_runs_recent", table_name="runs")
    op.drop_table("runs")
    op.drop_table("workflows")
    op.drop_table("teams")
    op.drop_index("uq_people_email", table_name="people")
    op.drop_table("people")
    op.drop_index("ix_events_tx", table_name="events")
    op.drop_index("ix_events_run", table_name="events")
    op.drop_index("ix_events_request", table_name="events")
    op.drop_table("events")
    op.drop_index("ix_audit_entries_run", table_name="audit_entries")
    op.drop_index("ix_audit_entries_request", table_name="audit_entries")
    op.drop_index("ix_audit_entries_actor", table_name="audit_entries")
    op.drop_index("ix_audit_entries_action", table_name="audit_entries")
    op.drop_table("audit_entries")
    for function in ("assent_refuse_change", "assent_refuse_second_end", "assent_notify_event"):
        op.execute(f"drop function {function}()")
