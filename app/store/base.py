"""What all tables share: the declarative base and the column types."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, DateTime, MetaData, Text, func, literal, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from app.domain.people import Makers
from app.domain.weight import READ_A_CHARACTER, weigh
from assent.digests import canonical
from assent.json_values import read_back


def _value(stored: str | None) -> Any:
    if stored is None:
        return None
    weigh(len(stored) * READ_A_CHARACTER)
    return read_back(stored)


class CanonicalJSON(TypeDecorator[Any]):
    """A JSON value stored as its canonical text, so that its digest can be checked against the stored bytes.

    None is stored as SQL NULL.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return _value(value)


class OrderedJSON(TypeDecorator[Any]):
    """A JSON value stored as text in its original order, so that a form's fields stay in their author's order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return _value(value)


def among(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values.

    Unlike with ``in_``, the statement is the same for any number of values, so that it stays prepared on both sides.
    """
    return column == func.any(literal(list(values), ARRAY(column.type)))


class Base(DeclarativeBase):
    """The base of all tables. Names of constraints follow a convention, so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: CanonicalJSON,
        list[Any]: CanonicalJSON,
    }


class Made:
    """Columns that say who created the link, token, or absence with which somebody acts, if another person did.

    Attributes:
        makers: IDs of those who created a sign-in link, token, or absence for somebody else
            (`app.domain.people.Makers`).
        made_by: Their names; or the operator's, who is not a maker, for rows that the command line created.
    """

    makers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    made_by: Mapped[str] = mapped_column(default="", server_default="")

    @property
    def made(self) -> Makers:
        """The makers."""
        return Makers(frozenset(self.makers or ()), self.made_by or "")


metadata = Base.metadata
