"""The insights' numbers of single requests, counted in one's head; and what bounds the counting."""

from __future__ import annotations

import math
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.domain.errors import ForbiddenError, InvalidInputError, TookTooLongError
from app.domain.lifecycle import RequestState
from app.services.policies.samples import Samples
from app.services.reading import insights
from app.services.reading.insights import Insights, InsightsBook, InsightsFilter, RuleDecisions
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import Verdict
from assent.digests import digest_of
from tests.factories import make_person, make_request, make_run, make_sample, question, script
from tests.services.desk import Desk


@pytest.fixture
def alone(own_desk: Desk) -> Desk:
    return own_desk


def approve(desk: Desk, seconds: float, payload: dict[str, Any], **values: Any) -> ApprovalRequest:
    """A request that one person approved so many seconds after it opened."""
    person, at = make_person(desk.sessions), datetime.now(UTC) - timedelta(hours=1)
    request = make_request(
        desk.sessions, payload=payload, state=RequestState.APPROVED, opened_at=at,
        resolved_at=at + timedelta(seconds=seconds), **values,
    )  # fmt: skip
    with desk.sessions.begin() as session:
        session.add(
            Decision(
                id=str(uuid.uuid4()), request_id=request.id, person_id=person.id, person_name=person.name, comment="",
                verdict="approve", seen_digest=request.digest, digest=request.digest, via="page", stage=0,
                at=at + timedelta(seconds=seconds),
            )
        )  # fmt: skip
    return request


def read(desk: Desk, **wanted: Any) -> Insights:
    return InsightsBook(desk.sessions, desk.clock).read(desk.person(), InsightsFilter(**wanted))


@pytest.mark.parametrize(("seconds", "faster"), [(3.99, 1), (4, 0), (4.01, 0)])
@pytest.mark.parametrize("character", ["x", "ä", '"', "\\", "\n", "\x00", "\ud800"])
def test_a_hundred_characters_are_read_in_four_seconds(alone: Desk, seconds, faster, character):
    approve(alone, seconds, script(character * 100))
    assert sum(row.faster for row in read(alone).hasty) == faster


def test_title_and_summary_are_not_counted(alone: Desk):
    approve(alone, 4, script("x" * 100) | {"title": "t" * 200, "summary": "s" * 5000})
    assert sum(row.faster for row in read(alone).hasty) == 0


def worded(desk: Desk, proposed: str, changed: str, *words: tuple[float, str, int]) -> int:
    """How many of one request count as approved too fast.

    Args:
        changed: what a reviewer made of the script; empty: nobody changed it.
        words: of a person each: seconds after the opening, verdict, stage. Who approves something changed saw the
            change.
    """
    at = datetime.now(UTC) - timedelta(hours=1)
    before, after = script(proposed), script(changed or proposed)
    request = make_request(
        desk.sessions, payload=after, state=RequestState.MODIFIED if changed else RequestState.APPROVED, opened_at=at,
        resolved_at=at + timedelta(seconds=max(word[0] for word in words)),
        proposed=before if changed else None, proposed_digest=digest_of(before),
    )  # fmt: skip
    for seconds, verdict, stage in words:
        person = make_person(desk.sessions)
        seen = digest_of(before if verdict == "modify" else after)
        with desk.sessions.begin() as session:
            session.add(
                Decision(
                    id=str(uuid.uuid4()), request_id=request.id, person_id=person.id, person_name="", comment="",
                    verdict=verdict, seen_digest=seen, digest=request.digest, via="page", stage=stage,
                    at=at + timedelta(seconds=seconds),
                )
            )  # fmt: skip
    return sum(row.faster for row in read(desk).hasty)


@pytest.mark.parametrize(("last", "faster"), [(22, 1), (25, 0)])
def test_a_later_stage_can_be_decided_on_when_the_one_before_is_done(alone: Desk, last, faster):
    assert worded(alone, "x" * 100, "", (10, "approve", 0), (20, "approve", 0), (last, "approve", 1)) == faster


@pytest.mark.parametrize(("last", "faster"), [(102, 1), (105, 0)])
def test_a_change_can_be_read_when_it_is_made(alone: Desk, last, faster):
    assert worded(alone, "x" * 100, "y" * 100, (100, "modify", 0), (last, "approve", 0)) == faster


def test_the_same_change_made_again_was_there_before(alone: Desk):
    words = (100, "modify", 0), (103, "modify", 0), (105, "approve", 0)
    assert worded(alone, "x" * 100, "y" * 100, *words) == 0


@pytest.mark.parametrize(("first", "faster"), [(30, 1), (41, 0)])
def test_who_changes_a_text_has_read_what_it_was(alone: Desk, first, faster):
    assert worded(alone, "x" * 1000, "y" * 10, (first, "modify", 0), (100, "approve", 0)) == faster


