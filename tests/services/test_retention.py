"""What has been kept long enough is deleted; who decided what stays, and so does everything that still goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.services.bundle import Services, build_services
from app.services.retention import EMPTIED, Kept, kept_of
from app.settings import Settings
from app.store.engine import make_engine
from app.store.record import Event
from app.store.requests import ApprovalRequest
from tests.factories import add_event, make_delivery, make_person, make_request, make_run

LONG, DAYS = timedelta(days=40), timedelta(days=30)


@pytest.fixture
def services(database_url: str):
    engine = make_engine(database_url)
    yield build_services(engine)
    engine.dispose()


def value(services: Services, query: str, **values: object) -> object:
    with services.sessions() as session:
        return session.scalar(text(query), values)


def change(services: Services, statement: str, **values: object) -> None:
    with services.sessions.begin() as session:
        session.execute(text(statement), values)


def end(services: Services, run_id: str, state: RunState, ago: timedelta) -> None:
    """End a run in the past, in the steps that the database allows."""
    with services.sessions.begin() as session:
        for reached in (RunState.RUNNING, state):
            values = {"state": reached.value, "id": run_id}
            session.execute(text("update runs set state = :state where id = :id"), values)
        at = {"at": services.clock() - ago, "id": run_id}
        session.execute(text("update runs set finished_at = :at where id = :id"), at)


def test_without_settings_everything_is_kept(services: Services) -> None:
    assert kept_of(Settings()) == Kept()
    run = make_run(services.sessions)
    with services.sessions.begin() as session:
        add_event(session, EventKind.RUN_CHANGED, run_id=run.id)
        session.execute(update(Event).values(at=services.clock() - LONG))
    assert services.retention.sweep(Kept()) == {}
    assert value(services, "select count(*) from events") == 1


def test_old_events_go_unless_their_run_goes_on(services: Services) -> None:
    going_on, ended = make_run(services.sessions), make_run(services.sessions)
    end(services, ended.id, RunState.COMPLETED, LONG)
    with services.sessions.begin() as session:
        session.execute(text("delete from events"))
        for run in (going_on, ended):
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id, label="old")
        session.execute(update(Event).values(at=services.clock() - LONG))
        add_event(session, EventKind.RUN_CHANGED, run_id=ended.id, label="new")
        session.execute(text("delete from unplanned_events"))
    assert services.retention.sweep(Kept(events=DAYS)) == {"events": 1}
    left = value(services, "select array_agg(run_id || ' ' || (payload::jsonb->>'label') order by id) from events")
    assert left == [f"{going_on.id} old", f"{ended.id} new"]
    swept = "select detail::jsonb->'deleted'->>'events' from audit_entries where action = 'record.swept'"
    assert value(services, swept) == "1"
    assert services.retention.sweep(Kept(events=DAYS)) == {}


def test_more_events_than_fit_into_one_statement(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.retention.ROWS_AT_ONCE", 3)
    run = make_run(services.sessions)
    with services.sessions.begin() as session:
        session.execute(text("delete from events"))
        for _ in range(8):
            add_event(session, EventKind.GRANT_CHANGED)
        session.execute(update(Event).values(at=services.clock() - LONG))
        for _ in range(7):
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id)
        session.execute(text("delete from unplanned_events"))
    assert services.retention.sweep(Kept(events=DAYS)) == {"events": 8}


def test_old_deliveries_go_unless_they_wait(services: Services) -> None:
    person = make_person(services.sessions, "DBA on call")
    request = make_request(services.sessions, make_run(services.sessions))
    sent, waiting, new = (make_delivery(services.sessions, request, person) for _ in range(3))
    change(services, "update deliveries set created_at = :at, state = 'sent' where id = :id",
           at=services.clock() - LONG, id=sent.id)  # fmt: skip
    change(services, "update deliveries set created_at = :at, state = 'held' where id = :id",
           at=services.clock() - LONG, id=waiting.id)  # fmt: skip
    change(services, "update deliveries set state = 'sent' where id = :id", id=new.id)
    assert services.retention.sweep(Kept(deliveries=DAYS)) == {"deliveries": 1}
    assert value(services, "select count(*) from deliveries where id = any(:ids)", ids=[waiting.id, new.id]) == 2


def test_checkpoints_of_ended_runs_go_and_those_of_failed_ones_stay(services: Services) -> None:
    runs = {}
    for state, ago in (
        (RunState.COMPLETED, LONG), (RunState.CANCELLED, LONG), (RunState.FAILED, LONG), (RunState.COMPLETED, DAYS / 2),
    ):  # fmt: skip
        run = make_run(services.sessions)
        end(services, run.id, state, ago)
        runs[run.id] = state is not RunState.FAILED and ago == LONG
        change(services, "insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint, metadata) "
                         "values (:run, '', '1', '{}', '{}')", run=run.id)  # fmt: skip
        change(services, "insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob) "
                         "values (:run, '', 'c', '1', 'bytes', '')", run=run.id)  # fmt: skip
    assert services.retention.sweep(Kept(checkpoints=DAYS)) == {"checkpoints": 2}
    for table in ("checkpoints", "checkpoint_blobs"):
        for run_id, gone in runs.items():
            count = value(services, f"select count(*) from {table} where thread_id = :run", run=run_id)
            assert count == (0 if gone else 1)
    assert services.retention.sweep(Kept(checkpoints=DAYS)) == {}


def test_contents_of_old_requests_go_and_their_digests_stay(services: Services) -> None:
    requests = {name: make_request(services.sessions, make_run(services.sessions)) for name in ("old", "new", "live")}
    with services.sessions.begin() as session:
        for name, request in requests.items():
            ago = timedelta(0) if name == "new" else LONG
            session.execute(
                update(ApprovalRequest).where(ApprovalRequest.id == request.id)
                .values(state="approved", resolved_at=services.clock() - ago)
            )  # fmt: skip
    for name in ("old", "new"):
        end(services, str(requests[name].run_id), RunState.COMPLETED, LONG)
    assert services.retention.sweep(Kept(contents=DAYS)) == {"contents": 1}
    with services.sessions() as session:
        found = {name: session.get_one(ApprovalRequest, request.id) for name, request in requests.items()}
    assert found["old"].payload["value"] == EMPTIED and found["old"].proposed is None
    assert (found["old"].digest, found["old"].title) == (requests["old"].digest, requests["old"].title)
    assert found["new"].payload == requests["new"].payload and found["live"].payload == requests["live"].payload
    assert services.retention.sweep(Kept(contents=DAYS)) == {}
