"""The insights' numbers, each counted a second time in plain Python over the same rows."""

from __future__ import annotations

import math
import random
import re
import statistics
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text

from app.domain.errors import ForbiddenError, InvalidInputError, TookTooLongError
from app.domain.lifecycle import RequestState
from app.domain.people import Actor
from app.services.reading import insights
from app.services.reading.insights import DecisionPace, Insights, InsightsBook, InsightsFilter
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision, OutcomeRow
from assent.contracts import RiskLevel, Verdict
from assent.digests import canonical, digest_of
from tests.factories import make_grant, make_person, make_request, make_run, optimizations, question, script
from tests.services.desk import Desk

ROWS = 400
BY_PEOPLE = ("approved", "modified", "changes_requested", "rejected", "answered")
CODE = 'select "a" -- ünïcode \\ \x00 \ud800 \t日本語\n'
"""What JSON escapes in every way that it has."""
FILTERS = [
    {"days": 7}, {"days": 30}, {"days": 90}, {"workflow": "mails"}, {"team": "dba"}, {"team": "nobody"},
    {"days": 90, "workflow": "indexes", "team": "security"}, {"workflow": "no such"},
]  # fmt: skip


class Portal:
    """A history of requests made by chance, and the same rows to count by hand."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.now = datetime.now(UTC)
        self.dice = random.Random(4)
        self.people = [make_person(desk.sessions, f"Reviewer {number}") for number in range(4)]
        self.run = make_run(desk.sessions)
        self.grants = [make_grant(desk.sessions) for _ in range(2)]
        with desk.sessions.begin() as session:
            session.execute(text("delete from approval_requests"))  # what the grants were made from
        for number in range(ROWS):
            self._request(number)
        with desk.sessions() as session:
            self.requests = session.scalars(select(ApprovalRequest)).all()
            self.decisions = session.scalars(select(Decision)).all()
            self.outcomes = {row.request_id: row.verdict for row in session.scalars(select(OutcomeRow))}

    def _request(self, number: int) -> None:
        dice = self.dice
        payload: dict[str, Any] = dice.choice([self._script, self._tool, self._items, self._data])()
        state = RequestState(dice.choice([*RequestState, "approved", "approved", "approved", "rejected"]))
        opened = self.now - timedelta(days=dice.uniform(0, 110))
        took = timedelta(seconds=dice.lognormvariate(3, 2.5))
        resolved = min(self.now, opened + took)
        answered_by = ""
        if state.value in ("approved", "rejected", "expired") and dice.random() < 0.3:
            grant = f"grant:{dice.choice(self.grants).id}"
            earlier = [moment for moment in getattr(self, "rejected", []) if moment]
            answered_by = f"rejection:{dice.choice(earlier)}" if state == "rejected" and earlier else grant
        made = make_request(
            self.desk.sessions, self.run, payload, risk=dice.choice(list(RiskLevel)), state=state,
            workflow=dice.choice(["mails", "mails", "indexes", "reports"]), title=f"Request {number}",
            addressed_to=dice.choice([[], ["team:dba"], ["team:dba", "team:security"], ["person:a@b.c", "person:d@e.f"],
                                      ["team:sre", "person:a@b.c"]]),
            opened_at=opened, resolved_at=None if state is RequestState.PENDING else resolved,
            expires_at=self.now + timedelta(hours=dice.uniform(1, 48)), answered_by=answered_by,
        )  # fmt: skip
        if state is RequestState.REJECTED:
            self.rejected = [*getattr(self, "rejected", []), made.id]
        if state.value in BY_PEOPLE and (not answered_by or dice.random() < 0.2):
            self._decide(made, state)
        if state is RequestState.EXPIRED:
            self._expire(made)

    def _script(self) -> dict[str, Any]:
        return script(CODE * self.dice.randrange(1, 60))

    def _tool(self) -> dict[str, Any]:
        arguments = {"to": "ops", "text": CODE * self.dice.randrange(1, 40)}
        return {"kind": "tool_call", "title": "Send", "environment": "", "tool": "mail", "args": arguments}

    def _items(self) -> dict[str, Any]:
        return optimizations(self.dice.randrange(1, 20))

    def _data(self) -> dict[str, Any]:
        return {"kind": "custom", "title": "Set", "environment": "", "data": CODE * self.dice.randrange(1, 40)}

    def _decide(self, request: ApprovalRequest, state: RequestState) -> None:
        verdict = {
            "approved": "approve", "modified": "approve", "rejected": "reject",
            "changes_requested": "request_changes", "answered": "answer",
        }[state.value]  # fmt: skip
        first, second, third, fourth = self.people
        end = request.resolved_at
        assert end is not None
        digest = request.digest
        if state is RequestState.MODIFIED:
            # Somebody changes it half-way, and somebody else approves what it then is.
            changed = {**request.payload, "title": "Changed", "labels": {}} | (
                {"content": CODE * self.dice.randrange(1, 60)} if request.kind == "script" else {}
            )
            digest = digest_of(changed)
            half = request.opened_at + (end - request.opened_at) / 2
            self._word(request, first, "modify", half, request.digest, digest)
            with self.desk.sessions.begin() as session:
                row = session.get_one(ApprovalRequest, request.id)
                row.proposed, row.payload, row.digest = row.payload, changed, digest
        quick = request.opened_at + (end - request.opened_at) / 3
        if self.dice.random() < 0.5:
            self._word(request, second, verdict, quick, request.digest, request.digest, withdrawn=True)
        if self.dice.random() < 0.4 and state is RequestState.APPROVED:
            self._word(request, third, verdict, quick, digest, digest)
            self._word(request, fourth, verdict, end, digest, digest, stage=1)
        else:
            self._word(request, second, verdict, end, digest, digest)

    def _word(
        self, request: ApprovalRequest, person: Person, verdict: str, at: datetime, seen: str, digest: str,
        stage: int = 0, withdrawn: bool = False,
    ) -> None:  # fmt: skip
        with self.desk.sessions.begin() as session:
            session.add(
                Decision(
                    id=str(uuid.uuid4()), request_id=request.id, person_id=person.id, person_name=person.name,
                    verdict=verdict, seen_digest=seen, digest=digest, comment="", via="page", at=at, stage=stage,
                    withdrawn_at=at if withdrawn else None,
                )
            )  # fmt: skip

    def _expire(self, request: ApprovalRequest) -> None:
        verdict = self.dice.choice(["approve", "reject"])
        with self.desk.sessions.begin() as session:
            session.add(
                OutcomeRow(
                    request_id=request.id, verdict=verdict, next_action="abort", body={}, at=request.resolved_at
                )
            )  # fmt: skip

    # Counting by hand

    def fitting(self, wanted: InsightsFilter) -> list[ApprovalRequest]:
        return [
            request
            for request in self.requests
            if wanted.workflow in ("", request.workflow)
            and (not wanted.team or f"team:{wanted.team}" in request.addressed_to)
        ]

    def settled(self, wanted: InsightsFilter) -> list[ApprovalRequest]:
        since = self.now - timedelta(days=wanted.days)
        return [
            row
            for row in self.fitting(wanted)
            if row.state != "pending" and row.resolved_at is not None and since <= row.resolved_at < self.now
        ]

    def words_on(self, request: ApprovalRequest) -> list[Decision]:
        return [
            decision
            for decision in self.decisions
            if decision.request_id == request.id and decision.withdrawn_at is None
        ]

    def by_itself(self, request: ApprovalRequest) -> bool:
        plain = request.state in ("approved", "rejected")
        return plain and bool(request.answered_by) and not self.words_on(request)

    def decided(self, wanted: InsightsFilter) -> list[ApprovalRequest]:
        return [row for row in self.settled(wanted) if row.state in BY_PEOPLE and not self.by_itself(row)]

    def faster(self, request: ApprovalRequest) -> bool:
        words = self.words_on(request)
        for word in words:
            if word.verdict not in ("approve", "modify"):
                continue
            begins = [request.opened_at]
            begins += [max(earlier.at for earlier in words if earlier.stage < word.stage)] if word.stage else []
            payload = request.payload
            if request.proposed is not None:
                if word.seen_digest == request.proposed_digest:
                    payload = request.proposed
                else:
                    begins.append(min(e.at for e in words if e.verdict == "modify" and e.digest == word.seen_digest))
            if (word.at - max(begins)).total_seconds() * 25 < length(payload):
                return True
        return False


def length(payload: dict[str, Any]) -> int:
    """Characters of what would be done, as JSON's 16-bit units."""

    def units(words: str) -> int:
        return len(words.encode("utf-16-le", "surrogatepass")) // 2

    if payload["kind"] == "script":
        return units(payload["content"])
    if payload["kind"] == "optimizations":
        return sum(units(item["statement"]) for item in payload["items"])
    if payload["kind"] == "tool_call":
        return len(re.sub(r"\\\\|\\u[0-9a-f]{4}", "x", canonical(payload["args"])))
    return units(payload["data"])


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
def history(module_desk: Desk) -> Portal:
    return Portal(module_desk)


