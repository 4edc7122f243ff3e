"""Stages: asked one after the other, and again when what was agreed to has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.errors import (
    AlreadyDecidedError,
    DuplicateDecisionError,
    InvalidInputError,
    NotAskedError,
    RiskRaisedError,
    StaleDigestError,
)
from app.domain.policy.facts import Facts
from app.domain.policy.terms import EscalationStep, Stage, Terms
from app.services.approvals.decisions.decision import DecisionResult
from assent.contracts import Outcome, RiskLevel, Verdict
from tests.factories import optimizations, question, script
from tests.services.desk import AtOnce, Desk
from tests.services.ruled import ANYONE, DBA, SECURITY, happened, member, ruled, seen, terms


@pytest.fixture
def staged(desk: Desk) -> Desk:
    """Two stages: DBA, then Security."""
    return ruled(desk, terms(DBA, SECURITY))


def test_one_stage_after_the_other_each_by_those_who_are_asked(staged: Desk) -> None:
    desk = staged
    request, dba, security = desk.open(), member(desk, "Ana", "dba"), member(desk, "Sam", "security")
    assert (request.stage, request.addressed_to, request.quorum) == (0, ["team:dba"], 2)
    with pytest.raises(NotAskedError) as told:
        desk.decide(request, security)
    assert told.value.message == "DBA must decide now; you are not in that team."
    assert told.value.extra == {"asked": ["team:dba"]}
    first = desk.decide(request, dba)
    assert not first.resolved and first.words == "Counted: 1 of 2. DBA has agreed; Security reviews next."
    now = desk.fresh(request)
    assert (now.stage, now.addressed_to, now.approvals, now.state) == (1, ["team:security"], 1, "pending")
    assert happened(desk, request) == [{"state": "pending", "what": "next stage", "progress": "1 of 2"}]
    with pytest.raises(NotAskedError, match=r"Security must decide now; you are not in that team\."):
        desk.decide(now, member(desk, "Dov", "dba"))
    assert desk.decide(now, security).words == "Approved. The run continues."
    assert [(decision.person_name, decision.stage) for decision in desk.decisions(request)] == [("Ana", 0), ("Sam", 1)]
    details = [entry.detail for entry in desk.audit(request) if entry.action == "request.decided"]
    assert [(detail["stage"], detail.get("asked_next")) for detail in details] == [(0, 1), (1, None)]
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert [remark.who for remark in outcome.remarks] == ["Ana", "Sam"]


def test_people_are_asked_by_their_address_whatever_its_case(desk: Desk) -> None:
    head = member(desk, "Head of data")
    desk = ruled(desk, terms(Stage(people=(head.email.upper(),))))
    request, other = desk.open(), member(desk, "Other", "dba")
    with pytest.raises(NotAskedError, match=r"^Head of data must decide now, not you\.$"):
        desk.decide(request, other)
    assert desk.decide(request, head).resolved


def test_several_who_are_asked_are_all_named(desk: Desk) -> None:
    head = member(desk, "Head of data")
    desk = ruled(desk, terms(Stage(teams=("dba", "leads"), people=(head.email,))))
    member(desk, "Ana", "dba"), member(desk, "Lee", "leads")
    with pytest.raises(NotAskedError, match=r"^dba, leads or Head of data must decide now; you are not among them\.$"):
        desk.decide(desk.open(), member(desk, "Other"))


def test_somebody_who_is_in_both_teams_counts_once(staged: Desk) -> None:
    desk = staged
    request, both = desk.open(), member(desk, "Both", "dba", "security")
    desk.decide(request, both)
    with pytest.raises(DuplicateDecisionError, match="at an earlier stage"):
        desk.decide(request, both)
    view = seen(desk, request, both)
    assert view.verdicts == (Verdict.MODIFY, Verdict.REQUEST_CHANGES, Verdict.REJECT), "they may still object"
    assert desk.decide(request, both, Verdict.REJECT, comment="I was wrong.").resolved
    assert desk.fresh(request).state == "rejected"


def test_an_edit_at_a_later_stage_makes_the_earlier_one_be_asked_again(staged: Desk) -> None:
    desk = staged
    request, dba, security = desk.open(), member(desk, "Ana", "dba"), member(desk, "Sam", "security")
    desk.decide(request, dba)
    result = desk.decide(request, security, Verdict.MODIFY, change={"content": "select 2"})
    assert result.words == "Counted: 1 of 2. Earlier approvals no longer apply; DBA reviews again."
    now = desk.fresh(request)
    assert (now.stage, now.addressed_to, now.approvals) == (0, ["team:dba"], 1)
    assert happened(desk, request)[-1]["what"] == "earlier stage again"
    with pytest.raises(DuplicateDecisionError, match="You have decided"):
        desk.decide(now, security)
    with pytest.raises(StaleDigestError):
        desk.decide(request, dba)
    assert desk.decide(now, dba).words == "Approved with changes. The run continues with your changes."
    assert desk.outcome(request).body["payload"]["content"] == "select 2"


def test_an_edit_at_the_first_stage_counts_for_it(staged: Desk) -> None:
    desk = staged
    request, dba, security = desk.open(), member(desk, "Ana", "dba"), member(desk, "Sam", "security")
    result = desk.decide(request, dba, Verdict.MODIFY, change={"content": "select 2"})
    assert result.words == "Counted: 1 of 2. DBA has agreed; Security reviews next."
    assert desk.decide(desk.fresh(request), security).resolved


def test_a_stage_may_ask_for_several(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(name="DBA", teams=("dba",), quorum=2), ANYONE))
    request = desk.open()
    people = [member(desk, f"DBA {number}", "dba") for number in range(3)]
    assert desk.decide(request, people[0]).words == "Counted: 1 of 3. Another person from DBA is needed."
    assert desk.decide(request, people[1]).words == "Counted: 2 of 3. DBA has agreed; Stage 2 reviews next."
    assert desk.fresh(request).addressed_to == []
    assert desk.decide(request, people[2]).resolved


def test_equal_answers_are_needed_at_every_stage(staged: Desk) -> None:
    desk = staged
    request, dba, security = desk.open(question()), member(desk, "Ana", "dba"), member(desk, "Sam", "security")
    assert not desk.decide(request, dba, Verdict.ANSWER, answer="the first").resolved
    assert desk.fresh(request).stage == 1
    other = desk.decide(request, security, Verdict.ANSWER, answer="the second")
    assert other.words == "Counted: 1 of 2. Earlier approvals no longer apply; DBA reviews again."
    assert desk.fresh(request).stage == 0
    assert desk.decide(request, dba, Verdict.ANSWER, answer="the second").resolved
    assert desk.outcome(request).body["answer"] == "the second"
    assert [decision.withdrawn_at is None for decision in desk.decisions(request)] == [False, True, True]


def test_an_answer_may_be_taken_up_again(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(quorum=2)))
    request, one, two = desk.open(question()), member(desk, "One"), member(desk, "Two")
    for answer in ("x", "y", "x"):
        desk.decide(request, one, Verdict.ANSWER, answer=answer)
    with pytest.raises(DuplicateDecisionError):
        desk.decide(request, one, Verdict.ANSWER, answer="x")
    assert desk.decide(request, two, Verdict.ANSWER, answer="x").resolved


# Rejections


def test_as_many_rejections_as_the_rule_asks_for_and_each_stays(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(quorum=3), deny_threshold=2))
    request, one, two = desk.open(), member(desk, "One"), member(desk, "Two")
    first = desk.decide(request, one, Verdict.REJECT, comment="No.")
    assert not first.resolved
    assert first.words == (
        "Your rejection is counted: 1 of 2. It stays counted until you withdraw it, even if others change the proposal."
    )
    desk.decide(request, member(desk, "Three"), Verdict.MODIFY, change={"content": "select 2"})
    now = desk.fresh(request)
    with pytest.raises(DuplicateDecisionError, match="withdraw your rejection first"):
        desk.decide(now, one)
    with pytest.raises(DuplicateDecisionError):
        desk.decide(now, one, Verdict.REJECT, comment="No again.")
    assert desk.decide(now, two, Verdict.REJECT, comment="Neither.").resolved
    assert desk.fresh(request).state == "rejected"


def test_a_rejection_too_few_does_not_outweigh_the_quorum(desk: Desk) -> None:
    desk = ruled(desk, terms(deny_threshold=2))
    request = desk.open()
    desk.decide(request, member(desk, "One"), Verdict.REJECT, comment="No.")
    assert desk.decide(request, member(desk, "Two")).resolved
    assert desk.fresh(request).state == "approved"
    assert [remark["verdict"] for remark in desk.outcome(request).body["remarks"]] == ["reject", "approve"]


def test_a_rejected_answer_leaves_the_other_answers_counted(desk: Desk) -> None:
    desk = ruled(desk, terms(DBA, SECURITY, deny_threshold=2))
    request, dba, security = desk.open(question()), member(desk, "Ana", "dba"), member(desk, "Sam", "security")
    desk.decide(request, dba, Verdict.ANSWER, answer="x")
    desk.decide(request, security, Verdict.REJECT, comment="No.")
    now = desk.fresh(request)
    assert (now.stage, now.approvals) == (1, 1)


# What the terms ask of a decision


@pytest.mark.parametrize(
    ("document", "verdict", "values"),
    [
        (None, Verdict.APPROVE, {}),
        (None, Verdict.MODIFY, {"change": {"content": "select 2"}}),
        (question(), Verdict.ANSWER, {"answer": "x"}),
    ],
)
def test_a_reason_may_be_required_for_an_approval_as_well(
    desk: Desk, document: Any, verdict: Verdict, values: dict[str, Any]
) -> None:
    desk = ruled(desk, terms(reason_required=tuple(Verdict)))
    request, reviewer = desk.open(document), member(desk, "One")
    with pytest.raises(InvalidInputError) as told:
        desk.decide(request, reviewer, verdict, comment=" ", **values)
    assert told.value.extra["fields"] == {"comment": "required for this verdict"}
    assert desk.decide(request, reviewer, verdict, comment="As agreed.", **values).resolved


def test_a_rejection_needs_a_reason_only_where_the_rule_says_so(desk: Desk) -> None:
    desk = ruled(desk, terms(reason_required=()))
    assert desk.decide(desk.open(), member(desk, "One"), Verdict.REJECT).resolved


def test_what_may_not_be_edited(desk: Desk) -> None:
    desk = ruled(desk, terms(edit_allowed=False))
    request, reviewer = desk.open(optimizations()), member(desk, "One")
    view = seen(desk, request, reviewer)
    assert Verdict.MODIFY not in view.verdicts and not view.editable
    for act in (
        partial(desk.decide, request, reviewer, Verdict.MODIFY, change={"items": [{"id": "a"}]}),
        partial(desk.checkpoints.preview, request.id, reviewer, {"items": [{"id": "a"}]}),
    ):
        with pytest.raises(InvalidInputError) as told:
            act()
        assert told.value.extra["fields"] == {"change": "not allowed"}
    assert desk.decide(request, reviewer).resolved


# An edit that raises what is needed


def by_word(facts: Facts) -> Terms:
    """Anyone; for what deletes DBA, for what drops Security as well."""
    level = facts.assessment.level
    if level is RiskLevel.CRITICAL:
        return terms(SECURITY, DBA, name="drops", reauthenticate_seconds=None)
    return terms(DBA, name="deletes") if level is RiskLevel.HIGH else terms(name="plain")


def test_a_raised_risk_is_told_before_it_is_sent_and_has_to_be_acknowledged(desk: Desk) -> None:
    desk = ruled(desk, by_word)
    request, editor = desk.open(), member(desk, "Editor", "dba")
    change, before = {"content": "delete from t"}, desk.counts()
    preview = desk.checkpoints.preview(request.id, editor, change)
    assert preview.raised and preview.terms.name == "deletes" and preview.stages == ("1 from DBA",)
    for acknowledged in (None, RiskLevel.MEDIUM):
        with pytest.raises(RiskRaisedError) as told:
            desk.decide(request, editor, Verdict.MODIFY, change=change, acknowledged_risk=acknowledged)
    assert told.value.message.startswith(
        "This change raises the risk from medium to high; it then requires 1 approval: 1 from DBA."
    )
    assert told.value.extra["risk"] == "high" and told.value.extra["rule"] == "deletes"
    assert told.value.extra["quorum"] == 1 and told.value.extra["stages"] == ["1 from DBA"]
    assert told.value.extra["findings"] and told.value.extra["score"] == preview.assessment.score
    assert desk.counts() == before
    assert desk.decide(request, editor, Verdict.MODIFY, change=change, acknowledged_risk=RiskLevel.CRITICAL).resolved


def test_the_same_risk_needs_no_acknowledgement(desk: Desk) -> None:
    desk = ruled(desk, by_word)
    request, editor = desk.open(script("delete from a")), member(desk, "Editor", "dba")
    assert not desk.checkpoints.preview(request.id, editor, {"content": "delete from b"}).raised
    assert not desk.checkpoints.preview(request.id, editor, {"content": "select 1"}).raised
    assert desk.decide(request, editor, Verdict.MODIFY, change={"content": "delete from b"}).resolved


def test_somebody_the_raised_risk_does_not_ask_does_not_count(desk: Desk) -> None:
    desk = ruled(desk, by_word)
    request, editor = desk.open(), member(desk, "Editor")
    result = desk.decide(
        request, editor, Verdict.MODIFY, change={"content": "delete from t"}, acknowledged_risk=RiskLevel.HIGH
    )
    assert result.words == "Counted: 0 of 1. Another person from DBA is needed."
    now = desk.fresh(request)
    assert (now.approvals, now.addressed_to, now.risk) == (0, ["team:dba"], "high")
    assert now.terms["name"] == "deletes"
    assert seen(desk, request, editor).why_not == "You have decided; another person must decide as well."
    assert desk.decide(now, member(desk, "Ana", "dba")).resolved


def test_the_editors_word_counts_at_the_stage_that_asks_them(desk: Desk) -> None:
    desk = ruled(desk, by_word)
    request, dba = desk.open(script("delete from t")), member(desk, "Ana", "dba")
    result = desk.decide(
        request, dba, Verdict.MODIFY, change={"content": "drop table t"}, acknowledged_risk=RiskLevel.CRITICAL
    )
    now = desk.fresh(request)
    assert (now.stage, now.addressed_to, now.approvals, now.quorum) == (0, ["team:security"], 1, 2)
    assert result.words == "Counted: 1 of 2. Another person from Security is needed."
    assert desk.decisions(request)[0].stage == 1
    assert desk.decide(now, member(desk, "Sam", "security")).resolved


def test_a_rule_that_another_text_falls_under_is_no_way_round_the_first(desk: Desk) -> None:
    def rule(facts: Facts) -> Terms:
        return terms(DBA, name="large") if facts.size > 2_000 else terms(name="small")

    desk = ruled(desk, rule)
    request = desk.open(script("select 1 -- " + "x" * 2_000))
    desk.decide(request, member(desk, "Ana", "dba"), Verdict.MODIFY, change={"content": "select 1"})
    assert desk.fresh(request).terms["stages"][0]["teams"] == ["dba"]
    small = desk.open(script("select 1"))
    long = {"content": "select 1 -- " + "x" * 2_000}
    preview = desk.checkpoints.preview(small.id, member(desk, "One"), long)
    assert preview.raised and preview.words == "With this change, the request requires 1 approval: 1 from DBA."


# Many at once


def test_last_votes_of_a_stage_at_once_move_it_once(staged: Desk, at_once: AtOnce) -> None:
    desk = staged
    for _ in range(5):
        request = desk.open()
        people = [member(desk, f"DBA {number}", "dba") for number in range(3)]
        people += [member(desk, f"Security {number}", "security") for number in range(2)]
        results = at_once([partial(desk.decide, request, who) for who in people])
        won = [result for result in results if isinstance(result, DecisionResult)]
        told = Counter(type(result) for result in results if not isinstance(result, DecisionResult))
        assert set(told) <= {NotAskedError, AlreadyDecidedError}, results
        now = desk.fresh(request)
        assert now.approvals == len(won) == len(desk.decisions(request)) and len(won) in (1, 2)
        assert (now.state == "approved") == (len(won) == 2) == (desk.outcome(request) is not None)


def test_whom_an_escalation_asks_stands_in_for_that_stage_only(desk: Desk) -> None:
    chain = (EscalationStep(after_seconds=3600, words="1 hour", teams=("leads",)),)
    desk = ruled(desk, terms(DBA, SECURITY, escalation=chain))
    request, lead, other_lead = desk.open(), member(desk, "Lee", "leads"), member(desk, "Lou", "leads")
    raised = desk.checkpoints.escalate(request.id, member(desk, "Dan", "dba"), "I am about to leave.")
    assert raised.addressed_to == ["team:dba", "team:leads"]
    desk.decide(raised, lead)
    now = desk.fresh(request)
    assert (now.stage, now.addressed_to, now.escalated_to) == (1, ["team:security"], [])
    with pytest.raises(NotAskedError):
        desk.decide(now, other_lead)
    assert desk.decide(now, member(desk, "Sam", "security")).resolved


# The plain path costs what it did


def statements(desk: Desk, act: Callable[[], Any]) -> int:
    """How many statements an act sends."""
    sent: list[str] = []

    def heard(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(desk.engine, "before_cursor_execute", heard)
    try:
        act()
    finally:
        event.remove(desk.engine, "before_cursor_execute", heard)
    return len(sent)


def test_a_plain_decision_is_one_read_and_one_write(desk: Desk) -> None:
    request, reviewer = desk.open(), desk.person()
    assert statements(desk, lambda: desk.decide(request, reviewer)) == 2


def test_nobody_looks_for_absences_of_somebody_who_is_asked(staged: Desk) -> None:
    request, dba = staged.open(), member(staged, "Ana", "dba")
    assert statements(staged, lambda: staged.decide(request, dba)) == 3, "and what the teams are called"
