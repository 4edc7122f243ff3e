"""Writing the catalogue of workflows, which the web process reads instead of importing them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from app.store.engine import Sessions
from app.store.runs import CatalogueEntry


def publish_catalogue(sessions: Sessions, entries: Iterable[dict[str, Any]]) -> None:
    """Put what a worker can run into the database; entries of workflows no longer installed stay for old runs."""
    with sessions.begin() as session:
        for values in entries:
            session.execute(
                insert(CatalogueEntry)
                .values(**values)
                .on_conflict_do_update(index_elements=["name"], set_={**values, "updated_at": func.now()})
            )
