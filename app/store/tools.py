"""The catalog of tools, the calls that runs have made, and the approved calls that have begun."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base, OrderedJSON


class CatalogueTool(Base):
    """A version of a tool, as a worker described it. The web process knows tools only from this table.

    `facts` are those of `assent.toolbox.checks.facts_of`.
    """

    __tablename__ = "tools"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[str] = mapped_column(Text, primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(OrderedJSON)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Toolbox(Base):
    """What one worker has: the versions of tools, what they need, and the places that it could not load.

    `worker` is the key of the advisory lock that shows that the worker is alive (`app.runtime.leases`). `tools` maps
    ``name@version`` to a list of dependencies, each ``{"name", "available", "detail"}``; `broken` maps places to
    errors.
    """

    __tablename__ = "toolboxes"

    worker: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tools: Mapped[dict[str, Any]] = mapped_column(OrderedJSON)
    broken: Mapped[dict[str, Any]] = mapped_column(OrderedJSON)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ToolCallRow(Base):
    """One call of a tool that a run made. `inputs` is masked JSON text, and may be cut; `status` is a `CallStatus`."""

    __tablename__ = "tool_calls"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    node: Mapped[str]
    tool: Mapped[str]
    version: Mapped[str]
    status: Mapped[str]
    began_at: Mapped[datetime]
    ms: Mapped[int]
    attempts: Mapped[int]
    inputs: Mapped[str]
    error: Mapped[str]
    warnings: Mapped[list[Any]]
    call_id: Mapped[str]
    parent_id: Mapped[str]
    request_id: Mapped[str]

    __table_args__ = (
        Index("ix_tool_calls_run", "run_id", "id"),
        Index("ix_tool_calls_tool", "tool", "began_at"),
    )


class BegunCall(Base):
    """An approved call that has begun and must not be made again. `key` names the request, and the call within it."""

    __tablename__ = "begun_calls"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    begun_at: Mapped[datetime]
