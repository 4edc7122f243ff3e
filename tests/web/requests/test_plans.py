"""A plan on its page: it is read, and its steps are left out, moved, and edited, without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest

from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel
from tests.factories import make_request, plan
from tests.web.browsing import Browser, Element

ALL = ["find", "measure", "drop", "report"]


def ask(services: Services, risk: RiskLevel = RiskLevel.HIGH, **more: Any) -> ApprovalRequest:
    """A request for the plan, with its real assessment."""
    payload = plan() | more
    assessment = assess_proposal(payload).to_json()
    return make_request(services.sessions, payload=payload, risk=risk, assessment=assessment)


def now_of(services: Services, request: ApprovalRequest) -> ApprovalRequest:
    with services.sessions.reads() as session:
        return session.get_one(ApprovalRequest, request.id)


def steps_now(services: Services, request: ApprovalRequest) -> list[str]:
    return [step["id"] for step in now_of(services, request).payload["steps"]]


def shown_steps(page: Element) -> list[str]:
    return [box.attributes["value"] for box in page.all("input", name="step")]


def move(reviewer: Browser, act: str, token: int, **values: Any) -> None:
    """Press the button that moves a step."""
    button = reviewer.page.one("button", value=f"{act}:steps:{token}")
    assert "disabled" not in button.attributes
    reviewer.send(reviewer.form("decide"), button, status=200, **values)


def test_the_page_says_what_each_step_does_and_which_have_gates(services: Services, reviewer: Browser) -> None:
    page = reviewer.get(f"/requests/{ask(services).id}")
    text = page.one(id="proposal").text
    assert "Remove the tables that nobody uses." in text
    assert "medium complexity" in text and "One of four steps destroys something." in text
    assert "find_unused@1.0" in text and "To list the tables." in text
    assert "Approving the plan does not approve the 2 steps with “own approval”" in text
    drop = page.one(id="f-steps.drop").text
    assert "Destroys something" in drop and "Own approval" in drop
    assert "Calls delete_rows@2.1, after step 1 and step 2" in drop
    assert "${find.tables[0]}" in drop and "Nobody has read it for 90 days." in drop
    assert "Runs the workflow table_report" in page.one(id="f-steps.report").text
    assert "Only reads" in page.one(id="f-steps.find").text


def test_a_plan_that_acts_without_further_approval_says_so(services: Services, reviewer: Browser) -> None:
    payload = plan()
    payload["steps"][2]["gated"] = payload["steps"][3]["gated"] = False
    text = reviewer.get(f"/requests/{ask(services, steps=payload['steps']).id}").one(id="proposal").text
    assert "Approved only here: 2 steps change something without an approval of their own." in text
    assert "No own approval" in text
    reading = reviewer.get(f"/requests/{ask(services, steps=payload['steps'][:2]).id}").one(id="proposal").text
    assert "All steps only read." in reading


def test_code_in_the_inputs_is_read_line_by_line(services: Services, reviewer: Browser) -> None:
    payload = plan()
    payload["steps"][2]["inputs"] = {"table": "orders", "sql": "delete from orders"}
    page = reviewer.get(f"/requests/{ask(services, steps=payload['steps']).id}")
    step = page.one(id="f-steps.drop")
    lines = step.one("div", class_="lines")
    assert "delete from orders" in lines.text and "sql.delete.no_where" in lines.text
    assert step.one("dl").text.startswith("Table orders") and len(step.one("dl").all("dt")) == 2
    assert any(link.text == "step 3, sql, line 1" for link in page.all("a"))


def test_findings_lead_to_their_steps(services: Services, reviewer: Browser) -> None:
    page = reviewer.get(f"/requests/{ask(services).id}")
    assert any(link.text == "step 3" for link in page.all("a", href="#f-steps.drop"))


def test_a_plan_is_approved_as_it_stands(services: Services, reviewer: Browser) -> None:
    request = ask(services)
    reviewer.get(f"/requests/{request.id}")
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve the selected steps"))
    after = now_of(services, request)
    assert (after.state, after.digest) == ("approved", request.digest)
    text = reviewer.follow().text
    assert "Delete its rows" in text and "Edit the inputs" not in text


def test_steps_are_left_out_moved_and_edited(services: Services, reviewer: Browser) -> None:
    request = ask(services, RiskLevel.MEDIUM)
    reviewer.get(f"/requests/{request.id}")
    assert "disabled" in reviewer.page.one("button", value="up:steps:0").attributes
    assert "disabled" in reviewer.page.one("button", value="up:steps:1").attributes  # it needs the first
    assert "disabled" in reviewer.page.one("button", value="down:steps:0").attributes
    move(reviewer, "up", 3, step=["find", "measure", "report"], **{"steps.find.inputs.days": "30"})
    move(reviewer, "up", 3)
    assert shown_steps(reviewer.page) == ["find", "report", "measure", "drop"]
    assert "checked" not in reviewer.page.one(id="step-drop").attributes
    assert reviewer.page.one(id="f-steps.find.inputs.days").attributes["value"] == "30"
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve with changes"))
    after = now_of(services, request)
    assert after.state == "modified"
    assert steps_now(services, request) == ["find", "report", "measure"]
    assert after.payload["steps"][0]["inputs"] == {"days": 30}
    text = reviewer.follow().text
    assert "Changes by reviewers" in text and "removed: − Delete its rows:" in text


def test_a_step_that_is_moved_back_is_no_change(services: Services, reviewer: Browser) -> None:
    request = ask(services)
    reviewer.get(f"/requests/{request.id}")
    move(reviewer, "up", 3)
    assert "data-changed" in reviewer.page.one(id="decision").attributes
    move(reviewer, "down", 3)
    assert "data-changed" not in reviewer.page.one(id="decision").attributes
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve the selected steps"))
    assert now_of(services, request).state == "approved"


def test_an_input_in_place_of_a_reference_frees_the_step(services: Services, reviewer: Browser) -> None:
    request = ask(services)
    reviewer.get(f"/requests/{request.id}")
    typed = {"steps.measure.inputs.table": "orders", "step": ["measure", "report"]}
    reviewer.send(reviewer.form("decide"), reviewer.button("Check this edit"), status=200, **typed)
    assert "the edited proposal would be" in reviewer.page.text
    assert "disabled" not in reviewer.page.one("button", value="up:steps:1").attributes
    move(reviewer, "up", 1)
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve with changes"))
    assert steps_now(services, request) == ["measure", "report"]


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({"step": ["find", "drop", "report"]}, "step-drop", "“Delete its rows” needs “Count rows”, which is left out."),
        ({"steps": "1,0,2,3"}, "step-measure", "“Count rows” needs “Find unused tables”, which comes later."),
        ({"step": None}, "f-steps", "Choose at least one step."),
        ({"step": ["find", "erase"]}, "", "There is no step 'erase'. To have a step added, request changes."),
        ({"steps.find.inputs.days": "many"}, "f-steps.find.inputs.days", "Enter a whole number."),
        ({"steps.find.inputs.days": "0"}, "f-steps.find.inputs.days", "At least 1; this is 0."),
        ({"steps.measure.inputs.table": "${later.x}"}, "step-measure", "needs 'later', and there is no such step"),
    ],
)
def test_what_would_not_be_a_plan_is_refused_at_its_step(
    services: Services, reviewer: Browser, sent: dict[str, Any], field: str, words: str
) -> None:
    request = ask(services)
    reviewer.get(f"/requests/{request.id}")
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), status=422, comment="Kept.", **sent)
    assert words in reviewer.page.text
    assert reviewer.page.one(id="f-comment").text == "Kept."
    if field:
        described = reviewer.page.one(id=field).attributes["aria-describedby"].split()
        assert any(words in reviewer.page.one(id=target).text for target in described)
    assert now_of(services, request).state == "pending"


def test_any_order_that_is_sent_is_taken_or_refused_and_never_breaks(services: Services, reviewer: Browser) -> None:
    request = ask(services)
    for order in ("", "9,8", "0,0,0", "-1,x,3", "٣,1", "3,2,1,0", "0" * 5_000):
        reviewer.get(f"/requests/{request.id}")
        reviewer.send(reviewer.form("decide"), reviewer.button("Check this edit"), status=200 if order in (
            "", "9,8", "0,0,0", "-1,x,3", "0" * 5_000) else 422, steps=order)  # fmt: skip
        assert sorted(shown_steps(reviewer.page)) == sorted(ALL)


def test_a_plan_whose_inputs_are_long_is_shown_and_its_steps_left_out(services: Services, reviewer: Browser) -> None:
    payload = plan()
    payload["steps"][0]["inputs"] = {"days": 1, "note": "x" * 120_000}
    request = ask(services, steps=payload["steps"])
    reviewer.get(f"/requests/{request.id}")
    assert "The inputs are too long to edit here." in reviewer.page.text
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), step=["find", "measure"])
    assert steps_now(services, request) == ["find", "measure"]


def test_a_plan_is_rejected(services: Services, reviewer: Browser) -> None:
    request = ask(services)
    reviewer.get(f"/requests/{request.id}")
    reviewer.send(reviewer.form("decide"), reviewer.button("Reject"), comment="We need these tables.")
    assert now_of(services, request).state == "rejected"


def test_a_revision_shows_which_steps_changed(services: Services, reviewer: Browser) -> None:
    first = ask(services)
    payload = plan()
    payload["steps"] = payload["steps"][:2]
    request = make_request(services.sessions, payload=payload, previous_id=first.id, revision=2)
    text = reviewer.get(f"/requests/{request.id}").one(id="since-previous").text
    assert "removed: − Delete its rows:" in text and "removed: − Count rows:" not in text


def test_a_plan_among_others_is_shown_with_what_its_steps_do(services: Services, reviewer: Browser) -> None:
    text = reviewer.get(f"/queue/marked?request={ask(services).id}").one("tbody").text
    assert "3. Delete its rows: delete_rows@2.1; destroys something; requires its own approval; needs measure" in text
    assert "${find.tables[0]}" in text
