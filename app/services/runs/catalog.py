"""The catalogue of workflows: what workers write into it, which the web process reads instead of importing workflows.

A workflow is offered as long as a worker has it that gave a sign lately: so it does not vanish while a worker is
replaced. Where no worker gives a sign at all, the catalogue stays as it was, and runs wait for one.
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
"""How often a worker gives a sign."""
OFFERED_SECONDS = 60.0
"""How long after its last sign what a worker had is offered, in the hope of its successor."""
_KEPT = "1 day"
_LIVING = text(
    "worker in (select classid::bigint << 32 | objid::bigint from pg_locks "
    "where locktype = 'advisory' and objsubid = 1 and granted "
    "and database = (select oid from pg_database where datname = current_database()))"
)
"""Offers of workers that live at this moment: each holds the advisory lock of its key."""


def publish_catalogue(sessions: Sessions, entries: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Put what a worker can run into the database; entries of workflows no longer installed stay for old runs.

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
            refused[values["name"]] = f"It cannot be entered into the catalog: {str(error.orig).splitlines()[0]}"
    return refused


def publish_offers(sessions: Sessions, worker: int, names: Iterable[str], broken: Mapping[str, str]) -> None:
    """Say which workflows a worker has, and which it cannot run and why; this is a sign of it as well."""
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
    """Say that a worker still has what it offered."""
    with sessions.begin() as session:
        session.execute(update(WorkflowOffer).where(WorkflowOffer.worker == worker).values(seen_at=func.now()))


def is_offered() -> Any:
    """The condition under which an entry of the catalogue is offered."""
    lately = WorkflowOffer.seen_at > func.now() - text(f"interval '{OFFERED_SECONDS:.0f} seconds'")
    has_it = exists().where(WorkflowOffer.name == CatalogueEntry.name, WorkflowOffer.error == "", lately)
    return or_(has_it, ~exists().where(lately))


def broken_workflows(session: Session) -> dict[str, str]:
    """Why workers that live cannot run workflows, by name, or path of what could not even be imported."""
    found = session.execute(
        select(WorkflowOffer.name, WorkflowOffer.error)
        .where(WorkflowOffer.error != "", _LIVING)
        .order_by(WorkflowOffer.name, WorkflowOffer.seen_at)
    )
    return {row.name: row.error for row in found}
