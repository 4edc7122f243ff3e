"""The ways of requests and runs between their states: those that are listed, no other, and each of them is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.domain.lifecycle import REQUEST_TRANSITIONS, RUN_TRANSITIONS, RequestState, RunState
from app.domain.people import Role
from app.domain.run_protocol import Journal
from app.store.requests import ApprovalRequest
from tests.factories import make_run, script
from tests.services.desk import Desk, asked

RECORDER = """
    create table gone (old text, new text);
    create function note_way() returns trigger language plpgsql as $$
        begin insert into gone values (old.state, new.state); return null; end $$;
    create trigger runs_note_way after update of state on runs for each row
        when (old.state <> new.state) execute function note_way();
"""


def changes(desk: Desk, table: str, row_id: str, state: str) -> bool:
    """True if the database lets the row be set to that state; it is left as it was."""
    with desk.sessions() as session:
        try:
            session.execute(text(f"update {table} set state = :state where id = :id"), {"state": state, "id": row_id})
        except IntegrityError:
            return False
        finally:
            session.rollback()
    return True


def test_the_database_lets_a_run_go_the_listed_ways_only(desk: Desk) -> None:
    for old in RunState:
        run = make_run(desk.sessions, None, old)
        allowed = {new for new in RunState if changes(desk, "runs", run.id, new.value)}
        assert allowed == RUN_TRANSITIONS[old] | {old}


def test_the_database_lets_a_request_go_the_listed_ways_only(desk: Desk) -> None:
    for old in RequestState:
        request = desk.open()
        with desk.sessions.begin() as session:
            statement = text("update approval_requests set state = :state where id = :id")
            session.execute(statement, {"state": old.value, "id": request.id})
        allowed = {new for new in RequestState if changes(desk, "approval_requests", request.id, new.value)}
        assert allowed == REQUEST_TRANSITIONS[old] | {old}


def test_runs_go_each_listed_way(own_desk: Desk) -> None:
    desk = own_desk
    with desk.engine.begin() as connection:
        connection.execute(text(RECORDER))
    person = desk.person(roles=(Role.REVIEWER, Role.ADMIN))
    runs, progress = desk.runs, desk.progress

    def queued() -> str:
        return make_run(desk.sessions, None, RunState.QUEUED).id

    def running() -> str:
        run_id = queued()
        assert progress.begin(run_id) is not None
        return run_id

    def waiting() -> tuple[str, list[ApprovalRequest]]:
        run_id = running()
        both = [asked(script("select 1")), asked(script("select 2"))]
        assert desk.checkpoints.suspend(run_id, 1, both, Journal(run_id))
        return run_id, desk.checkpoints.pending(run_id)

    def paused() -> str:
        run_id = queued()
        runs.pause(person, run_id)
        return run_id

    def told_between_two_steps(act: Callable[..., object] | None) -> None:
        run_id = running()
        if act is not None:
            act(person, run_id)
        progress.drained(1, Journal(run_id))

    def decided_while_it_went_on() -> None:
        run_id, [first, second] = waiting()
        desk.decide(first, person)
        taken = progress.begin(run_id)
        desk.decide(second, person)
        still = [asked(script("select 2"), interrupt_id=second.interrupt_id)]
        assert taken is not None and desk.checkpoints.suspend(run_id, taken.attempt, still, Journal(run_id))
        assert desk.run_state(run_id) == "suspended" and progress.begin(run_id) is not None

    paused(), runs.cancel(person, queued()), runs.cancel(person, waiting()[0]), runs.pause(person, waiting()[0])
    for act in (None, runs.pause, runs.cancel):
        told_between_two_steps(act)
    progress.complete(1, Journal(running()), {})
    failed = running()
    progress.fail(1, Journal(failed), "It does not work.")
    runs.retry(person, failed), runs.resume(person, paused()), runs.cancel(person, paused())
    decided_while_it_went_on()

    with desk.engine.connect() as connection:
        gone = {(old, new) for old, new in connection.execute(text("select distinct old, new from gone"))}
    assert gone == {(old.value, new.value) for old, ways in RUN_TRANSITIONS.items() for new in ways}


def test_what_is_not_listed_is_refused_by_name(desk: Desk) -> None:
    run = make_run(desk.sessions, None, RunState.COMPLETED)
    refused = pytest.raises(IntegrityError, match="is completed, and cannot become running")
    with refused, desk.sessions.begin() as session:
        session.execute(text("update runs set state = 'running' where id = :id"), {"id": run.id})
