"""What programs sign in with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.tokens import TokenKind
from app.store.base import Base, Made
from app.store.people import Person


class ApiToken(Made, Base):
    """A token of a program; only its hash is kept.

    Attributes:
        kind: ``person``: it acts as its owner; ``agent``: it acts as an agent for whom its owner answers.
        hint: the first characters after the prefix, by which people tell tokens apart.
        last_used_at: written once a minute at most.
        confirmed_at: from then on it works. None: somebody else made it, and its owner has not confirmed it.
    """

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str]
    name: Mapped[str]
    hint: Mapped[str]
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    made_by_name: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint(f"kind in ({', '.join(repr(kind.value) for kind in TokenKind)})", name="kind"),
        Index("ix_api_tokens_person", "person_id", "created_at"),
    )
