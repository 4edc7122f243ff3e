"""What people asked the router, what it answered, and what they chose."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base, OrderedJSON

ROUTING_CHANNEL = "assent_routing"
"""Workers listen on this channel for texts to route."""
ROUTED_CHANNEL = "assent_routed"
"""Web processes listen on this channel for the ids of texts that have been routed."""


class Routing(Base):
    """A text that somebody wants routed.

    `text` is masked. `key` is the digest of the text in a form in which equal texts are the same. `answer` is None
    until a worker has answered; `chosen` is the workflow that the person chose then, or empty. `asker_agent` is the
    name of the agent that asked with the asker's token, or empty.
    """

    __tablename__ = "routings"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    asker_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    asker_agent: Mapped[str]
    text: Mapped[str]
    key: Mapped[str]
    asked_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(OrderedJSON)
    chosen: Mapped[str]
    chosen_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_routings_waiting", "asked_at", postgresql_where=sa.text("answered_at is null")),
        Index("ix_routings_key", "key", "chosen_at", postgresql_where=sa.text("chosen <> ''")),
        Index("ix_routings_asker", "asker_id", "asked_at"),
        Index("ix_routings_asked_at", "asked_at"),
    )
