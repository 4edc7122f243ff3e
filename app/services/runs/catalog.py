"""The catalog of workflows. Workers write it; the web process reads it instead of importing workflows.

A workflow is offered while a worker that has it has recently sent a heartbeat, so it does not disappear while a worker
is replaced. If no worker sends heartbeats at all, the catalog stays as it was, and runs wait for a worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app.store.engine import Sessions
from app.store.runs import CatalogueEntry, WorkflowOffer

SIGN_SECONDS = 15.0
"""Seconds between heartbeats of a worker."""
OFFERED_SECONDS = 60.0
"""How long a worker's workflows stay offered after its last heartbeat, until another worker replaces it."""
_KEPT = "1 day"
LIVING = text(
    "worker in (select classid::bigint << 32 | objid::bigint from pg_locks "
    "where locktype = 'advisory' and objsubid = 1 and granted "
    "and database = (select oid from pg_database where datname = current_database()))"
)
"""The condition for rows of workers that are alive: each holds the advisory lock of its key."""


def publish_catalog(sessions: Sessions, entries: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Store what a worker can run. Entries of workflows that are no longer installed are kept for old runs.

    Returns:
        Why entries could not be stored, by name.
    """
    refused: dict[str, str] = {}
    for values in entries:
        try:
            with sessions.begin() as session:
                session.execute(
                    insert(CatalogueEntry)
                    .values(**values)
                    .on_conflict_do_update(index_elements=["name"], set_={**values, "updated_at": func.now()})
                )
        except OperationalError:
            raise
        except DBAPIError as error:
            refused[values["name"]] = f"It cannot be added to the catalog: {str(error.orig).splitlines()[0]}"
    return refused


def publish_offers(sessions: Sessions, worker: int, names: Iterable[str], broken: Mapping[str, str]) -> None:
    """Store which workflows a worker has, and which it cannot run and why. This counts as a heartbeat, too."""
    offers = dict.fromkeys(names, "") | dict(broken)
    with sessions.begin() as session:
        session.execute(
            delete(WorkflowOffer).where(
                or_(WorkflowOffer.worker == worker, WorkflowOffer.seen_at < func.now() - text(f"interval '{_KEPT}'"))
            )
        )
        if offers:
            rows = [{"worker": worker, "name": name, "error": error} for name, error in offers.items()]
            session.execute(insert(WorkflowOffer).values(rows))


def give_sign(sessions: Sessions, worker: int) -> None:
    """Record a worker's heartbeat."""
    with sessions.begin() as session:
        session.execute(update(WorkflowOffer).where(WorkflowOffer.worker == worker).values(seen_at=func.now()))


def is_offered() -> Any:
    """The condition under which an entry of the catalog is offered."""
    lately = WorkflowOffer.seen_at > func.now() - text(f"interval '{OFFERED_SECONDS:.0f} seconds'")
    has_it = exists().where(WorkflowOffer.name == CatalogueEntry.name, WorkflowOffer.error == "", lately)
    return or_(has_it, ~exists().where(lately))


def broken_workflows(session: Session) -> dict[str, str]:
    """Why live workers cannot run workflows, by name, or by path if it could not even be imported."""
    found = session.execute(
        select(WorkflowOffer.name, WorkflowOffer.error)
        .where(WorkflowOffer.error != "", LIVING)
        .order_by(WorkflowOffer.name, WorkflowOffer.seen_at)
    )
    return {row.name: row.error for row in found}
