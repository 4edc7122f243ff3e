"""Words that code and the triggers of the database agree on."""

from __future__ import annotations

from sqlalchemy import text

from app.domain.events import EventKind, RequestChange
from app.services.notifications.planner import CHANGES
from app.services.record.events import event_row, publish
from tests.services.desk import Desk


def noted(desk: Desk, kind: EventKind, **payload: object) -> bool:
    """True if the database has notifications planned for such an event, where nobody uses Slack or webhooks."""
    request = desk.open()
    with desk.sessions.begin() as session:
        session.execute(text("delete from unplanned_events"))
        publish(session, event_row(kind, desk.clock(), request_id=request.id, run_id=request.run_id, **payload))
        return bool(session.scalar(text("select count(*) from unplanned_events")))


def test_the_trigger_notes_the_changes_that_people_are_notified_of_and_no_other(desk: Desk) -> None:
    found = {change for change in RequestChange if noted(desk, EventKind.REQUEST_CHANGED, what=change)}
    assert found == set(CHANGES)


def test_the_trigger_notes_the_kinds_of_events_that_people_are_notified_of(desk: Desk) -> None:
    found = {kind for kind in EventKind if noted(desk, kind, what=RequestChange.ASKS_PEOPLE, status="applied")}
    assert found == {
        EventKind.REQUEST_OPENED, EventKind.REQUEST_CHANGED, EventKind.REQUEST_RESOLVED, EventKind.REQUEST_RECEIPT,
    }  # fmt: skip
