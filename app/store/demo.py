"""The mark of a database that holds a demo."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base

NOT_EMPTY = "AS015"
"""SQLSTATE of an attempt to mark a database that is not empty."""


class DemoMark(Base):
    """The only row of its table. Triggers accept it only in an empty database, and never change or remove it."""

    __tablename__ = "demo_marks"

    one: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default=true())
    marked_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("one", name="one"),)
