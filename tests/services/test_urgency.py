"""The requester's urgency, how much of it counts, and the estimated time of a review."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.errors import InvalidInputError
from app.domain.people import Via
from app.domain.ranking import HEAD_START, PRIORITY_STEP, URGENCY_STEP, attention_at
from app.domain.review_time import FEWEST, MOST_SECONDS, band_of, content_seconds, minutes_words
from app.services.approvals.intake.gate import ExternalRequest
from app.services.reading.queue import Queue
from app.services.reading.queue_filter import QueueFilter
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Script, Urgency, document_of
from assent.digests import digest_of
from tests.factories import make_request, make_run, script
from tests.services.desk import Desk
from tests.services.governed import ask, governed

ALLOWED = """\
version: 1
rules:
  - name: Urgent repairs
    when: environment == "production"
    agent_urgency: high
"""


def of_urgency(urgency: str, environment: str = "") -> dict[str, Any]:
    """The document of a proposal with this urgency."""
    return document_of(Script(title="Restart", language="sql", content="select 1", environment=environment,
                              urgency=Urgency(urgency)))  # fmt: skip


def opened_detail(desk: Desk, request: ApprovalRequest) -> dict[str, Any]:
    """The details of the audit entry about the opening."""
    return next(entry.detail for entry in desk.audit(request) if entry.action == "request.opened")


def test_a_proposal_of_normal_urgency_has_the_digest_that_it_had_before_there_was_any() -> None:
    assert "urgency" not in of_urgency("normal")
    assert digest_of(of_urgency("normal")) != digest_of(of_urgency("high"))


def test_a_run_is_capped_at_normal_and_the_record_keeps_what_it_asked_for(desk: Desk) -> None:
    request = desk.open(of_urgency("urgent"))
    assert request.urgency == "normal" and request.payload["urgency"] == "urgent"
    assert request.attention_at == attention_at(request.expires_at, RiskLevel(request.risk), 0, Urgency.NORMAL)
    detail = opened_detail(desk, request)
    assert (detail["urgency"], detail["urgency_asked"]) == ("normal", "urgent")
    assert "urgency" not in opened_detail(desk, desk.open()), "nothing is noted if nobody asked for anything"
    assert desk.open(of_urgency("low")).urgency == "low", "less than normal needs nobody's permission"


def test_a_rule_allows_agents_more_urgency(own_desk: Desk) -> None:
    desk = governed(own_desk, ALLOWED)
    asked = ask(desk, desk.run(), of_urgency("urgent", "production"))
    assert asked.urgency == "high" and opened_detail(desk, asked)["urgency_asked"] == "urgent"
    elsewhere = ask(desk, desk.run(), of_urgency("urgent", "staging"))
    assert elsewhere.urgency == "normal"
    risk = RiskLevel(asked.risk)
    ahead = attention_at(asked.expires_at, risk, 0, Urgency.NORMAL) - asked.attention_at
    assert ahead == URGENCY_STEP[Urgency.HIGH]


def test_a_person_is_not_limited_and_an_agent_with_their_token_is(desk: Desk) -> None:
    person = desk.person()
    own = desk.checkpoints.open(person, ExternalRequest(of_urgency("urgent")))
    assert own.urgency == "urgent"
    agent = replace(person, kind="agent", name="deployer", via=Via.API)
    assert desk.checkpoints.open(agent, ExternalRequest(of_urgency("urgent"))).urgency == "normal"


def test_urgency_is_a_modest_part_of_the_rank(desk: Desk) -> None:
    steps = [URGENCY_STEP[urgency] for urgency in Urgency]
    assert steps == sorted(steps) and URGENCY_STEP[Urgency.NORMAL] == timedelta(0)
    assert URGENCY_STEP[Urgency.URGENT] < PRIORITY_STEP
    assert HEAD_START[RiskLevel.MEDIUM] + URGENCY_STEP[Urgency.URGENT] < HEAD_START[RiskLevel.HIGH]
    expires = desk.clock()
    for risk in RiskLevel:
        for urgency in Urgency:
            assert attention_at(expires, risk, 0, urgency) <= expires, "nobody is late before they could know"


def test_escalating_an_urgent_request_keeps_its_urgency_in_the_rank(desk: Desk) -> None:
    request = make_request(desk.sessions, make_run(desk.sessions), urgency="urgent", risk=RiskLevel.LOW)
    raised = desk.checkpoints.escalate(request.id, desk.person(), "It cannot wait.")
    assert raised.attention_at == attention_at(request.expires_at, RiskLevel.LOW, 1, Urgency.URGENT)
    why = desk.queue.row(request.id).why_here  # type: ignore[union-attr]
    assert "the requester's urgency (urgent) ranks it up to 2 h earlier" in why and "raised 1 time" in why


def test_the_queue_is_filtered_by_urgency(own_desk: Desk) -> None:
    desk, run = own_desk, make_run(own_desk.sessions)
    made = {
        urgency: make_request(desk.sessions, run, urgency=urgency.value, payload=script("select 1")).id
        for urgency in Urgency
    }
    for urgency in Urgency:
        rows = desk.queue.page(QueueFilter(urgency=urgency.value)).rows
        assert [(row.id, row.urgency) for row in rows] == [(made[urgency], urgency)]
    assert [row.id for row in desk.queue.page(QueueFilter(urgency="high", workflow="elsewhere")).rows] == []
    with pytest.raises(InvalidInputError):
        QueueFilter(urgency="very")


# The estimated time of a review


def test_more_content_more_items_and_more_findings_take_longer() -> None:
    short, long = script("select 1"), script("select 1;\n" * 500)
    assert content_seconds(short, 0) < content_seconds(short, 3) < content_seconds(long, 3)
    item = {"id": "a", "title": "An index", "statement": "create index a on b (c)"}
    one = {"kind": "optimizations", "title": "Indexes", "items": [item]}
    assert content_seconds(one, 0) < content_seconds(one | {"items": [item] * 8}, 0)
    assert content_seconds(script("x" * 2_000_000), 0) == MOST_SECONDS
    assert content_seconds("a text alone", 0) > 0


def test_times_in_words() -> None:
    assert [minutes_words(seconds) for seconds in (1, 119, 3540, 3600, 4100)] == [
        "about 1 min", "about 2 min", "about 59 min", "about 1 h", "about 1 h 10 min",
    ]  # fmt: skip


def test_estimates_follow_how_long_people_really_took(own_desk: Desk) -> None:
    """The median of a kind and size counts, so that one page which was left open changes nothing."""
    desk = own_desk
    new = desk.open(script("select 1 from a;\n" * 60))
    by_content = new.review_seconds
    assert by_content == content_seconds(new.payload, 1)
    assert desk.queue.row(new.id).review_seconds == by_content  # type: ignore[union-attr]
    reader = desk.person()
    for took in (3, 3, 3, 3, 900)[:FEWEST]:
        earlier = desk.open(script("select 1 from a;\n" * 60))
        desk.decide(earlier, reader, read_seconds=by_content * took)
    slower = Queue(desk.sessions, desk.clock).row(new.id)
    assert slower is not None and slower.review_seconds == by_content * 3
    small = desk.open(script("select 1"))
    assert band_of(small.review_seconds) != band_of(by_content)
    untouched = Queue(desk.sessions, desk.clock).row(small.id)
    assert untouched is not None and untouched.review_seconds == small.review_seconds, "another size"


def test_the_estimate_of_a_request_from_before_there_were_any_is_not_known(own_desk: Desk) -> None:
    request = own_desk.open()
    with own_desk.engine.begin() as connection:
        connection.execute(text("update approval_requests set review_seconds = 0"))
    row = own_desk.queue.row(request.id)
    assert row is not None and row.review_seconds == 0 and row.review_words == ""
