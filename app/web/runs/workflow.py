"""The page of a workflow: its graph, and the file of one that is written in YAML beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.people import Action
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.pages import NodeView
from app.store.runs import CatalogueEntry
from app.web.code import code
from app.web.pages import render, web
from app.web.runs.graph import Drawing, EdgePath, drawing_of
from app.web.runs.story import NodeStatus


@dataclass(frozen=True)
class Plan:
    """The steps of a workflow that is not running, in the form in which a run's page draws them."""

    statuses: list[NodeStatus]
    drawing: Drawing | None

    @property
    def ways(self) -> list[tuple[EdgePath, bool]]:
        """The drawing's lines; none of them was taken."""
        return [(line, False) for line in self.drawing.lines] if self.drawing else []

    @property
    def by_id(self) -> dict[str, NodeStatus]:
        """Each step, by the id of its node."""
        return {status.node.id: status for status in self.statuses}


def plan_of(entry: CatalogueEntry) -> Plan:
    """The steps of a workflow, each with its tool instead of a status."""
    nodes = [
        NodeView(str(node["id"]), str(node["title"]), str(node["agent"]), str(node["tool"]), "pending")
        for node in entry.nodes
    ]
    return Plan(
        [NodeStatus(node, "pending", node.tool, current=False) for node in nodes],
        drawing_of(((node.id, node.title) for node in nodes), entry.edges),
    )


@web.get("/workflows/<workflow>")
def workflow_page(workflow: str) -> Any:
    """A workflow: what it does, step by step, and the file that it was made from."""
    viewer = current_actor()
    viewer.require(Action.SEE)
    entry, source, offered = services().runs.described(workflow)
    return render(
        "workflow.html",
        entry=entry, plan=plan_of(entry), source=code(source, [], language="yaml") if source else None,
        may_start=offered and viewer.may(Action.START_RUN),
    )  # fmt: skip
