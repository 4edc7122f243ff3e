"""Calls of language models that runs have made, and answers that are kept for some time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class ModelUseRow(Base):
    """One call of a model that a run made. It is stored before the call, with estimates, and again after it.

    `status` is a `UseStatus`. `model` is as the operator named it. `cost` is in US dollars, by the table of prices of
    the version `prices`; NULL if the price is not known. `estimated` says that the tokens were counted here.
    """

    __tablename__ = "model_uses"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    node: Mapped[str]
    agent: Mapped[str]
    task: Mapped[str]
    tier: Mapped[int]
    model: Mapped[str]
    status: Mapped[str]
    began_at: Mapped[datetime]
    ms: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_tokens: Mapped[int] = mapped_column(BigInteger)
    estimated: Mapped[bool]
    cost: Mapped[Decimal | None] = mapped_column(Numeric)
    prices: Mapped[str]
    error: Mapped[str]

    __table_args__ = (
        Index("ix_model_uses_run", "run_id", "began_at"),
        Index("ix_model_uses_began_at", "began_at"),
    )


class ModelAnswer(Base):
    """An answer in the cache: masked text, under a digest of the model, the messages, the tools, and the schema."""

    __tablename__ = "model_answers"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    task: Mapped[str]
    model: Mapped[str]
    content: Mapped[str]
    expires_at: Mapped[datetime]

    __table_args__ = (Index("ix_model_answers_expires_at", "expires_at"),)