@pytest.fixture(scope="module")
def viewer(module_desk: Desk) -> Actor:
    return module_desk.person()


@pytest.fixture(params=FILTERS, ids=str)
def wanted(request: pytest.FixtureRequest) -> InsightsFilter:
    return InsightsFilter(**request.param)


@pytest.fixture
def found(history: Portal, viewer: Actor, wanted: InsightsFilter) -> Insights:
    return InsightsBook(history.desk.sessions, lambda: history.now).read(viewer, wanted)


def test_the_history_has_something_of_everything(history: Portal):
    whole = InsightsFilter(days=90)
    assert {row.state for row in history.settled(whole)} == set(RequestState) - {"pending"}
    assert any(history.faster(row) for row in history.decided(whole) if row.state == "approved")
    assert not all(history.faster(row) for row in history.decided(whole) if row.state == "approved")
    assert any(history.by_itself(row) for row in history.settled(whole))
    assert {request.kind for request in history.requests} == {"script", "tool_call", "optimizations", "custom"}
    assert any(row.answered_by and history.words_on(row) for row in history.settled(whole))


def test_what_waits(history: Portal, wanted: InsightsFilter, found: Insights):
    pending = [row for row in history.fitting(wanted) if row.state == "pending"]
    assert [level.risk for level in found.pending] == ["critical", "high", "medium", "low", "safe"]
    for level in found.pending:
        rows = [row for row in pending if row.risk == level.risk]
        soon = [row for row in rows if row.expires_at < history.now + timedelta(days=1)]
        assert (level.count, level.soon) == (len(rows), len(soon))
        assert level.oldest == min((row.opened_at for row in rows), default=None)
    assert found.waiting == len(pending)


