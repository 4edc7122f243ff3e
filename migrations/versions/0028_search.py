"""Requests are found by a part of a word, by whom they ask, and by whose they are, without reading all of them.

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

FUNCTIONS = r"""
create function assent_search_keys(document text, second text default '', third text default '') returns integer[]
    -- The cost keeps the planner from working the keys out for each row instead of looking them up.
    language plpgsql immutable strict parallel safe cost 1000 as $$
declare
    -- No word that is looked for has a line break. The last two let the last characters begin a key, too.
    bytes bytea := convert_to(
        lower(document || E'\n' || second || E'\n' || third || E'\n\n'), getdatabaseencoding());
    last integer := octet_length(bytes) - 3;
begin
    return array(
        select get_byte(bytes, i) << 16 | get_byte(bytes, i + 1) << 8 | get_byte(bytes, i + 2)
            from generate_series(0, last) as i
        union all select get_byte(bytes, i) << 8 | get_byte(bytes, i + 1) from generate_series(0, last) as i);
end $$;
create function assent_search_word(word text) returns integer[]
    language plpgsql immutable strict parallel safe as $$
declare
    bytes bytea := convert_to(lower(word), getdatabaseencoding());
    length integer := octet_length(bytes);
begin
    if length = 2 then
        return array[get_byte(bytes, 0) << 8 | get_byte(bytes, 1)];
    end if;
    -- Of a long word, those that do not overlap tell nearly as much and are looked up more quickly.
    return array(
        select get_byte(bytes, i) << 16 | get_byte(bytes, i + 1) << 8 | get_byte(bytes, i + 2)
            from generate_series(0, length - 3, case when length > 9 then 3 else 1 end) as i);
end $$;
"""
_KEYS = "assent_search_keys(title, workflow, agent)"
_PENDING = "state = 'pending'"
_RESOLVED = "state <> 'pending'"
_BY_COLUMNS = {
    "ix_approval_requests_rank_unassigned":
        (["attention_at", "id"], f"{_PENDING} and assigned_to_id is null and claimed_by_id is null"),
    "ix_approval_requests_rank_requester": (["requester_id", "attention_at", "id"], _PENDING),
    "ix_approval_requests_assigned": (["assigned_to_id", "state"], "assigned_to_id is not null"),
    "ix_approval_requests_claimed": (["claimed_by_id", "state"], "claimed_by_id is not null"),
    "ix_approval_requests_resolved_risk": (["risk", "resolved_at", "id"], _RESOLVED),
    "ix_approval_requests_resolved_workflow": (["workflow", "resolved_at", "id"], _RESOLVED),
    "ix_approval_requests_resolved_kind": (["kind", "resolved_at", "id"], _RESOLVED),
    "ix_approval_requests_resolved_requester": (["requester_id", "resolved_at", "id"], _RESOLVED),
}  # fmt: skip
_BY_KEYS = {"ix_approval_requests_search": _PENDING, "ix_approval_requests_resolved_search": _RESOLVED}


def upgrade() -> None:
    op.execute(FUNCTIONS)
    # The keys of a million requests are sorted in memory rather than on disk.
    op.execute("set local maintenance_work_mem = '256MB'")
    for name, (columns, where) in _BY_COLUMNS.items():
        op.create_index(name, "approval_requests", columns, postgresql_where=sa.text(where))
    for name, where in _BY_KEYS.items():
        op.create_index(
            name, "approval_requests", [sa.literal_column(_KEYS), "addressed_to"],
            postgresql_using="gin", postgresql_where=sa.text(where),
        )  # fmt: skip
        # Which keys are frequent is not looked at by the planner, so ANALYZE need not find out.
        op.execute(f"alter index {name} alter column 1 set statistics 0")


def downgrade() -> None:
    for name in (*_BY_KEYS, *_BY_COLUMNS):
        op.drop_index(name, "approval_requests")
    for function in ("keys(text, text, text)", "word(text)"):
        op.execute(f"drop function assent_search_{function}")
