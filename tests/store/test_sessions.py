"""Statements of the driver over an engine: what they return, how they fail, and what becomes of their connection."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.domain.run_protocol import Statement
from app.store.engine import Sessions, make_engine, make_sessions

ONE = Statement("select %(one)s::int as one", {"one": 1})
WHO = "select pg_backend_pid() as pid"


@pytest.fixture
def sessions(empty_database_url: str) -> Iterator[Sessions]:
    engine = make_engine(empty_database_url, pool_size=2)
    found = make_sessions(engine)
    found.execute("create table notes (id int primary key)", {})
    yield found
    engine.dispose()


def note(number: int) -> Statement:
    """The statement that stores a note."""
    return Statement("insert into notes values (%(id)s) returning id", {"id": number})


@pytest.mark.parametrize("heard", [False, True])
def test_several_statements_are_one_transaction(sessions: Sessions, heard: bool) -> None:
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    if heard:
        event.listen(sessions.engine, "before_cursor_execute", listen)
    assert sessions.together([note(1), ONE, note(2)]) == [[{"id": 1}], [{"one": 1}], [{"id": 2}]]
    with pytest.raises(IntegrityError) as refused:
        sessions.together([note(3), note(1)])
    assert "pk" in str(refused.value.orig)
    assert sessions.execute("select id from notes order by id", {}) == [{"id": 1}, {"id": 2}]
    assert len(statements) == (6 if heard else 0), "a listener of SQLAlchemy hears everything"


def test_a_lost_connection_is_told_as_sqlalchemy_tells_it_and_replaced(
    sessions: Sessions, empty_database_url: str
) -> None:
    pid = sessions.execute(WHO, {})[0]["pid"]
    with psycopg.connect(empty_database_url) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", (pid,))
    lost = 0
    for _ in range(3):
        try:
            sessions.execute(WHO, {})
        except DBAPIError as error:
            assert isinstance(error, OperationalError) and error.connection_invalidated
            lost += 1
    assert lost == 1
    assert sessions.together([ONE]) == [[{"one": 1}]]


def test_the_connection_used_last_is_used_next(sessions: Sessions) -> None:
    with sessions.engine.connect(), sessions.engine.connect():
        pass
    assert len({sessions.execute(WHO, {})[0]["pid"] for _ in range(4)}) == 1, "the pool takes turns"


def test_a_server_that_cannot_be_reached_is_told_as_sqlalchemy_tells_it() -> None:
    with pytest.raises(OperationalError):
        make_sessions(make_engine("postgresql://nobody@127.0.0.1:1/none")).execute("select 1", {})


def test_a_thread_that_is_interrupted_leaves_no_answer_behind_for_others(sessions: Sessions) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(*_: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Interrupted):
            sessions.execute("select pg_sleep(20), 'late' as answer", {})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [sessions.together([ONE]) for _ in range(3)] == [[[{"one": 1}]]] * 3
