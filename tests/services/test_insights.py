"""The insights' numbers, each counted a second time in plain Python over the same rows."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.services.reading import insights
from app.services.reading.insights import DecisionPace, Insights, InsightsBook, InsightsFilter
from app.store.requests import ApprovalRequest
from tests.services.desk import Desk
from tests.services.past import History

FILTERS = [
    {"days": 7}, {"days": 30}, {"days": 90}, {"workflow": "mails"}, {"team": "dba"}, {"team": "nobody"},
    {"days": 90, "workflow": "indexes", "team": "security"}, {"workflow": "no such"},
]  # fmt: skip


def spread(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 90th percentile, interpolated."""
    if len(seconds) == 1:
        return seconds[0], seconds[0]
    cuts = statistics.quantiles(seconds, n=10, method="inclusive")
    return cuts[4], cuts[8]


def assert_pace(found: Iterable[DecisionPace], by_name: dict[str, list[ApprovalRequest]]) -> None:
    """The same groups, with the same counts and percentiles, the largest first."""
    found = list(found)
    assert {group.name: group.decided for group in found} == {name: len(rows) for name, rows in by_name.items()}
    assert [group.decided for group in found] == sorted((group.decided for group in found), reverse=True)
    for group in found:
        took = [(row.resolved_at - row.opened_at).total_seconds() for row in by_name[group.name] if row.resolved_at]
        assert (group.median, group.p90) == pytest.approx(spread(took), rel=1e-6, abs=1e-5)


def grouped(rows: Iterable[ApprovalRequest], names: Any) -> dict[str, list[ApprovalRequest]]:
    found: dict[str, list[ApprovalRequest]] = {}
    for row in rows:
        for name in names(row):
            found.setdefault(name, []).append(row)
    return found


def asked(row: ApprovalRequest) -> set[str]:
    return {name if name.startswith("team:") else "person" for name in row.addressed_to} or {""}


@pytest.fixture(scope="module")
def history(module_desk: Desk) -> History:
    return History(module_desk)


@pytest.fixture(scope="module")
def viewer(module_desk: Desk) -> Actor:
    return module_desk.person()


@pytest.fixture(params=FILTERS, ids=str)
def wanted(request: pytest.FixtureRequest) -> InsightsFilter:
    return InsightsFilter(**request.param)


@pytest.fixture
def found(history: History, viewer: Actor, wanted: InsightsFilter) -> Insights:
    return InsightsBook(history.desk.sessions, lambda: history.now).read(viewer, wanted)


def test_the_history_has_something_of_everything(history: History):
    whole = InsightsFilter(days=90)
    assert {row.state for row in history.settled(whole)} == set(RequestState) - {"pending"}
    assert any(history.faster(row) for row in history.decided(whole) if row.state == "approved")
    assert not all(history.faster(row) for row in history.decided(whole) if row.state == "approved")
    assert any(history.by_itself(row) for row in history.settled(whole))
    assert {request.kind for request in history.requests} == {"script", "tool_call", "optimizations", "custom"}
    assert any(row.answered_by and history.words_on(row) for row in history.settled(whole))


def test_what_waits(history: History, wanted: InsightsFilter, found: Insights):
    pending = [row for row in history.fitting(wanted) if row.state == "pending"]
    assert [level.risk for level in found.pending] == ["critical", "high", "medium", "low", "safe"]
    for level in found.pending:
        rows = [row for row in pending if row.risk == level.risk]
        soon = [row for row in rows if row.expires_at < history.now + timedelta(days=1)]
        assert (level.count, level.soon) == (len(rows), len(soon))
        assert level.oldest == min((row.opened_at for row in rows), default=None)
    assert found.waiting == len(pending)


def test_time_to_decision(history: History, wanted: InsightsFilter, found: Insights):
    decided = history.decided(wanted)
    assert_pace([found.pace] if found.pace else [], {"": decided} if decided else {})
    assert_pace(found.by_workflow, grouped(decided, lambda row: [row.workflow]))
    assert_pace(found.by_team, grouped(decided, asked))
    assert (found.workflow_count, found.team_count) == (len(found.by_workflow), len(found.by_team))


def test_what_became_of_requests(history: History, wanted: InsightsFilter, found: Insights):
    settled = history.settled(wanted)
    states = Counter(row.state for row in settled)
    alone = Counter(row.state for row in settled if history.by_itself(row))
    assert {row.state: row.count for row in found.ended} == {
        state: states[state] for state in RequestState if state != "pending"
    }
    assert {row.state: row.by_itself for row in found.ended if row.by_itself} == dict(alone)
    assert found.settled == len(settled)


def test_approvals_faster_than_the_text_can_be_read(history: History, wanted: InsightsFilter, found: Insights):
    approved = [row for row in history.decided(wanted) if row.state in ("approved", "modified")]
    for level in found.hasty:
        rows = [row for row in approved if row.risk == level.risk]
        assert (level.approved, level.faster) == (len(rows), sum(map(history.faster, rows))), level.risk


def test_what_expired(history: History, wanted: InsightsFilter, found: Insights):
    expired = [row for row in history.settled(wanted) if row.state == "expired"]
    newest = sorted(expired, key=lambda row: row.resolved_at or history.now, reverse=True)[: insights.MAX_EXPIRED]
    assert [row.id for row in found.expired] == [row.id for row in newest]
    for listed, row in zip(found.expired, newest, strict=True):
        approved = history.outcomes[row.id] == "approve"
        assert (listed.title, listed.risk, listed.workflow, listed.at, listed.approved) == (
            row.title, row.risk, row.workflow, row.resolved_at, approved,
        )  # fmt: skip
    assert found.expired_approved == sum(history.outcomes[row.id] == "approve" for row in expired)


def test_what_was_answered_by_itself(history: History, wanted: InsightsFilter, found: Insights):
    counted = Counter(row.answered_by for row in history.settled(wanted) if history.by_itself(row))
    titles = {f"grant:{grant.id}": grant.title for grant in history.grants}
    titles |= {f"rejection:{request.id}": request.title for request in history.requests}
    expected = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[: insights.MAX_GROUPS]
    assert [(f"{source.kind}:{source.id}", source.count) for source in found.sources] == expected
    assert all(source.title == titles[f"{source.kind}:{source.id}"] for source in found.sources)


def test_more_groups_than_fit_are_counted(history: History, viewer: Actor, monkeypatch):
    monkeypatch.setattr(insights, "MAX_GROUPS", 2)
    found = InsightsBook(history.desk.sessions, lambda: history.now).read(viewer, InsightsFilter(days=90))
    assert (len(found.by_workflow), found.workflow_count) == (2, 3)
    assert (len(found.by_team), found.team_count) == (2, 5)


# Bounds
