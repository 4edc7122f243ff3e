"""What the steps of a run reported of their progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store.runs import StepProgressRow


@dataclass(frozen=True)
class ProgressView:
    """The last report of a step about its progress; `total` is None if it is not known."""

    node: str
    done: int
    total: int | None
    words: str
    counts: dict[str, int | float | str]
    updated_at: datetime

    @property
    def outer_node(self) -> str:
        """The node of the workflow's own graph in which the step ran."""
        return self.node.split("/")[0]


def step_progress(session: Session, run_id: str, nodes: Sequence[str]) -> list[ProgressView]:
    """What the steps of a run reported last, in the order of the graph's nodes."""
    order = {node: number for number, node in enumerate(nodes)}
    rows = session.scalars(select(StepProgressRow).where(StepProgressRow.run_id == run_id))
    views = [ProgressView(row.node, row.done, row.total, row.words, dict(row.counts), row.updated_at) for row in rows]
    return sorted(views, key=lambda view: (order.get(view.outer_node, len(order)), view.node))
