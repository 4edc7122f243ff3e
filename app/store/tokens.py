"""Tokens with which programs sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.tokens import TokenKind
from app.store.base import Base, Made
from app.store.people import Person


class ApiToken(Made, Base):
    """A token of a program; only its hash is stored.

    Attributes:
        kind: ``person`` acts as its owner; ``agent`` acts as an agent for which its owner is responsible.
        hint: The first characters after the prefix, with which people recognize tokens.
        last_used_at: Updated at most once a minute.
        confirmed_at: When the token started to work. None if somebody else created it, and its owner has not confirmed
            it.
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
