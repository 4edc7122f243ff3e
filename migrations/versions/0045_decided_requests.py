"""Decided requests are found by who decided them, and by the words of their content and comments.

Revision ID: 0045
Revises: 0044
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

TRIGGER = """
create function assent_search_document_stale() returns trigger language plpgsql as $$
begin
    update search_documents set stale = true where request_id = new.request_id and not stale;
    return null;
end $$;
create trigger comments_search after insert or update on comments
    for each row execute function assent_search_document_stale();
"""


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", postgresql.TSVECTOR, nullable=False),
        sa.Column("stale", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("request_id", name="pk_search_documents"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], ondelete="CASCADE",
            name="fk_search_documents_request_id_approval_requests",
        ),
    )  # fmt: skip
    op.create_index("ix_search_documents_resolved", "search_documents", ["resolved_at", "request_id"])
    op.create_index(
        "ix_search_documents_words", "search_documents", ["words"], postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )  # fmt: skip
    op.create_index("ix_search_documents_stale", "search_documents", ["request_id"], postgresql_where=sa.text("stale"))
    op.create_index(
        "ix_decisions_person", "decisions", ["person_id", "at", "id"],
        postgresql_where=sa.text("withdrawn_at is null"),
    )  # fmt: skip
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("drop trigger comments_search on comments")
    op.execute("drop function assent_search_document_stale")
    op.drop_index("ix_decisions_person", "decisions")
    op.drop_table("search_documents")
