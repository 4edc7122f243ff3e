"""Leaving items out needs no more people than the whole, unless what remains is riskier or requires them by itself."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.errors import RiskRaisedError
from app.domain.policy.terms import Edited, Stage
from app.services.approvals.decisions.reassessment import NOTHING_MORE, SECOND_PERSON
from app.web.requests.buttons import buttons_of
from app.web.requests.proposals import show
from assent.contracts import RiskLevel, Verdict
from assent.digests import canonical
from tests.factories import optimizations
from tests.services.desk import Desk
from tests.services.ruled import DBA, member, ruled, seen, terms

SECOND = terms(Stage(), edited=Edited.SECOND_PERSON)
WITHOUT_C = {"items": [{"id": "a"}, {"id": "b"}]}
EDITED = {"items": [{"id": "a"}, {"id": "b", "statement": "create index concurrently i on t (z)"}, {"id": "c"}]}


def with_backup(statement: str = "analyze t") -> dict[str, Any]:
    """Three items, the last one a backup of what the others change."""
    document = optimizations(3)
    document["items"][0]["statement"] = statement
    document["items"][2] |= {"title": "Back up the table", "statement": "create table t_backup as select * from t"}
    return document


def test_what_remains_needs_one_person_as_the_whole_does(desk: Desk) -> None:
    strict = ruled(desk, SECOND)
    request, reviewer = strict.open(optimizations(3)), strict.person()
    preview = strict.checkpoints.preview(request.id, reviewer, WITHOUT_C)
    assert (preview.raised, preview.second_person, preview.words) == (False, False, NOTHING_MORE)
    assert preview.left_out == ("Index c",)
    buttons = buttons_of(view := seen(strict, request, reviewer), show(view, None))
    assert (buttons.left_tail, buttons.changed_tail) == ("", "; needs a second person, since you changed it")
    assert strict.decide(request, reviewer, Verdict.MODIFY, change=WITHOUT_C).resolved
    done = strict.fresh(request)
    assert (done.state, done.quorum, done.edited_by) == ("modified", 1, [])
    assert [item["id"] for item in done.payload["items"]] == ["a", "b"]


def test_an_edit_beside_it_needs_a_second_person_as_before(desk: Desk) -> None:
    strict = ruled(desk, SECOND)
    request, editor = strict.open(optimizations(3)), strict.person()
    change = {"items": EDITED["items"][:2]}
    assert strict.checkpoints.preview(request.id, editor, change).words == SECOND_PERSON
    assert not strict.decide(request, editor, Verdict.MODIFY, change=change).resolved


def test_who_edits_first_and_then_leaves_out_is_still_an_editor(desk: Desk) -> None:
    strict = ruled(desk, SECOND)
    request, editor, other = strict.open(optimizations(3)), strict.person("Editor"), strict.person("Other")
    strict.decide(request, editor, Verdict.MODIFY, change=EDITED)
    strict.checkpoints.withdraw(request.id, editor)
    now = strict.fresh(request)
    assert strict.checkpoints.preview(request.id, editor, WITHOUT_C).second_person
    assert not strict.checkpoints.preview(request.id, other, WITHOUT_C).second_person
    assert not strict.decide(now, editor, Verdict.MODIFY, change=WITHOUT_C).resolved
    assert strict.fresh(request).edited_by == [editor.id]
    assert strict.decide(strict.fresh(request), other).resolved


@pytest.mark.parametrize(("quorum", "resolved"), [(1, True), (2, False)])
def test_the_policys_rule_for_the_rest_adds_nobody_unless_it_requires_more_people(
    desk: Desk, quorum: int, resolved: bool
) -> None:
    """The whole is for DBA; what remains would be for the platform team."""
    document, rest = optimizations(3), terms(Stage(teams=("platform",), quorum=quorum), name="Rest")
    whole = len(canonical(document).encode())
    desk = ruled(desk, lambda facts: terms(DBA) if facts.size >= whole else rest)
    request, dba = desk.open(document), member(desk, "DBA", "dba")
    assert desk.checkpoints.preview(request.id, dba, WITHOUT_C).raised is not resolved
    sent = {"change": WITHOUT_C, "acknowledged_risk": RiskLevel(request.risk)}
    assert desk.decide(request, dba, Verdict.MODIFY, **sent).resolved is resolved
    assert desk.fresh(request).quorum == (1 if resolved else 3)


def test_without_the_backup_what_remains_is_riskier_and_the_text_says_why(desk: Desk) -> None:
    request, reviewer = desk.open(with_backup()), desk.person()
    assert request.risk == "medium"
    preview = desk.checkpoints.preview(request.id, reviewer, WITHOUT_C)
    assert (preview.assessment.level, preview.raised, preview.second_person) == (RiskLevel.HIGH, True, True)
    assert "raises the risk from medium to high" in preview.words
    assert "left out “Back up the table”" in preview.words and preview.words.endswith(SECOND_PERSON)
    with pytest.raises(RiskRaisedError, match="Back up the table"):
        desk.decide(request, reviewer, Verdict.MODIFY, change=WITHOUT_C)
    result = desk.decide(request, reviewer, Verdict.MODIFY, change=WITHOUT_C, acknowledged_risk=RiskLevel.HIGH)
    assert not result.resolved and result.words.endswith("because you changed it.")
    assert desk.fresh(request).risk == "high"
    assert desk.decide(desk.fresh(request), desk.person("Second")).resolved


def test_the_lost_backup_still_counts_in_the_next_persons_change(desk: Desk) -> None:
    request, first, second = desk.open(with_backup()), desk.person(), desk.person("Second")
    desk.decide(request, first, Verdict.MODIFY, change=WITHOUT_C, acknowledged_risk=RiskLevel.HIGH)
    preview = desk.checkpoints.preview(request.id, second, {"items": [{"id": "b"}]})
    assert preview.assessment.level is RiskLevel.HIGH and not preview.omits
