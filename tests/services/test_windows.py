"""What is approved outside its change window waits, and says until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.policy.terms import ChangeWindow
from app.domain.run_protocol import Journal
from app.services.approvals.decisions.replies import opening_words
from assent.contracts import Verdict
from tests.factories import question, script
from tests.services.desk import Desk, asked
from tests.services.ruled import happened, member, ruled, terms

OFFICE = ChangeWindow(timezone="Europe/Berlin", days=(0, 1, 2, 3, 4), start="09:00", end="17:00")
FRIDAY_EVENING = datetime(2031, 3, 7, 20, 0, tzinfo=UTC)
MONDAY_NINE = datetime(2031, 3, 10, 8, 0, tzinfo=UTC)


def at(desk: Desk, moment: datetime) -> None:
    """Set the clock."""
    desk.clock.ahead = moment - datetime.now(UTC)


@pytest.fixture
def windowed(desk: Desk) -> Desk:
    """Approvals are carried out in office hours only; it is a Friday evening."""
    at(desk, FRIDAY_EVENING)
    return ruled(desk, terms(windows=(OFFICE,)))


@pytest.mark.parametrize(
    ("verdict", "values", "begins"),
    [
        (Verdict.APPROVE, {}, "Approved."),
        (Verdict.MODIFY, {"change": {"content": "select 2"}}, "Approved with changes."),
    ],
)
def test_an_approved_run_waits_for_its_window(
    windowed: Desk, verdict: Verdict, values: dict[str, Any], begins: str
) -> None:
    desk = windowed
    request = desk.open()
    result = desk.decide(request, member(desk, "One"), verdict, **values)
    assert result.resolved
    assert result.words == (f"{begins} The change window opens Mon 09:00 Europe/Berlin; the run waits until then.")
    now, outcome = desk.fresh(request), desk.outcome(request)
    assert now.state == ("approved" if verdict is Verdict.APPROVE else "modified")
    assert now.held_until == now.due_at == outcome.held_until == MONDAY_NINE
    assert desk.run_state(request.run_id) == "suspended" and desk.jobs(request.run_id) == 0
    assert desk.progress.begin(request.run_id) is None, "a worker that comes by does not take it up"
    entry = desk.audit(request)[-1]
    assert entry.action == "request.resolved" and entry.detail["held_until"] == MONDAY_NINE.isoformat()


def test_it_goes_on_when_the_window_opens(windowed: Desk) -> None:
    desk = windowed
    request = desk.open()
    desk.decide(request, member(desk, "One"))
    at(desk, MONDAY_NINE - timedelta(minutes=1))
    assert not desk.checkpoints.keep(request.id)
    at(desk, MONDAY_NINE + timedelta(seconds=1))
    assert desk.checkpoints.keep(request.id)
    assert desk.run_state(request.run_id) == "queued" and desk.jobs(request.run_id) == 1
    taken = desk.progress.begin(request.run_id)
    assert taken is not None and [delivery.request_id for delivery in taken.deliveries] == [request.id]


@pytest.mark.parametrize(
    ("verdict", "document", "values"),
    [
        (Verdict.REJECT, None, {"comment": "No."}),
        (Verdict.REQUEST_CHANGES, None, {"comment": "Smaller."}),
        (Verdict.ANSWER, question(), {"answer": "x"}),
    ],
)
def test_only_approvals_wait(windowed: Desk, verdict: Verdict, document: Any, values: dict[str, Any]) -> None:
    desk = windowed
    request = desk.open(document)
    desk.decide(request, member(desk, "One"), verdict, **values)
    assert desk.outcome(request).held_until is None and desk.fresh(request).due_at is None
    assert desk.run_state(request.run_id) == "queued"


@pytest.mark.parametrize("running", [False, True])
def test_what_waits_for_its_window_ends_with_its_run(windowed: Desk, running: bool) -> None:
    desk = windowed
    run, operator = desk.run(), member(desk, "Operator")
    request, other = desk.suspend(run, asked(script("select 1")), asked(question()))
    desk.decide(request, member(desk, "One"))
    if running:
        desk.decide(other, member(desk, "Two"), Verdict.ANSWER, answer="x")
        taken = desk.progress.begin(run.id)
        desk.runs.cancel(operator, run.id, "Not needed.")
        desk.progress.drained(taken.attempt, Journal(run.id))
    else:
        desk.runs.cancel(operator, run.id, "Not needed.")
    now = desk.fresh(request)
    assert desk.run_state(run.id) == "cancelled"
    assert (now.state, now.held_until, now.due_at, desk.outcome(request).held_until) == ("approved", None, None, None)
    assert happened(desk, request)[-1] == {"state": "approved", "what": "not carried out"}
    at(desk, MONDAY_NINE + timedelta(hours=1))
    assert desk.keep(request) == 0
    assert "request.released" not in [entry.action for entry in desk.audit(request)]


def test_inside_the_window_nothing_waits(windowed: Desk) -> None:
    desk = windowed
    at(desk, MONDAY_NINE + timedelta(hours=1))
    request = desk.open()
    assert desk.decide(request, member(desk, "One")).words == "Approved. The run continues."
    assert desk.run_state(request.run_id) == "queued" and desk.fresh(request).held_until is None


@pytest.mark.parametrize(
    ("opens", "words"),
    [
        (MONDAY_NINE, "Mon 09:00 Europe/Berlin"),
        (FRIDAY_EVENING + timedelta(days=10, hours=-12), "Mon 2031-03-17 09:00 Europe/Berlin"),
    ],
)
def test_a_far_opening_has_its_date(opens: datetime, words: str) -> None:
    assert opening_words((OFFICE,), opens, FRIDAY_EVENING) == words


def test_the_opening_is_told_in_the_zone_of_the_window_that_opens() -> None:
    tokyo = ChangeWindow(timezone="Asia/Tokyo", days=(0,), start="17:30", end="18:00")
    assert opening_words((OFFICE, tokyo), MONDAY_NINE + timedelta(minutes=30), FRIDAY_EVENING) == "Mon 17:30 Asia/Tokyo"
