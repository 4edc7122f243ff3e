"""What a reviewer's change does to the risk, the quorum, and the approvals given before."""

from __future__ import annotations

import pytest

from app.domain.errors import DuplicateDecisionError, StaleDigestError
from app.domain.people import Actor
from app.services.approvals.decisions.decision import DecisionResult
from app.services.reading.pages import Views
from app.store.requests import ApprovalRequest
from assent.contracts import Outcome, RiskLevel, Verdict
from assent.digests import digest_of
from tests.factories import question, script
from tests.services.desk import Desk

DROP = {"content": "drop table t"}


def test_a_change_is_assessed_again_and_raises_what_is_needed(desk: Desk) -> None:
    request, editor, other = desk.open(), desk.person("Editor"), desk.person("Other")
    assert (request.risk, request.quorum) == ("medium", 1)
    result = desk.decide(request, editor, Verdict.MODIFY, change=DROP, acknowledged_risk=RiskLevel.CRITICAL)
    assert not result.resolved
    assert result.words == "Counted: 1 of 2. Another person is needed."
    now = desk.fresh(request)
    assert (now.state, now.risk, now.quorum, now.approvals) == ("pending", "critical", 2, 1)
    assert now.attention_at < request.attention_at, "it ranks where a critical request ranks"
    assert desk.outcome(request) is None
    assert desk.run_state(request.run_id) == "suspended" and desk.jobs(request.run_id) == 0
    with pytest.raises(DuplicateDecisionError):
        desk.decide(now, editor)
    assert desk.decide(now, other).resolved
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert outcome.verdict is Verdict.MODIFY and outcome.proposal.content == "drop table t"
    assert [remark.who for remark in outcome.remarks] == ["Editor", "Other"]


def test_a_change_never_lowers_what_is_needed(desk: Desk) -> None:
    request, editor, other = desk.open(script("drop table t")), desk.person(), desk.person()
    assert not desk.decide(request, editor, Verdict.MODIFY, change={"content": "select 1"}).resolved
    now = desk.fresh(request)
    assert (now.risk, now.quorum) == ("medium", 2)
    assert desk.decide(now, other).resolved


def test_approvals_of_an_older_payload_no_longer_count(desk: Desk) -> None:
    request = desk.open(script("drop table t"))
    first, second, third = desk.person(), desk.person(), desk.person()
    desk.decide(request, first)
    assert not desk.decide(request, second, Verdict.MODIFY, change={"content": "drop table u"}).resolved
    now = desk.fresh(request)
    assert now.approvals == 1, "the editor's own; the first approval was of something else"
    with pytest.raises(StaleDigestError):
        desk.decide(request, third)
    assert desk.decide(now, first).resolved, "approvers of the older payload may look again and approve this one"


def test_two_people_are_needed_and_enough_for_critical_risk(desk: Desk) -> None:
    request = desk.open(script("drop table t"))
    assert not desk.decide(request, desk.person()).resolved
    assert desk.events(request)[-1] == "request.changed"
    assert desk.decide(request, desk.person()).resolved
    assert desk.fresh(request).approvals == 2
    assert Outcome.model_validate(desk.outcome(request).body).verdict is Verdict.APPROVE


def test_one_refusal_outweighs_an_approval(desk: Desk) -> None:
    request = desk.open(script("drop table t"))
    desk.decide(request, desk.person())
    assert desk.decide(request, desk.person(), Verdict.REJECT, comment="No.").resolved
    assert desk.fresh(request).state == "rejected"


def test_several_edits_in_a_row_keep_what_the_agent_proposed(desk: Desk) -> None:
    request = desk.open(script("drop table t"))
    for number in range(3):
        now = desk.fresh(request)
        result = desk.decide(now, desk.person(), Verdict.MODIFY, change={"content": f"drop table t{number}"})
        assert not result.resolved, "each edit stands alone until somebody else agrees to it"
    now = desk.fresh(request)
    assert now.proposed == request.payload and now.proposed_digest == request.digest
    assert now.digest == digest_of(now.payload)
    assert desk.decisions(request)[0].seen_digest == request.digest


def test_preview_tells_the_risk_and_changes_nothing(desk: Desk) -> None:
    request, editor = desk.open(), desk.person()
    before = desk.counts()
    preview = desk.checkpoints.preview(request.id, editor, DROP)
    assert preview.assessment.level is RiskLevel.CRITICAL and preview.raised and preview.terms.quorum == 2
    assert preview.words == (
        "This change raises the risk from medium to critical; it then requires 2 approvals: 2 from any reviewer."
    )
    assert desk.counts() == before and desk.fresh(request).version == request.version


def test_the_deadline_stays_where_it_was_when_more_is_needed(desk: Desk) -> None:
    request = desk.open()
    desk.decide(request, desk.person(), Verdict.MODIFY, change=DROP, acknowledged_risk=RiskLevel.CRITICAL)
    assert desk.fresh(request).expires_at == request.expires_at


def ask_who(desk: Desk) -> ApprovalRequest:
    """A question of critical risk."""
    request = desk.open(question() | {"question": "Who may drop table t?"})
    assert request.quorum == 2
    return request


def answered(desk: Desk, request: ApprovalRequest, who: Actor, answer: str) -> DecisionResult:
    return desk.decide(desk.fresh(request), who, Verdict.ANSWER, answer=answer)


def test_two_answers_agree_only_if_they_are_equal(desk: Desk) -> None:
    request, one, two, three = ask_who(desk), desk.person("One"), desk.person("Two"), desk.person("Three")
    first = answered(desk, request, one, "alice")
    assert not first.resolved and "1 of 2" in first.words
    second = answered(desk, request, two, "mallory")
    assert not second.resolved and "1 of 2" in second.words, "each answer is one person's alone"
    assert desk.outcome(request) is None and desk.run_state(request.run_id) == "suspended"
    assert answered(desk, request, three, "alice").resolved
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert outcome.answer == "alice" and outcome.digest == request.digest == outcome.proposed_digest


def test_ones_own_second_answer_takes_the_place_of_the_first(desk: Desk) -> None:
    request, one, two = ask_who(desk), desk.person(), desk.person()
    answered(desk, request, one, "alice")
    with pytest.raises(DuplicateDecisionError):
        answered(desk, request, one, "alice")
    assert not answered(desk, request, one, "bob").resolved
    assert not answered(desk, request, two, "alice").resolved, "nobody says alice any more"
    assert desk.fresh(request).approvals == 1
    assert answered(desk, request, two, "bob").resolved
    assert desk.outcome(request).body["answer"] == "bob"


def test_somebody_who_has_to_agree_sees_what_was_answered(desk: Desk) -> None:
    request, one, two = ask_who(desk), desk.person("One"), desk.person("Two")
    desk.decide(request, one, Verdict.ANSWER, answer="alice", comment="She keeps the table.")
    view = Views(desk.sessions, desk.clock).request(request.id, two)
    [line] = [line for line in view.timeline if line.who == "One"]
    assert line.comment == "alice\n\nShe keeps the table."
