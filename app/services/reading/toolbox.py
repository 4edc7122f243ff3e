"""The tools that workers have: what they are, what they need, which workflows use them, and how their calls end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from packaging.version import Version
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.domain.people import Action, Actor
from app.domain.text import is_storable
from app.services.runs.catalog import LIVING
from app.store.engine import Sessions
from app.store.runs import CatalogueEntry
from app.store.tools import CatalogueTool, Toolbox, ToolCallRow
from assent.toolbox.uses import CallStatus

DAYS = 30
MOST_CALLS = 200
"""How many calls of a run are read at once."""
_RECENT = "began_at > now() - make_interval(days => %(days)s)"
_CALLS = f"""
    select tool, count(*)::int as calls, count(*) filter (where status <> 'ok')::int as failures,
        max(began_at) as last_at
    from tool_calls where {_RECENT} group by tool"""
_CALLS_BY_VERSION = f"""
    select version, count(*)::int as calls, count(*) filter (where status <> 'ok')::int as failures,
        percentile_cont(0.5) within group (order by ms)::float8 as usual_ms, max(began_at) as last_at
    from tool_calls where {_RECENT} and tool = %(tool)s group by version"""
_FAILURES = f"""
    select status, count(*)::int as calls, max(began_at) as last_at from tool_calls
    where tool = %(tool)s and status <> 'ok' and {_RECENT}
    group by status order by calls desc, status"""


@dataclass(frozen=True)
class Usage:
    """Calls of the last `DAYS` days: of one version, or of all versions, whose usual duration is not computed."""

    calls: int = 0
    failures: int = 0
    usual_ms: float | None = None
    last_at: datetime | None = None


@dataclass(frozen=True)
class ToolView:
    """A version of a tool.

    Attributes:
        facts: those of `assent.toolbox.checks.facts_of`.
        installed: a live worker has it.
        needs: what it needs, as the worker that has it says: ``name``, ``available``, ``detail``.
    """

    facts: dict[str, Any]
    installed: bool
    needs: list[dict[str, Any]]
    usage: Usage

    @property
    def ready(self) -> bool:
        """True if everything that it needs is there."""
        return all(need["available"] for need in self.needs)


@dataclass(frozen=True)
class ToolPage:
    """A tool with all its versions, the newest first.

    Attributes:
        used_in: workflows with a node that names the tool, by name, each with the titles of these nodes.
        failures: how its calls failed: ``status``, ``calls``, ``last_at``.
    """

    versions: list[ToolView]
    used_in: list[tuple[CatalogueEntry, list[str]]]
    failures: list[dict[str, Any]]


@dataclass(frozen=True)
class RunCalls:
    """The calls that a run made.

    Attributes:
        last: the last `MOST_CALLS` of them, oldest first.
        total: how many there are in all.
        failed: how many of all of them failed.
        known: names of tools that have a page; those beside a workflow file elsewhere have none.
    """

    last: list[ToolCallRow] = field(default_factory=list)
    total: int = 0
    failed: int = 0
    known: frozenset[str] = frozenset()


class Tools:
    """Reads the catalog of tools."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def all(self, viewer: Actor) -> tuple[list[ToolView], dict[str, str]]:
        """The newest version of each tool, by name, with the calls of all versions; and what no worker could load.

        Raises:
            ForbiddenError: The viewer may see nothing.
        """
        viewer.require(Action.SEE)
        usage = {row.pop("tool"): Usage(**row) for row in self._sessions.execute(_CALLS, {"days": DAYS})}
        with self._sessions.reads() as session:
            rows = session.scalars(select(CatalogueTool)).all()
            boxes = _live_boxes(session)
        newest: dict[str, CatalogueTool] = {}
        for row in sorted(rows, key=_rank(boxes)):
            newest[row.name] = row
        broken = {place: error for box in boxes for place, error in box.broken.items()}
        return [_view(newest[name], boxes, usage.get(name)) for name in sorted(newest)], broken

    def one(self, name: str, viewer: Actor) -> ToolPage:
        """A tool with all versions. Raises ForbiddenError, NotFoundError."""
        viewer.require(Action.SEE)
        if not is_storable(name):
            raise NotFoundError("There is no such tool.")
        values = {"tool": name, "days": DAYS}
        usage = {row.pop("version"): Usage(**row) for row in self._sessions.execute(_CALLS_BY_VERSION, values)}
        with self._sessions.reads() as session:
            rows = session.scalars(select(CatalogueTool).where(CatalogueTool.name == name)).all()
            if not rows:
                raise NotFoundError("There is no such tool.")
            boxes = _live_boxes(session)
            entries = session.scalars(select(CatalogueEntry).order_by(CatalogueEntry.title)).all()
        used_in = [(entry, titles) for entry in entries if (titles := _titles(entry, name))]
        failures = self._sessions.execute(_FAILURES, values)
        versions = [_view(row, boxes, usage.get(row.version)) for row in sorted(rows, key=_rank(boxes), reverse=True)]
        return ToolPage(versions, used_in, failures)

    def calls_of(self, run_id: str) -> RunCalls:
        """The calls that a run made. The caller checks that the viewer may see the run."""
        known = select(CatalogueTool).where(CatalogueTool.name == ToolCallRow.tool).exists()
        failed = func.count().filter(ToolCallRow.status != CallStatus.OK.value)
        query = select(ToolCallRow, func.count().over(), failed.over(), known).where(ToolCallRow.run_id == run_id)
        with self._sessions.reads() as session:
            rows = session.execute(query.order_by(ToolCallRow.id.desc()).limit(MOST_CALLS)).all()
        if not rows:
            return RunCalls()
        names = frozenset(call.tool for call, _, _, has_page in rows if has_page)
        return RunCalls([row[0] for row in reversed(rows)], rows[0][1], rows[0][2], names)


def _titles(entry: CatalogueEntry, tool: str) -> list[str]:
    """The titles of the nodes that name the tool; of the three nodes of a step with a gate, only that of the call."""
    titles = [node["title"] for node in entry.nodes if node.get("tool") == tool]
    return [title for title in titles if title.partition(": ")[2] not in titles]


def _live_boxes(session: Session) -> list[Toolbox]:
    return list(session.scalars(select(Toolbox).where(LIVING).order_by(Toolbox.seen_at)))


def _rank(boxes: list[Toolbox]) -> Any:
    """Sort installed versions last, by their number: the last one is that which is called if no version is named."""
    installed = {name for box in boxes for name in box.tools}

    def key(row: CatalogueTool) -> tuple[bool, bool, Version]:
        version = Version(row.version)
        return f"{row.name}@{row.version}" in installed, not version.is_prerelease, version

    return key


def _view(row: CatalogueTool, boxes: list[Toolbox], usage: Usage | None) -> ToolView:
    having = [box.tools[f"{row.name}@{row.version}"] for box in boxes if f"{row.name}@{row.version}" in box.tools]
    return ToolView(row.facts, bool(having), having[-1] if having else [], usage or Usage())
