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
    """A JSON value kept as its canonical text, so that its digest can be checked against the stored bytes.

    None is stored as SQL NULL.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return _value(value)


class OrderedJSON(TypeDecorator[Any]):
    """A JSON value kept as text in the order it came: the fields of a form stand as their author wrote them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return _value(value)


def among(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """True where the column has one of these values.

    Unlike ``in_`` the statement reads the same however many there are, so that both sides keep it prepared.
    """
    return column == func.any(literal(list(values), ARRAY(column.type)))


class Base(DeclarativeBase):
    """All tables of Assent; names of constraints are fixed so that migrations can refer to them."""

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
    """The columns of rows by which, or with which, somebody acts for whom another person may have made the way in.

    Attributes:
        makers: ids of those who made the sign-in link, token or absence for somebody else (`app.domain.people.Makers`).
        made_by: their names; of what the operator made at the command line, who is no maker, the operator's.
    """

    makers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    made_by: Mapped[str] = mapped_column(default="", server_default="")

    @property
    def made(self) -> Makers:
        """The makers."""
        return Makers(frozenset(self.makers or ()), self.made_by or "")


metadata = Base.metadata
