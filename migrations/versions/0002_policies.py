"""Policies with stages, claims, absences, standing grants; deadlines as one column instead of a job each.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _requests() -> list[sa.Column[Any]]:
    return [
        sa.Column("policy_version", sa.Integer()),
        sa.Column("stage", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("addressed_to", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("escalated_to", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("escalation", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("warned", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("extended", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("claimed_by_id", sa.Text()),
        sa.Column("claimed_by_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("assigned_to_id", sa.Text()),
        sa.Column("assigned_to_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("held_until", sa.DateTime(timezone=True)),
        sa.Column("answered_by", sa.Text(), nullable=False, server_default=""),
        sa.Column("reopened_at", sa.DateTime(timezone=True)),
    ]


def _decisions() -> list[sa.Column[Any]]:
    return [
        sa.Column("stage", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("on_behalf_of_id", sa.Text()),
        sa.Column("on_behalf_of_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
    ]


_KEEP_DEFAULT = ("addressed_to", "escalated_to")
_REFERENCES = (
    ("approval_requests", "policy_version", "policy_versions", "version"),
    ("approval_requests", "claimed_by_id", "people", "id"),
    ("approval_requests", "assigned_to_id", "people", "id"),
    ("decisions", "on_behalf_of_id", "people", "id"),
)
_TERMS_WITH_STAGES = """
update approval_requests set due_at = case when state = 'pending' then expires_at end,
    terms = (terms::jsonb - 'quorum' || jsonb_build_object('stages', jsonb_build_array(
        jsonb_build_object('name', '', 'teams', '[]'::jsonb, 'people', '[]'::jsonb, 'quorum', quorum))))::text
"""
_TERMS_WITH_QUORUM = """
update approval_requests set terms = (terms::jsonb - 'stages' || jsonb_build_object('quorum', quorum))::text
"""


def upgrade() -> None:
    _new_tables()
    for column in _requests():
        op.add_column("approval_requests", column)
    for column in _decisions():
        op.add_column("decisions", column)
    op.add_column("outcomes", sa.Column("held_until", sa.DateTime(timezone=True)))
    for table, column, other, key in _REFERENCES:
        op.create_foreign_key(op.f(f"fk_{table}_{column}_{other}"), table, other, [column], [key])
    for table, columns in (("approval_requests", _requests()), ("decisions", _decisions())):
        for column in columns:
            if column.server_default is not None and column.name not in _KEEP_DEFAULT:
                op.alter_column(table, column.name, server_default=None)
    op.execute(_TERMS_WITH_STAGES)
    op.drop_index("ix_approval_requests_due", table_name="approval_requests")
    op.create_index(
        "ix_approval_requests_due", "approval_requests", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )
    op.drop_constraint(op.f("uq_decisions_request_id_person_id_digest"), "decisions")
    op.create_index(
        "uq_decisions_standing", "decisions", ["request_id", "person_id", "stage", "digest"],
        unique=True, postgresql_where=sa.text("withdrawn_at is null"),
    )  # fmt: skip
    op.drop_index("ix_audit_entries_action", table_name="audit_entries")
    op.create_index(
        "ix_audit_entries_action", "audit_entries", ["action", "seq"], postgresql_ops={"action": "text_pattern_ops"}
    )
    op.create_index(
        "ix_audit_entries_at", "audit_entries", ["at"], postgresql_using="brin", postgresql_with={"autosummarize": True}
    )
    # Their place is taken by `due_at`. On an empty database procrastinate's tables are made afterwards.
    op.execute(
        "do $$ begin if to_regclass('procrastinate_jobs') is not null then "
        "delete from procrastinate_jobs where task_name = 'requests.expire' and status <> 'doing'; end if; end $$"
    )


def _person(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), sa.ForeignKey("people.id", **more))  # type: ignore[arg-type]


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _new_tables() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("version", sa.Integer(), sa.Identity(always=True), primary_key=True),
        _text("text"), _text("digest"), _text("source"), _moment("loaded_at"), _person("loaded_by_id"),
        _text("loaded_by_name"),
    )  # fmt: skip
    op.create_table(
        "absences",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.Text(), sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
        _person("delegate_id", ondelete="CASCADE"),
        _moment("starts_at"), _moment("ends_at"), _text("note"), _moment("created_at"), _person("created_by_id"),
        _moment("ended_at", nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name="period"),
    )  # fmt: skip
    op.create_index("ix_absences_person", "absences", ["person_id", "ends_at"])
    op.create_index("ix_absences_delegate", "absences", ["delegate_id", "ends_at"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), primary_key=True),
        *map(_text, ("state", "title", "workflow", "node", "kind", "environment", "max_risk", "pattern")),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        _moment("expires_at"), _text("reason"), _text("evidence"),
        _moment("proposed_at"), _person("proposed_by_id"), _text("proposed_by_name"),
        _moment("approved_at", nullable=True), _person("approved_by_id"), _text("approved_by_name"),
        _moment("ended_at", nullable=True), _person("ended_by_id"), _text("ended_by_name"), _text("end_reason"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state in ('proposed', 'active', 'declined', 'revoked', 'used_up', 'expired')", name="state"
        ),
        sa.CheckConstraint("uses >= 0 and uses <= max_uses", name="uses"),
        sa.CheckConstraint("max_uses between 1 and 1000 and max_risk in ('safe', 'low', 'medium')", name="bounds"),
        sa.CheckConstraint("approved_by_id is null or approved_by_id <> proposed_by_id", name="second_person"),
        sa.CheckConstraint(
            "state not in ('active', 'used_up') or (proposed_by_id is not null and approved_by_id is not null)",
            name="two_people",
        ),
    )  # fmt: skip
    op.create_index("ix_grants_active", "grants", ["workflow", "node"], postgresql_where=sa.text("state = 'active'"))
    op.create_table(
        "grant_uses",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("approval_requests.id"), primary_key=True),
        sa.Column("grant_id", sa.Text(), sa.ForeignKey("grants.id"), nullable=False, index=True),
        _moment("at"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_entries_at", table_name="audit_entries")
    op.drop_index("ix_audit_entries_action", table_name="audit_entries")
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "seq"])
    op.drop_index("uq_decisions_standing", table_name="decisions")
    op.create_unique_constraint(
        op.f("uq_decisions_request_id_person_id_digest"), "decisions", ["request_id", "person_id", "digest"]
    )
    op.drop_index("ix_approval_requests_due", table_name="approval_requests")
    op.create_index(
        "ix_approval_requests_due", "approval_requests", ["expires_at"], postgresql_where=sa.text("state = 'pending'")
    )
    op.execute(_TERMS_WITH_QUORUM)
    for table, column, other, _ in _REFERENCES:
        op.drop_constraint(op.f(f"fk_{table}_{column}_{other}"), table)
    op.drop_column("outcomes", "held_until")
    for column in reversed(_decisions()):
        op.drop_column("decisions", column.name)
    for column in reversed(_requests()):
        op.drop_column("approval_requests", column.name)
    for table in ("grant_uses", "grants", "absences", "policy_versions"):
        op.drop_table(table)