def test_time_to_decision(history: Portal, wanted: InsightsFilter, found: Insights):
    decided = history.decided(wanted)
    assert_pace([found.pace] if found.pace else [], {"": decided} if decided else {})
    assert_pace(found.by_workflow, grouped(decided, lambda row: [row.workflow]))
    assert_pace(found.by_team, grouped(decided, asked))
    assert (found.workflow_count, found.team_count) == (len(found.by_workflow), len(found.by_team))


def test_what_became_of_requests(history: Portal, wanted: InsightsFilter, found: Insights):
    settled = history.settled(wanted)
    states = Counter(row.state for row in settled)
    alone = Counter(row.state for row in settled if history.by_itself(row))
    assert {row.state: row.count for row in found.ended} == {
        state: states[state] for state in RequestState if state != "pending"
    }
    assert {row.state: row.by_itself for row in found.ended if row.by_itself} == dict(alone)
    assert found.settled == len(settled)


def test_approvals_faster_than_the_text_can_be_read(history: Portal, wanted: InsightsFilter, found: Insights):
    approved = [row for row in history.decided(wanted) if row.state in ("approved", "modified")]
    for level in found.hasty:
        rows = [row for row in approved if row.risk == level.risk]
        assert (level.approved, level.faster) == (len(rows), sum(map(history.faster, rows))), level.risk


def test_what_expired(history: Portal, wanted: InsightsFilter, found: Insights):
    expired = [row for row in history.settled(wanted) if row.state == "expired"]
    newest = sorted(expired, key=lambda row: row.resolved_at or history.now, reverse=True)[: insights.MAX_EXPIRED]
    assert [row.id for row in found.expired] == [row.id for row in newest]
    for listed, row in zip(found.expired, newest, strict=True):
        approved = history.outcomes[row.id] == "approve"
        assert (listed.title, listed.risk, listed.workflow, listed.at, listed.approved) == (
            row.title, row.risk, row.workflow, row.resolved_at, approved,
        )  # fmt: skip
    assert found.expired_approved == sum(history.outcomes[row.id] == "approve" for row in expired)


def test_what_was_answered_by_itself(history: Portal, wanted: InsightsFilter, found: Insights):
    counted = Counter(row.answered_by for row in history.settled(wanted) if history.by_itself(row))
    titles = {f"grant:{grant.id}": grant.title for grant in history.grants}
    titles |= {f"rejection:{request.id}": request.title for request in history.requests}
    expected = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[: insights.MAX_GROUPS]
    assert [(f"{source.kind}:{source.id}", source.count) for source in found.sources] == expected
    assert all(source.title == titles[f"{source.kind}:{source.id}"] for source in found.sources)


def test_more_groups_than_fit_are_counted(history: Portal, viewer: Actor, monkeypatch):
    monkeypatch.setattr(insights, "MAX_GROUPS", 2)
    found = InsightsBook(history.desk.sessions, lambda: history.now).read(viewer, InsightsFilter(days=90))
    assert (len(found.by_workflow), found.workflow_count) == (2, 3)
    assert (len(found.by_team), found.team_count) == (2, 5)


# One request, counted in one's head


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


# Bounds


@pytest.mark.parametrize(
    "wanted", [{"days": 8}, {"days": 0}, {"days": math.inf}, {"workflow": "x" * 201}, {"team": "a\x00"}]
)
def test_filters_that_cannot_be_used_are_refused(wanted):
    with pytest.raises(InvalidInputError):
        InsightsFilter(**wanted)


def test_whoever_has_no_role_sees_nothing(alone: Desk):
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
