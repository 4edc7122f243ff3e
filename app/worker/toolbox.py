"""This worker's entries in the catalog of tools, with what each tool needs, checked again every few minutes."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import structlog

from app.runtime.loading import LoadError, within
from app.services.runs.toolbox import publish_toolbox, publish_tools
from app.store.engine import Sessions
from assent.toolbox.checks import facts_of
from assent.toolbox.model import Dependency, Tool
from assent.toolbox.registry import Registry

log = structlog.get_logger(__name__)
CHECK_SECONDS = 120.0
"""Seconds between checks of what the tools need."""
MISSING_SECONDS = 15.0
"""The same when something is missing, which somebody may just be setting up; twice as long each time."""
_PATIENCE = 10.0


class ToolOffering:
    """The tools that one worker has.

    Args:
        worker: The key of the lock that shows that the worker is alive.
    """

    def __init__(self, sessions: Sessions, registry: Registry, worker: int) -> None:
        self._sessions = sessions
        self._registry = registry
        self._worker = worker
        self._said: dict[str, str] = {}
        self._described: list[dict[str, Any]] = []

    def publish(self) -> bool:
        """Write the catalog, and what the tools need. Facts that cannot be determined make a tool broken.

        Returns:
            True if everything that the tools need is there.
        """
        described, needs = [], {}
        broken = dict(self._registry.broken)
        for tool in self._tools():
            try:
                described.append(facts_of(tool))
            except Exception as error:
                broken[tool.full_name] = f"{type(error).__name__}: {error}"
                continue
            needs[tool.full_name] = [asdict(dependency) for dependency in _dependencies(tool)]
        for place, problem in broken.items():
            if self._said.get(place) != problem:
                log.error("tools.broken", place=place, error=problem)
        self._said = broken
        if described != self._described:
            publish_tools(self._sessions, described)
            self._described = described
        publish_toolbox(self._sessions, self._worker, needs, broken)
        return all(dependency["available"] for found in needs.values() for dependency in found)

    def _tools(self) -> list[Tool]:
        return [tool for newest in self._registry for tool in self._registry.versions(newest.name)]

    async def keep(self) -> None:
        """Publish once, and then regularly until canceled."""
        pause = MISSING_SECONDS
        while True:
            complete = False
            try:
                complete = await asyncio.to_thread(self.publish)
            except Exception:
                # The next round retries.
                log.warning("tools.not_published", exc_info=True)
            await asyncio.sleep(CHECK_SECONDS if complete else pause)
            pause = MISSING_SECONDS if complete else min(pause * 2, CHECK_SECONDS)


def _dependencies(tool: Tool) -> list[Dependency]:
    """Return what a tool needs; a check that takes too long counts as a failed one."""
    if tool.dependencies is None:
        return []
    try:
        return within(_PATIENCE, "The check", tool.check_dependencies)
    except LoadError as error:
        return [Dependency("dependencies", False, str(error))]


def worker_facts(registry: Registry) -> dict[str, Any]:
    """Return what the worker's log says about its tools."""
    return {"tools": len(registry), "broken_tools": sorted(registry.broken)}
