"""The ranked queue: its order, its pages, and what it may be asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.errors import InvalidInputError
from app.domain.lifecycle import RequestState
from app.domain.ranking import HEAD_START, attention_at
from app.services.reading.queue import MAX_PAGE
from app.services.reading.queue_filter import QueueFilter
from assent.contracts import RiskLevel, Urgency
from tests.factories import make_request, make_run, script
from tests.services.desk import Desk
from tests.thorough import examples


def empty_queue(desk: Desk) -> None:
    """Take away what earlier tests left."""
    with desk.engine.begin() as connection:
        connection.execute(text("truncate approval_requests cascade"))


@pytest.fixture
def run_desk(desk: Desk) -> Desk:
    """The module's desk with an empty queue."""
    empty_queue(desk)
    return desk


def all_ids(desk: Desk, wanted: QueueFilter, limit: int) -> list[str]:
    """The queue read page by page."""
    ids: list[str] = []
    cursor = None
    while True:
        page = desk.queue.page(wanted, cursor, limit)
        assert len(page.rows) <= limit
        ids += [row.id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return ids
        assert len(page.rows) == limit, "only the last page may be short"


def test_risk_ranks_ahead_by_its_head_start(run_desk: Desk) -> None:
    desk, sessions = run_desk, run_desk.sessions
    run = make_run(sessions)
    made = {
        level: make_request(sessions, run, risk=level, expires_in=timedelta(hours=30)) for level in reversed(RiskLevel)
    }
    sooner = make_request(sessions, run, risk=RiskLevel.SAFE, expires_in=timedelta(hours=5))
    raised = make_request(sessions, run, risk=RiskLevel.SAFE, expires_in=timedelta(hours=30), priority=5)
    # Hours until they want attention: 5, 6, 10, 22, 28, 29.5 and 30.
    levels = [RiskLevel.CRITICAL, RiskLevel.HIGH, RiskLevel.MEDIUM, RiskLevel.LOW, RiskLevel.SAFE]
    order = [sooner, *[made[level] for level in levels]]
    order.insert(2, raised)
    assert [row.id for row in desk.queue.page(QueueFilter()).rows] == [request.id for request in order]
    why = {row.id: row.why_here for row in desk.queue.page(QueueFilter()).rows}
    assert why[made[RiskLevel.CRITICAL].id] == "critical risk ranks 24 h ahead of its deadline"
    assert "raised 5 times" in why[raised.id]


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(list(RiskLevel)), st.integers(0, 3), st.integers(0, 5)), min_size=0, max_size=12
    ),
    limit=st.integers(1, 5),
    resolved=st.booleans(),
)
def test_pages_give_each_row_once_in_order(
    run_desk: Desk, rows: list[tuple[RiskLevel, int, int]], limit: int, resolved: bool
) -> None:
    """Also where many rows have the very same rank, which hours that are equal make likely."""
    desk = run_desk
    empty_queue(desk)
    at = desk.clock()
    run = make_run(desk.sessions)
    for level, hours, priority in rows:
        ends = at + timedelta(hours=hours)
        make_request(
            desk.sessions, run, risk=level, priority=priority, opened_at=at, expires_at=ends,
            state=RequestState.APPROVED if resolved else RequestState.PENDING, resolved_at=ends if resolved else None,
            attention_at=attention_at(ends, level, priority, Urgency.NORMAL),
        )  # fmt: skip
    expected = desk.queue.page(QueueFilter(resolved=resolved), limit=MAX_PAGE).rows
    keys = [(row.resolved_at if resolved else row.attention_at, row.id) for row in expected]
    assert keys == sorted(keys, reverse=resolved) and len(keys) == len(rows)
    assert all_ids(desk, QueueFilter(resolved=resolved), limit) == [row.id for row in expected]


def test_rows_that_come_and_go_between_pages_neither_repeat_nor_hide_others(run_desk: Desk) -> None:
    desk, sessions = run_desk, run_desk.sessions
    run = make_run(sessions)
    made = [make_request(sessions, run, expires_in=timedelta(hours=3 + number)) for number in range(6)]
    first = desk.queue.page(QueueFilter(), limit=2)
    desk.decide(made[0], desk.person())
    newcomer = make_request(sessions, run, expires_in=timedelta(hours=2, minutes=30))
    rest = desk.queue.page(QueueFilter(), first.next_cursor, limit=50)
    assert [row.id for row in rest.rows] == [request.id for request in made[2:]]
    assert newcomer.id not in [row.id for row in rest.rows], "it ranks on the page that was read before"


@pytest.mark.parametrize(
    "make",
    [
        lambda: QueueFilter(risk="purple"),
        lambda: QueueFilter(workflow="x" * 201),
        lambda: QueueFilter(text="a\x00"),
        lambda: QueueFilter(kind="\ud800"),
    ],
)
def test_filters_that_cannot_be_used(make: Callable[[], QueueFilter]) -> None:
    with pytest.raises(InvalidInputError):
        make()


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "W10", "W251bGwsMV0", "\x00", "é", "WyIyMDI2LTAxLTAxIiwgImEiXQ", "=" * 50]
)
def test_cursors_of_somebody_elses_making(run_desk: Desk, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        run_desk.queue.page(QueueFilter(), cursor)


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_limits(run_desk: Desk, limit: int) -> None:
    with pytest.raises(InvalidInputError):
        run_desk.queue.page(QueueFilter(), limit=limit)


def test_words_are_looked_for_literally(run_desk: Desk) -> None:
    desk = run_desk
    run = make_run(desk.sessions)
    for title in ("Raise by 50%", "Raise by 500", r"back\slash", "snake_case", "snakeXcase"):
        make_request(desk.sessions, run, script(title=title))
    assert [row.title for row in desk.queue.page(QueueFilter(text="50%")).rows] == ["Raise by 50%"]
    assert [row.title for row in desk.queue.page(QueueFilter(text="snake_")).rows] == ["snake_case"]
    assert [row.title for row in desk.queue.page(QueueFilter(text="\\")).rows] == ["back\\slash"]
    assert len(desk.queue.page(QueueFilter(text="raise BY")).rows) == 2


def test_the_head_start_grows_with_the_risk() -> None:
    assert [HEAD_START[level] for level in RiskLevel] == sorted(HEAD_START[level] for level in RiskLevel)
