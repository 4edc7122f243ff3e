"""A limit on how long the statements of a search can take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain.errors import TookTooLongError
from app.store.engine import Sessions


@contextmanager
def time_limited(sessions: Sessions, milliseconds: int) -> Iterator[Session]:
    """A session whose statements are stopped after this time. Raises TookTooLongError."""
    with sessions.begin() as session:
        session.execute(text("select set_config('statement_timeout', :limit, true)"), {"limit": str(milliseconds)})
        try:
            yield session
        except OperationalError as error:
            if isinstance(error.orig, QueryCanceled):
                raise TookTooLongError(
                    f"This search took longer than {milliseconds / 1000:g} seconds and was stopped. "
                    "Choose a shorter period, or longer words."
                ) from error
            raise
