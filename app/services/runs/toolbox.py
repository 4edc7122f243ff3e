"""The catalog of tools. Workers write it; the web process reads it instead of importing tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, or_, text
from sqlalchemy.dialects.postgresql import insert

from app.store.engine import Sessions
from app.store.tools import CatalogueTool, Toolbox

_KEPT = "1 day"


def publish_tools(sessions: Sessions, tools: Iterable[Mapping[str, Any]]) -> None:
    """Store what tools are like, by their facts (`assent.toolbox.checks.facts_of`); others are kept for old calls."""
    rows = [{"name": facts["name"], "version": facts["version"], "facts": dict(facts)} for facts in tools]
    if not rows:
        return
    added = insert(CatalogueTool).values(rows)
    with sessions.begin() as session:
        session.execute(
            added.on_conflict_do_update(
                index_elements=["name", "version"], set_={"facts": added.excluded.facts, "updated_at": func.now()}
            )
        )


def publish_toolbox(
    sessions: Sessions, worker: int, tools: Mapping[str, list[dict[str, Any]]], broken: Mapping[str, str]
) -> None:
    """Store which tools a worker has, with what they need, and what it could not load."""
    values = {"tools": dict(tools), "broken": dict(broken)}
    with sessions.begin() as session:
        session.execute(
            delete(Toolbox).where(
                or_(Toolbox.worker == worker, Toolbox.seen_at < func.now() - text(f"interval '{_KEPT}'"))
            )
        )
        session.execute(insert(Toolbox).values(worker=worker, **values))
