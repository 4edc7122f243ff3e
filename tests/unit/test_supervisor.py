"""Pauses before a child is started again: longer each time it dies, but not because the database restarted."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from app.cli.supervisor import _FIRST_BACKOFF, _LONGEST_BACKOFF, Supervisor, _Child


class Database:
    """What the supervisor asks: when the server was started; None while it is away."""

    def __init__(self) -> None:
        self.started: str | None = "first"

    def __call__(self) -> str | None:
        return self.started


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def supervisor(database: Database) -> Supervisor:
    return Supervisor(dict(os.environ), database=database)


def dies(supervisor: Supervisor, child: _Child, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Let the child run, start it before if necessary, and let the supervisor notice its end."""
    if child.process is None:
        child.next_start = 0.0
        supervisor._restart_if_dead(child)
    assert child.process is not None
    child.process.wait()
    meanwhile()
    supervisor._restart_if_dead(child)


@pytest.fixture
def child(supervisor: Supervisor) -> _Child:
    made = _Child("worker 1", ["/bin/false"])
    supervisor._start(made)
    return made


def test_a_child_that_dies_by_itself_is_started_after_longer_and_longer_pauses(
    supervisor: Supervisor, child: _Child
) -> None:
    for _ in range(12):
        dies(supervisor, child)
    assert child.backoff == _LONGEST_BACKOFF


def test_restarts_of_the_database_do_not_count(supervisor: Supervisor, child: _Child, database: Database) -> None:
    for number in range(12):
        dies(supervisor, child, lambda number=number: setattr(database, "started", f"restart {number}"))
        assert child.backoff == _FIRST_BACKOFF


def test_while_the_database_is_away_nothing_is_started_and_nothing_counts(
    supervisor: Supervisor, child: _Child, database: Database
) -> None:
    dies(supervisor, child, lambda: setattr(database, "started", None))
    for _ in range(5):
        child.next_start = 0.0
        supervisor._restart_if_dead(child)
        assert child.process is None and child.backoff == _FIRST_BACKOFF
    database.started = "second"
    child.next_start = 0.0
    supervisor._restart_if_dead(child)
    assert child.process is not None
    child.process.wait()
