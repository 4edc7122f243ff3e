"""Health checks: is the process alive, and is it ready."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.services.bundle import Services
from app.store.engine import Sessions
from app.store.failures import DISK_FULL, READ_ONLY, state_of, write_failures
from app.store.jobs import LAST_SIGN, WORKERS_EXIST
from app.store.migrate import newest_revision

WORKER_SECONDS = 60
"""Workers without a heartbeat for longer than this do not count."""
_FAILURES = {READ_ONLY: "read-only", DISK_FULL: "disk full"}

log = structlog.get_logger("health")


def register(app: Flask, services: Services) -> None:
    """Register `/healthz` and `/readyz`; both work without a session."""
    head = newest_revision()

    def healthz() -> Response:
        return jsonify(status="ok")

    def readyz() -> Response:
        checks = _checks(services, head)
        ready = all(value == "ok" for value in checks.values())
        # A broken workflow does not stop others, so the portal stays ready.
        broken = {"broken_workflows": found} if ready and (found := services.runs.broken()) else {}
        response = jsonify(status="ok" if ready else "unavailable", checks=checks, **broken)
        response.status_code = 200 if ready else 503
        return response

    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)


def _checks(services: Services, head: str) -> dict[str, str]:
    try:
        with services.sessions() as session:
            session.execute(text("select 1"))
            migrated = _migrations(session, head)
            worker = _worker(session)
        writing = _writing(services.sessions) if migrated == "ok" else "unknown"
        return {"database": "ok", "migrations": migrated, "writing": writing, "worker": worker}
    except SQLAlchemyError as error:
        log.warning("not ready", error=str(error.__cause__ or error).splitlines()[0])
        return {"database": "unreachable", "migrations": "unknown", "writing": "unknown", "worker": "unknown"}


def _writing(sessions: Sessions) -> str:
    """Whether the database can be written. A small write may succeed on a full disk, so others are remembered."""
    try:
        with sessions.begin() as session:
            session.execute(text("update write_checks set checked_at = now()"))
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        log.warning("cannot write", error=str(error.orig).splitlines()[0])
        return _FAILURES.get(state_of(error), "failing")
    return _FAILURES.get(write_failures.lately, "ok")


def _migrations(session: Session, head: str) -> str:
    if not session.scalar(text("select to_regclass('alembic_version') is not null")):
        return "missing"
    current = session.scalar(text("select version_num from alembic_version"))
    return "ok" if current == head else "not at this version's"


def _worker(session: Session) -> str:
    if not session.scalar(text(WORKERS_EXIST)):
        return "missing"
    lately = text(f"select ({LAST_SIGN}) > now() - :recent")
    seen = session.scalar(lately, {"recent": timedelta(seconds=WORKER_SECONDS)})
    return "ok" if seen else "none seen recently"
