"""Who made a request's payload what it is, where a reviewer changed it.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_EDITORS = """
update approval_requests as request
set edited_by = array_remove(array[editor.person_id, editor.on_behalf_of_id] || editor.makers, null)
from (
    select distinct on (request_id, digest) request_id, digest, person_id, on_behalf_of_id, makers
    from decisions where verdict = 'modify' order by request_id, digest, at desc
) as editor
where editor.request_id = request.id and editor.digest = request.digest and request.digest <> request.proposed_digest"""


def upgrade() -> None:
    op.add_column(
        "approval_requests",
        sa.Column("edited_by", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )
    op.execute(_EDITORS)


def downgrade() -> None:
    op.drop_column("approval_requests", "edited_by")
