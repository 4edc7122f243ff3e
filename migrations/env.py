"""Alembic's entry: it is configured by `app.store.migrate`, without an ini file."""

from __future__ import annotations

from alembic import context

from app.store import (  # noqa: F401 - their tables are part of the metadata
    calls,
    demo,
    files,
    lessons,
    models,
    notify,
    people,
    policies,
    record,
    requests,
    routing,
    runs,
    snoozes,
    tokens,
)
from app.store.base import metadata


def run() -> None:
    """Apply or compare on the connection that `app.store.migrate` hands over."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        # Tables of procrastinate and LangGraph live beside ours and are looked after by their own migrations.
        include_name=lambda name, kind, parents: kind != "table" or name in metadata.tables,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
