"""A person who changes a proposal is not its only approver where the policy asks for a second person."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import DuplicateDecisionError
from app.domain.people import Actor
from app.domain.policy.terms import Edited, Stage, default_terms, stricter
from app.services.approvals.decisions.reassessment import SECOND_PERSON
from app.store.requests import ApprovalRequest
from app.web.requests.buttons import buttons_of
from app.web.requests.proposals import show
from assent.contracts import RiskLevel, Verdict
from tests.factories import script
from tests.services.desk import Desk
from tests.services.ruled import away, member, ruled, seen, terms

SECOND = terms(Stage(), edited=Edited.SECOND_PERSON)
OTHER = {"content": "select 2"}


@pytest.fixture
def strict(desk: Desk) -> Desk:
    """A policy says `edited: second_person`, and asks for one approval."""
    return ruled(desk, SECOND)


def edit(desk: Desk, request: ApprovalRequest, actor: Actor, **values: Any) -> Any:
    """Approve with another statement of the same risk."""
    return desk.decide(request, actor, Verdict.MODIFY, change=OTHER, **values)


def test_an_editor_alone_does_not_suffice(strict: Desk) -> None:
    request, editor, second = strict.open(), strict.person("Editor"), strict.person("Second")
    result = edit(strict, request, editor)
    assert not result.resolved
    assert result.words == "Counted: 1 of 2. A second person must approve, because you changed it."
    now = strict.fresh(request)
    assert (now.state, now.approvals, now.quorum, now.edited_by) == ("pending", 1, 2, [editor.id])
    with pytest.raises(DuplicateDecisionError):
        strict.decide(now, editor)
    assert strict.decide(now, second).resolved
    done = strict.fresh(request)
    assert (done.state, done.approvals, done.quorum) == ("modified", 2, 2)


def test_an_unchanged_proposal_needs_one(strict: Desk) -> None:
    request = strict.open()
    assert strict.decide(request, strict.person()).resolved
    assert strict.fresh(request).quorum == 1


def test_without_that_rule_the_editor_counts(desk: Desk) -> None:
    request = ruled(desk, terms(Stage(), edited=Edited.EDITOR_COUNTS)).open()
    assert edit(desk, request, desk.person()).resolved


@pytest.mark.parametrize(("content", "resolved"), [("select 1", True), ("delete from t", False)])
def test_the_strict_default_says_so_from_high_risk_on(desk: Desk, content: str, resolved: bool) -> None:
    """Medium risk, then high; the edit leaves the risk as it is."""
    request, editor = desk.open(script(content)), desk.person()
    assert request.risk == ("medium" if resolved else "high")
    change = {"content": f"{content} where id = 7"}
    assert desk.decide(request, editor, Verdict.MODIFY, change=change).resolved is resolved


def test_an_edit_that_lowers_the_risk_needs_a_second_person_as_well() -> None:
    high, low = default_terms(RiskLevel.HIGH), default_terms(RiskLevel.LOW)
    assert stricter(high, low).adds_second_person and stricter(low, high).adds_second_person


def test_taking_the_edit_back_does_not_make_its_editor_somebody_else(strict: Desk) -> None:
    request, editor, second = strict.open(), strict.person("Editor"), strict.person("Second")
    edit(strict, request, editor)
    strict.checkpoints.withdraw(request.id, editor)
    now = strict.fresh(request)
    assert (now.approvals, now.quorum, now.edited_by) == (0, 1, [editor.id])
    again = strict.decide(now, editor)
    assert not again.resolved and strict.fresh(request).quorum == 2
    assert strict.decide(now, second).resolved


def test_once_the_editor_has_taken_it_back_one_other_suffices(strict: Desk) -> None:
    request, editor = strict.open(), strict.person("Editor")
    edit(strict, request, editor)
    strict.checkpoints.withdraw(request.id, editor)
    assert strict.decide(strict.fresh(request), strict.person("Second")).resolved


def test_undoing_the_edit_leaves_what_the_agent_proposed(strict: Desk) -> None:
    request, editor, other = strict.open(script("select 1")), strict.person("Editor"), strict.person("Other")
    edit(strict, request, editor)
    assert strict.decide(strict.fresh(request), other, Verdict.MODIFY, change={"content": "select 1"}).resolved
    assert (strict.fresh(request).state, strict.fresh(request).edited_by) == ("approved", [])


def test_the_editor_and_whom_they_stood_in_for_are_one(desk: Desk) -> None:
    teamed = ruled(desk, terms(Stage(teams=("dba",)), edited=Edited.SECOND_PERSON))
    dba, delegate = member(desk, "DBA", "dba"), member(desk, "Delegate")
    away(desk, dba, delegate)
    request = teamed.open()
    edit(teamed, request, delegate)
    assert set(teamed.fresh(request).edited_by) == {dba.id, delegate.id}
    teamed.checkpoints.withdraw(request.id, delegate)
    assert not teamed.decide(teamed.fresh(request), dba).resolved
    assert teamed.decide(teamed.fresh(request), member(desk, "Colleague", "dba")).resolved


def test_where_two_are_needed_anyway_the_editor_is_one_of_them(desk: Desk) -> None:
    two = ruled(desk, terms(Stage(quorum=2), edited=Edited.SECOND_PERSON))
    request = two.open()
    edit(two, request, two.person("Editor"))
    assert two.fresh(request).quorum == 2
    assert two.decide(two.fresh(request), two.person("Second")).resolved


def test_preview_and_button_say_so_beforehand(strict: Desk) -> None:
    request, editor = strict.open(), strict.person("Editor")
    preview = strict.checkpoints.preview(request.id, editor, OTHER)
    assert (preview.raised, preview.second_person, preview.words) == (False, True, SECOND_PERSON)
    view = seen(strict, request, editor)
    buttons = buttons_of(view, show(view, None))
    assert buttons.tail == "" and buttons.changed_tail == "; needs a second person, since you changed it"
    edit(strict, request, editor)
    second = seen(strict, request, strict.person("Second"))
    assert buttons_of(second, show(second, None)).tail == ""
    assert [stage.words for stage in second.situation.stages] == ["1 of 2, now"]
    strict.checkpoints.withdraw(request.id, editor)
    own = seen(strict, request, editor)
    assert buttons_of(own, show(own, None)).approve == "Approve; needs a second person, since you changed it"


def test_a_change_that_needs_no_second_person_says_nothing(desk: Desk) -> None:
    request = desk.open()
    preview = desk.checkpoints.preview(request.id, desk.person(), OTHER)
    assert (preview.second_person, preview.words) == (False, "")