@pytest.mark.parametrize("kind", ["value", "error"])
def test_payloads_of_any_shape_are_read(alone: Desk, kind):
    payload = {"kind": kind, "title": "Other", "environment": "", "value": {"a": [1, None, "x" * 50]}}
    approve(alone, 0.5, payload)
    approve(alone, 0.5, question() | {"kind": "optimizations", "items": []})
    approve(alone, 60, payload)
    assert sum(row.faster for row in read(alone).hasty) == 1


def test_the_period_begins_and_ends_at_once_with_its_bounds(alone: Desk):
    made = make_request(alone.sessions, state=RequestState.CANCELLED)
    at = made.resolved_at
    assert at is not None
    book, viewer = (lambda until: InsightsBook(alone.sessions, lambda: until)), alone.person()
    moment = timedelta(microseconds=1)
    for until, count in [
        (at, 0), (at + moment, 1), (at + timedelta(days=7), 1), (at + timedelta(days=7) + moment, 0),
    ]:  # fmt: skip
        assert book(until).read(viewer, InsightsFilter(days=7)).settled == count


def test_an_empty_portal_has_no_numbers(alone: Desk):
    found = read(alone)
    assert (found.any_request, found.settled, found.waiting, found.pace, found.sources) == (False, 0, 0, None, [])
    alone.open()
    assert read(alone).any_request


def test_a_real_day_at_the_desk(alone: Desk):
    """Through the use cases rather than rows: what they write is what is counted."""
    reviewer = alone.person()
    alone.decide(alone.open(), reviewer)
    alone.decide(alone.open(script("select 2")), reviewer, Verdict.REJECT, comment="No.")
    alone.open(script("select 3"))
    expiring = alone.open(script("select 4"))
    alone.clock.ahead = expiring.expires_at - datetime.now(UTC) + timedelta(minutes=1)
    alone.keep(expiring)
    found = read(alone)
    assert {row.state.value: row.count for row in found.ended if row.count} == {
        "approved": 1, "rejected": 1, "expired": 1,
    }  # fmt: skip
    assert ([row.id for row in found.expired], found.waiting) == ([expiring.id], 1)
    assert found.pace and found.pace.decided == 2


@pytest.mark.parametrize(
    "wanted", [{"days": 8}, {"days": 0}, {"days": math.inf}, {"workflow": "x" * 201}, {"team": "a\x00"}]
)
def test_filters_that_cannot_be_used_are_refused(wanted):
    with pytest.raises(InvalidInputError):
        InsightsFilter(**wanted)


def test_somebody_who_has_no_role_sees_nothing(alone: Desk):
    nobody = replace(alone.person(), roles=frozenset())
    with pytest.raises(ForbiddenError):
        InsightsBook(alone.sessions, alone.clock).read(nobody, InsightsFilter())


def test_counting_is_stopped_in_time_and_the_next_one_is_not(alone: Desk, database_url: str, monkeypatch):
    monkeypatch.setattr(insights, "TIME_LIMIT_MS", 200)
    viewer, book = alone.person(), InsightsBook(alone.sessions, alone.clock)
    with psycopg.connect(database_url) as other:
        other.execute("lock table approval_requests in access exclusive mode")
        with pytest.raises(TookTooLongError, match=r"longer than 0.2 seconds.*shorter period"):
            book.read(viewer, InsightsFilter())
    assert book.read(viewer, InsightsFilter()).settled == 0


def test_the_bounds_stay_in_their_transaction(alone: Desk):
    with alone.sessions.reads() as session:
        before = session.scalar(text("show statement_timeout")), session.scalar(text("show work_mem"))
    read(alone)
    with alone.sessions.reads() as session:
        assert (session.scalar(text("show statement_timeout")), session.scalar(text("show work_mem"))) == before


def test_filters_with_quotes_and_percent_signs_are_only_words(alone: Desk):
    approve(alone, 1, script(), run=make_run(alone.sessions, workflow="100%'; drop"))
    assert read(alone, workflow="100%'; drop").settled == 1
    assert read(alone, workflow="100%").settled == 0


def test_what_a_policy_decided_is_counted_by_rule_with_what_people_think_of_it(alone: Desk):
    first, second = (make_sample(alone.sessions, "Harmless: reads") for _ in range(2))
    version = int(first.answered_by.split(":")[1])
    make_request(alone.sessions, state=RequestState.APPROVED, answered_by=f"policy:{version + 8}:Harmless: reads")
    make_request(alone.sessions, state=RequestState.REJECTED, answered_by=f"policy:{version}:Drops")
    make_request(alone.sessions, state=RequestState.APPROVED, answered_by="grant:none")
    samples = Samples(alone.sessions, alone.clock)
    samples.review(alone.person(), second.id, False, "No.")
    found = read(alone)
    assert found.rules == [RuleDecisions("Harmless: reads", 3, 0, 2, 1, 1), RuleDecisions("Drops", 0, 1, 0, 0, 0)]
    assert (found.by_policy, found.by_grants, found.by_rejections, found.rule_count) == (4, 1, 0, 2)
    assert [(source.kind, source.id) for source in found.sources] == [("grant", "none")]
    assert found.pace is None and found.settled == 5
    assert read(alone, workflow="no such").rules == []
