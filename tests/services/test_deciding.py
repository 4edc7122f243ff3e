"""One decision on one request: each verdict, and everything that is refused without leaving a trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect

from app.domain.ballot import Ballot
from app.domain.errors import (
    AlreadyDecidedError,
    AssentError,
    DuplicateDecisionError,
    ExpiredError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    OwnRequestError,
    StaleDigestError,
    TooLargeError,
)
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM, Actor, Role, Via
from app.domain.reading_tools import ReadingTools
from app.domain.risk import Assessment
from app.services.approvals.manager import CheckpointManager
from app.store.objects import read_object, read_person
from app.store.people import Person
from app.store.requests import ApprovalRequest
from assent.contracts import NextAction, Outcome, RiskLevel, Verdict
from assent.digests import digest_of
from tests.factories import make_person, optimizations, plan, question, script
from tests.services.desk import Desk, assess_words

KEEP_A_AND_EDIT_B = {"items": [{"id": "b", "statement": "create index concurrently i_b2 on t (b, c)"}, {"id": "a"}]}
TOOL_CALL = {
    "kind": "tool_call", "title": "Send a mail", "summary": "", "agent": "", "environment": "", "labels": {},
    "risk_floor": "safe", "expires_in_seconds": None, "tool": "send_mail", "args": {"to": "ops@example.org"},
    "args_schema": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
}  # fmt: skip
CUSTOM = {
    "kind": "custom", "title": "Settings", "summary": "", "agent": "", "environment": "", "labels": {},
    "risk_floor": "safe", "expires_in_seconds": None, "data": {"level": 3},
    "data_schema": {"type": "object", "properties": {"level": {"type": "integer", "maximum": 9}}},
}  # fmt: skip


def refused(desk: Desk, kind: type[AssentError], act: Callable[[], Any]) -> AssentError:
    """The refusal of an act, having made sure that the act left no trace at all."""
    before = desk.counts()
    with pytest.raises(AssentError) as caught:
        act()
    assert type(caught.value) is kind, caught.value
    assert desk.counts() == before
    return caught.value


@pytest.mark.parametrize(
    ("verdict", "values", "state", "action"),
    [
        (Verdict.APPROVE, {}, RequestState.APPROVED, NextAction.CONTINUE),
        (Verdict.MODIFY, {"change": KEEP_A_AND_EDIT_B}, RequestState.MODIFIED, NextAction.CONTINUE),
        (Verdict.REQUEST_CHANGES, {"comment": "Smaller."}, RequestState.CHANGES_REQUESTED, NextAction.RETRY),
        (Verdict.REJECT, {"comment": "Not today."}, RequestState.REJECTED, NextAction.ABORT),
    ],
)
def test_each_verdict_settles_the_request_and_has_the_run_resumed(
    desk: Desk, verdict: Verdict, values: dict[str, Any], state: RequestState, action: NextAction
) -> None:
    request, reviewer = desk.open(optimizations()), desk.person("DBA on call")
    result = desk.decide(request, reviewer, verdict, **values)
    assert result.resolved and result.words
    now = desk.fresh(request)
    assert (now.state, now.resolved_at is not None, now.version) == (state.value, True, 2)
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert (outcome.verdict, outcome.next_action, outcome.request_id) == (verdict, action, request.id)
    assert outcome.digest == now.digest == digest_of(outcome.payload)
    assert outcome.proposed_digest == request.digest
    assert [(remark.who, remark.verdict) for remark in outcome.remarks] == [("DBA on call", verdict)]
    assert desk.run_state(request.run_id) == "queued"
    assert desk.jobs(request.run_id) == 1
    assert [entry.action for entry in desk.audit(request)] == ["request.opened", "request.decided", "request.resolved"]
    opened = desk.audit(request)[0].detail
    assert opened["rule"] and datetime.fromisoformat(opened["expires_at"]) == request.expires_at
    assert desk.events(request) == ["request.opened", "request.resolved"]


def test_an_answer_reaches_the_outcome_as_given(desk: Desk) -> None:
    schema = {"type": "object", "properties": {"years": {"type": "integer", "minimum": 0}}, "required": ["years"]}
    request = desk.open(question(schema), response_schema=schema)
    reviewer = desk.person()
    error = refused(
        desk, InvalidInputError, lambda: desk.decide(request, reviewer, Verdict.ANSWER, answer={"years": "seven"})
    )
    assert "answer.years" in error.extra["fields"]
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, Verdict.ANSWER))
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, Verdict.APPROVE))
    desk.decide(request, reviewer, Verdict.ANSWER, answer={"years": 7})
    assert desk.fresh(request).state == "answered"
    assert desk.outcome(request).body["answer"] == {"years": 7}


def test_a_question_without_a_schema_takes_text_of_bearable_length(desk: Desk) -> None:
    request, reviewer = desk.open(question()), desk.person()
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, Verdict.ANSWER, answer={"a": 1}))
    refused(desk, TooLargeError, lambda: desk.decide(request, reviewer, Verdict.ANSWER, answer="x" * 1_000_001))
    assert desk.decide(request, reviewer, Verdict.ANSWER, answer="the second one").resolved


def test_a_part_of_a_set_is_approved_with_an_edit_in_the_agents_order(desk: Desk) -> None:
    request = desk.open(optimizations())
    desk.decide(request, desk.person(), Verdict.MODIFY, change=KEEP_A_AND_EDIT_B)
    outcome = Outcome.model_validate(desk.outcome(request).body)
    statements = [(item.id, item.statement) for item in outcome.proposal.items]
    assert statements == [
        ("a", "create index concurrently i_a on t (a)"),
        ("b", "create index concurrently i_b2 on t (b, c)"),
    ]
    now = desk.fresh(request)
    assert now.proposed == request.payload, "what the agent proposed is kept beside what was approved"
    assert now.digest != now.proposed_digest == request.digest


@pytest.mark.parametrize("roles", [(Role.VIEWER,), (Role.AUDITOR,), (Role.VIEWER, Role.AUDITOR)])
def test_roles_that_may_not_decide(desk: Desk, roles: tuple[Role, ...]) -> None:
    request, somebody = desk.open(), desk.person("Onlooker", roles)
    error = refused(desk, ForbiddenError, lambda: desk.decide(request, somebody))
    assert error.extra["needed"] == "admin or reviewer"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_one_who_started_the_run_cannot_decide_in_any_way(desk: Desk, verdict: Verdict) -> None:
    starter = desk.person("Release engineer", [Role.REVIEWER, Role.ADMIN])
    request = desk.open(requester=starter)
    refused(desk, OwnRequestError, lambda: desk.decide(request, starter, verdict, comment="Fine."))


def test_agents_and_the_system_never_decide(desk: Desk) -> None:
    request, person = desk.open(), desk.person("Robot", [Role.ADMIN])
    agent = Actor(kind="agent", id=person.id, name="Robot", roles=frozenset(Role))
    refused(desk, ForbiddenError, lambda: desk.decide(request, agent))
    refused(desk, OwnRequestError, lambda: desk.decide(request, SYSTEM))


def test_a_stale_digest_is_told_the_current_one(desk: Desk) -> None:
    request, first, second = desk.open(), desk.person(), desk.person()
    drop = {"content": "drop table t"}
    critical = desk.decide(request, first, Verdict.MODIFY, change=drop, acknowledged_risk=RiskLevel.CRITICAL)
    assert not critical.resolved
    error = refused(desk, StaleDigestError, lambda: desk.decide(request, second))
    assert error.extra["digest"] == desk.fresh(request).digest
    refused(desk, StaleDigestError, lambda: desk.decide(request, second, digest="0" * 64))
    refused(desk, StaleDigestError, lambda: desk.decide(request, second, digest=""))


def test_who_comes_second_is_told_what_became_of_it(desk: Desk) -> None:
    request = desk.open()
    desk.decide(request, desk.person(), Verdict.REJECT, comment="No.")
    late = desk.person()
    error = refused(desk, AlreadyDecidedError, lambda: desk.decide(request, late))
    assert error.extra["state"] == "rejected"


def test_one_person_counts_once_where_two_are_needed(desk: Desk) -> None:
    request, reviewer = desk.open(script("drop table t")), desk.person()
    assert not desk.decide(request, reviewer).resolved
    refused(desk, DuplicateDecisionError, lambda: desk.decide(request, reviewer))
    refused(desk, DuplicateDecisionError, lambda: desk.decide(request, reviewer, Verdict.REJECT, comment="No."))
    assert desk.fresh(request).approvals == 1
    assert desk.fresh(request).state == "pending"


def test_too_late_is_too_late_even_before_the_timer_has_run(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    desk.clock.ahead = timedelta(hours=23, minutes=59)
    assert desk.fresh(request).expires_at > desk.clock()
    desk.clock.ahead = timedelta(hours=24)
    refused(desk, ExpiredError, lambda: desk.decide(request, reviewer))
    assert desk.keep(request)
    refused(desk, ExpiredError, lambda: desk.decide(request, reviewer))


@pytest.mark.parametrize(
    "unknown", ["", "nonsense", "00000000-0000-0000-0000-000000000000", "a\x00b", "\ud800", "x" * 99]
)
def test_unknown_ids_are_said_to_be_unknown(desk: Desk, unknown: str) -> None:
    reviewer = desk.person()
    refused(desk, NotFoundError, lambda: desk.checkpoints.decide(unknown, reviewer, Ballot(Verdict.APPROVE, "0" * 64)))
    refused(desk, NotFoundError, lambda: desk.checkpoints.comment(unknown, reviewer, "Hm."))
    refused(desk, NotFoundError, lambda: desk.checkpoints.escalate(unknown, reviewer, "Soon, please."))
    refused(desk, NotFoundError, lambda: desk.checkpoints.cancel(unknown, reviewer, "Not needed."))
    refused(desk, NotFoundError, lambda: desk.runs.pause(reviewer, unknown))
    refused(desk, NotFoundError, lambda: desk.runs.start(reviewer, unknown, {}))
    assert desk.checkpoints.keep(unknown) is False


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.REQUEST_CHANGES])
@pytest.mark.parametrize("comment", ["", "   \n\t "])
def test_refusing_needs_a_reason(desk: Desk, verdict: Verdict, comment: str) -> None:
    request, reviewer = desk.open(), desk.person()
    error = refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, verdict, comment=comment))
    assert error.extra["fields"] == {"comment": "required for this verdict"}


@pytest.mark.parametrize("comment", ["a\x00b", "a\x1bb", "a\x08b", "a\ud800b", 7, None, ["a"]])
def test_comments_that_cannot_be_stored(desk: Desk, comment: Any) -> None:
    request, reviewer = desk.open(), desk.person()
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, comment=comment))
    refused(desk, InvalidInputError, lambda: desk.checkpoints.comment(request.id, reviewer, comment))
    refused(desk, InvalidInputError, lambda: desk.checkpoints.escalate(request.id, reviewer, comment))
    refused(desk, InvalidInputError, lambda: desk.checkpoints.cancel(request.id, reviewer, comment))


def test_a_comment_has_an_end(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    refused(desk, TooLargeError, lambda: desk.decide(request, reviewer, comment="x" * 20_001))
    longest = "é\n\t✓" * 5_000
    desk.decide(request, reviewer, comment=longest)
    assert desk.decisions(request)[0].comment == longest


BAD_CHANGES = [
    ("script", script("select 1"), None),
    ("script", script("select 1"), "select 2"),
    ("script", script("select 1"), {}),
    ("script", script("select 1"), {"content": ""}),
    ("script", script("select 1"), {"content": "  "}),
    ("script", script("select 1"), {"content": 7}),
    ("script", script("select 1"), {"content": "select 2", "language": "bash"}),
    ("script", script("select 1"), {"content": "select 2\x00"}),
    ("script", script("select 1"), {"content": "select 2\x1b[2K"}),
    ("script", script("select 1"), {"content": "select '\ud800'"}),
    ("script", script("select 1"), {"content": "x" * 1_000_001}),
    ("script", script("select 1"), {"content": "select 1"}),
    ("optimizations", optimizations(), {"items": []}),
    ("optimizations", optimizations(), {"items": "a"}),
    ("optimizations", optimizations(), {"items": ["a"]}),
    ("optimizations", optimizations(), {"items": [{"id": "z"}]}),
    ("optimizations", optimizations(), {"items": [{"id": "a"}, {"id": "a"}]}),
    ("optimizations", optimizations(), {"items": [{"id": "a", "statement": ""}]}),
    ("optimizations", optimizations(), {"items": [{"id": "a", "rollback": "drop table t"}]}),
    ("optimizations", optimizations(), {"items": [{"id": "a", "statement": "x" * 200_001}]}),
    ("optimizations", optimizations(), {"items": [{"id": "c"}, {"id": "b"}, {"id": "a"}]}),
    ("plan", plan(), {"steps": []}),
    ("plan", plan(), {"steps": [{"id": "find"}, {"id": "drop"}]}),
    ("plan", plan(), {"steps": [{"id": "measure"}, {"id": "find"}]}),
    ("plan", plan(), {"steps": [{"id": "find", "gated": False}]}),
    ("plan", plan(), {"steps": [{"id": "find"}, {"id": "measure"}, {"id": "drop"}, {"id": "report"}]}),
    ("tool_call", TOOL_CALL, {"args": []}),
    ("tool_call", TOOL_CALL, {"args": {}}),
    ("tool_call", TOOL_CALL, {"args": {"to": 7}}),
    ("tool_call", TOOL_CALL, {"args": {"to": "a@example.org"}, "tool": "delete_everything"}),
    ("custom", CUSTOM, {"data": {"level": 10}}),
    ("custom", CUSTOM, {"data": {"level": 3}}),
    ("question", question(), {"question": "Another one?"}),
]


@pytest.mark.parametrize(("kind", "document", "change"), BAD_CHANGES)
def test_changes_that_cannot_be_used(desk: Desk, kind: str, document: dict[str, Any], change: Any) -> None:
    request, reviewer = desk.open(document), desk.person()
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, Verdict.MODIFY, change=change))
    assert desk.fresh(request).digest == request.digest


def test_a_change_needs_the_verdict_modify(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, change={"content": "select 2"}))


def test_an_edit_of_a_million_characters_is_taken_to_the_letter(desk: Desk) -> None:
    content = ("select 1; -- " + "é" * 87 + "\n") * 9_900
    assert 950_000 < len(content) <= 1_000_000
    request = desk.open()
    desk.decide(request, desk.person(), Verdict.MODIFY, change={"content": content})
    assert desk.outcome(request).body["payload"]["content"] == content


def test_only_a_run_that_can_propose_again_is_sent_back(desk: Desk) -> None:
    document = {"kind": "value", "title": "What now?", "value": "What now?"}
    request, reviewer = desk.open(document, dialect="value"), desk.person()
    refused(desk, InvalidInputError, lambda: desk.decide(request, reviewer, Verdict.REQUEST_CHANGES, comment="Again."))
    assert desk.decide(request, reviewer, Verdict.ANSWER, answer=["any", {"json": None}]).resolved


def test_a_remark_decides_nothing(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    desk.checkpoints.comment(request.id, reviewer, " Is the replica caught up? ")
    assert desk.fresh(request).version == request.version
    assert desk.events(request) == ["request.opened", "request.comment"]
    refused(desk, InvalidInputError, lambda: desk.checkpoints.comment(request.id, reviewer, "  "))
    viewer = desk.person("Onlooker", [Role.VIEWER])
    refused(desk, ForbiddenError, lambda: desk.checkpoints.comment(request.id, viewer, "Me too."))


def test_a_change_that_takes_until_after_the_deadline_to_assess_is_too_late(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()

    def slowly(document: dict[str, Any], tools: ReadingTools) -> Assessment:
        desk.clock.ahead = timedelta(days=30)
        return assess_words(document, tools)

    slow = CheckpointManager(desk.sessions, desk.clock, slowly)
    with pytest.raises(ExpiredError):
        slow.decide(request.id, reviewer, Ballot(Verdict.MODIFY, request.digest, change={"content": "select 2"}))
    assert desk.fresh(request).state == "pending" and desk.decisions(request) == []


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.MODIFY, Verdict.REJECT])
@pytest.mark.parametrize("words", ["select 1", "drop table old"])
def test_what_a_decision_gives_is_what_is_stored(desk: Desk, verdict: Verdict, words: str) -> None:
    request = desk.open(script(words))
    more = {"change": {"content": f"{words};"}} if verdict is Verdict.MODIFY else {}
    given = desk.decide(request, desk.person(), verdict, comment="Because.", **more).request
    stored = desk.fresh(request)
    columns = [column.name for column in ApprovalRequest.__table__.columns]
    assert {column: getattr(given, column) for column in columns} == {
        column: getattr(stored, column) for column in columns
    }


def test_a_person_who_is_read_without_a_session_has_the_same_teams(desk: Desk) -> None:
    person = make_person(desk.sessions, "Reviewer", [Role.REVIEWER], teams=("security", "dba"))
    found = read_person(desk.sessions, person.id)
    assert found is not None and read_person(desk.sessions, "missing") is None
    with desk.sessions.reads() as session:
        stored = session.get_one(Person, person.id)
        assert found.as_actor(Via.MAIL) == stored.as_actor(Via.MAIL)
        assert [(team.slug, team.name) for team in found.teams] == [(team.slug, team.name) for team in stored.teams]


def test_a_request_that_is_read_without_a_session_has_the_same_values(desk: Desk) -> None:
    request = desk.open()
    desk.checkpoints.claim(request.id, desk.person("Reviewer"))
    found = read_object(desk.sessions, ApprovalRequest, request.id)
    assert found is not None and read_object(desk.sessions, ApprovalRequest, "missing") is None
    with desk.sessions.reads() as session:
        stored = session.get_one(ApprovalRequest, request.id)
        for attribute in inspect(ApprovalRequest).column_attrs:
            value, expected = getattr(found, attribute.key), getattr(stored, attribute.key)
            assert (value, type(value)) == (expected, type(expected)), attribute.key
