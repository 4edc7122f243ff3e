"""The catalog of workflows, runs, and artifacts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.lifecycle import RunState
from app.store.base import Base, CanonicalJSON, Made, OrderedJSON

PROGRESS_CHANNEL = "assent_progress"
"""Web processes listen here for the ids of runs with a step that has reported progress."""


class CatalogueEntry(Base):
    """A workflow as a worker described it. The web process knows workflows only from this table.

    `nodes` is a list of ``{"id", "title", "agent", "tool", "skippable"}`` in drawing order. `edges` is a list of
    ``[from, to]``, or ``[from, to, label]`` for conditional edges; the label may be empty. `source` is the file of a
    workflow in YAML, masked, and empty for others; lists do not read it.
    """

    __tablename__ = "workflows"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    input_schema: Mapped[dict[str, Any]] = mapped_column(OrderedJSON)
    examples: Mapped[list[Any]] = mapped_column(OrderedJSON)
    nodes: Mapped[list[Any]]
    edges: Mapped[list[Any]]
    source: Mapped[str] = mapped_column(Text, server_default="", deferred=True)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WorkflowOffer(Base):
    """A workflow that a worker can run, or has found but cannot run.

    `worker` is the key of the advisory lock that shows that the worker is alive (`app.runtime.leases`). `name` is the
    workflow's name, or its path if it cannot be imported. `error` says why it cannot be run, and is empty if it can.
    `seen_at` is the time of the worker's last heartbeat.
    """

    __tablename__ = "workflow_offers"

    worker: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    error: Mapped[str] = mapped_column(Text, server_default="")
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Run(Made, Base):
    """One execution of a workflow. Its ID is that of the LangGraph thread.

    `control` is a person's command for a run that is being advanced: empty, ``pause``, or ``cancel``. `ask_next` is the
    name of the person who wants the run to ask before its next step, until people have agreed to it. `attempt` counts
    how often a worker claimed the run; `holder` is the key of the advisory lock that shows that the last of them is
    alive (`app.runtime.leases`). `makers` of the token or link with which it was started count as requesters of its
    requests. `erased_at` says since when what it held is deleted, and `erased_by_name` who did it.
    `started_by_agent` is the name of the agent that started it with the starter's token; empty if a person did.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    workflow: Mapped[str]
    workflow_version: Mapped[str]
    title: Mapped[str]
    state: Mapped[str] = mapped_column(default=RunState.QUEUED.value)
    version: Mapped[int] = mapped_column(default=1)
    attempt: Mapped[int] = mapped_column(default=0)
    control: Mapped[str] = mapped_column(default="")
    ask_next: Mapped[str] = mapped_column(default="", server_default="")
    holder: Mapped[int | None] = mapped_column(BigInteger)
    input: Mapped[dict[str, Any]]
    result: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    error: Mapped[Any] = mapped_column(CanonicalJSON, nullable=True)
    started_by_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    started_by_name: Mapped[str]
    started_by_agent: Mapped[str] = mapped_column(default="", server_default="")
    erased_at: Mapped[datetime | None]
    erased_by_name: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("ix_runs_recent", "created_at", "id"),
        Index("ix_runs_state", "state", "created_at"),
        Index(
            "ix_runs_agent", "started_by_id", "started_by_agent", "created_at",
            postgresql_where=text("started_by_agent <> ''"),
        ),
    )  # fmt: skip


class StepProgressRow(Base):
    """The last report of a step about its progress (`assent.progress`). `counts` is a list of ``[name, value]``.

    A trigger notifies `PROGRESS_CHANNEL`. These are no events: a step reports about once a second, and nobody needs
    earlier reports.
    """

    __tablename__ = "step_progress"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    node: Mapped[str] = mapped_column(Text, primary_key=True)
    done: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    words: Mapped[str]
    counts: Mapped[list[Any]]
    updated_at: Mapped[datetime]


class Artifact(Base):
    """A text that a run produced, such as a report."""

    __tablename__ = "artifacts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    media_type: Mapped[str]
    content: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
